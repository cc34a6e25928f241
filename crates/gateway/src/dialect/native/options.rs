//! What sending a message and completing a prompt have in common: model, streaming, disconnect policy, idempotency.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::run::DisconnectPolicy;
use http::{HeaderMap, header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, Result},
    http::fields::Fields,
    service::models,
};

/// The longest idempotency key, in characters.
const MAX_KEY: usize = 255;

/// The options of a request.
pub struct Options {
    /// The model asked for.
    pub model: Option<String>,
    /// The most tokens of the reply.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// Whether to stream.
    pub stream: bool,
    /// What becomes of the run when the client leaves.
    pub policy: Option<DisconnectPolicy>,
}

impl Options {
    /// Reads them. `Accept: text/event-stream` asks for a stream as `"stream": true` does; `"stream": false` wins.
    #[expect(clippy::cast_possible_truncation, reason = "ranges are checked")]
    pub fn read(fields: &mut Fields, headers: &HeaderMap) -> Self {
        let policy = fields.maybe_text("disconnect", 1..=20);
        let parsed = policy.as_deref().and_then(DisconnectPolicy::parse);
        if policy.is_some() && parsed.is_none() {
            let longest = DisconnectPolicy::MAX_GRACE_SECONDS;
            fields.refuse(
                "disconnect",
                format!("Must be `finish`, `cancel` or `grace:SECONDS` with at most {longest} seconds."),
            );
        }
        Self {
            model: fields.maybe_text("model", 1..=models::MAX_NAME),
            max_tokens: fields.maybe_integer("max_tokens", 1..=1_000_000).map(|n| n as u32),
            temperature: fields.maybe_number("temperature", 0.0..=2.0).map(|n| n as f32),
            stream: fields.maybe_bool("stream").unwrap_or_else(|| wants_events(headers)),
            policy: parsed,
        }
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept
        .split(',')
        .any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream"))
}

/// The `Idempotency-Key` header: a quoted structured-field string, or the bare form.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let plain = bare.bytes().all(|c| (b' '..=b'~').contains(&c) && !matches!(c, b'"' | b'\\'));
    if !plain || bare.is_empty() || bare.len() > MAX_KEY {
        return Err(Error::field("idempotency-key:", format!("Must have 1 to {MAX_KEY} printable ASCII characters.")));
    }
    Ok(Some(bare.to_owned()))
}

/// What the request is: the operation and the body, in a canonical form, hashed. How the answer is delivered does not
/// count: a phone that streamed may come back for the whole.
pub fn fingerprint(operation: &str, body: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(operation);
    for (name, value) in body.iter().filter(|(name, _)| *name != "stream") {
        hash.update(format!("\n{}:{value}", Value::from(name.as_str())));
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_fingerprint_knows_content_and_not_order_space_or_delivery() {
        let one = fingerprint("send", &body(r#"{"content":"a","model":"m"}"#));
        assert_eq!(one, fingerprint("send", &body(r#"{ "model": "m", "stream": true, "content": "a" }"#)));
        assert_ne!(one, fingerprint("send", &body(r#"{"content":"b","model":"m"}"#)));
        assert_ne!(one, fingerprint("complete", &body(r#"{"content":"a","model":"m"}"#)));
    }

    #[test]
    fn both_forms_of_the_key_are_read() {
        let read = |text: &'static str| {
            idempotency_key(&HeaderMap::from_iter([("idempotency-key".parse().unwrap(), text.parse().unwrap())]))
        };
        assert_eq!(read("\"8e03978e\"").unwrap().as_deref(), Some("8e03978e"));
        assert_eq!(read("8e03978e").unwrap().as_deref(), Some("8e03978e"));
        assert!(read("\"\"").is_err() && read("a\\b").is_err());
    }
}
