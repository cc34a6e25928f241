//! Reads request bodies: bounded in bytes, time and depth, and valid UTF-8.

use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt as _, future::Either, pin_mut};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::{context::Context, fields::Fields};
use crate::error::{Error, ErrorKind, Result};

/// Objects and arrays within each other.
const MAX_DEPTH: usize = 32;
/// The most memory that is taken before anything of a body has come, in bytes: what a client announces costs it nothing.
const FIRST_ROOM: usize = 16 * 1024;
/// The time that a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// The body as a JSON object. An empty body is an empty object where `optional`.
pub async fn object(context: &Context, headers: &HeaderMap, body: Body, optional: bool) -> Result<Map<String, Value>> {
    let bytes = bytes(context, headers, body).await?;
    if bytes.is_empty() && optional {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        return Err(Error::new(
            ErrorKind::UnsupportedMediaType,
            "unsupported_media_type",
            "Send the body as `content-type: application/json`.",
        ));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        Error::malformed(format!("The body is not valid UTF-8 after byte {}.", error.valid_up_to()))
    })?;
    check_depth(text)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::field("", "The body must be a JSON object.")),
        Err(error) => Err(Error::malformed(format!(
            "The body is not valid JSON at line {}, column {}.",
            error.line(),
            error.column()
        ))),
    }
}

/// Of an operation that reads no field: nothing, or an empty object.
pub async fn none(context: &Context, headers: &HeaderMap, body: Body) -> Result<()> {
    Fields::new(object(context, headers, body, true).await?).finish(())
}

async fn bytes(context: &Context, headers: &HeaderMap, body: Body) -> Result<Vec<u8>> {
    let limit = context.config.max_body_bytes;
    let too_large =
        || Error::new(ErrorKind::TooLarge, "body_too_large", format!("The body may have at most {limit} bytes."));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = async {
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(FIRST_ROOM));
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Error::malformed("The body broke off."))?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    let late = context.platform.tasks.sleep(ARRIVAL);
    pin_mut!(read, late);
    match futures_util::future::select(read, late).await {
        Either::Left((bytes, _)) => bytes,
        Either::Right(_) => {
            Err(Error::new(ErrorKind::RequestTimeout, "request_timeout", "The body did not arrive in time."))
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

/// Counts brackets outside strings, so that a deep body is refused before anything recurses into it.
fn check_depth(text: &str) -> Result<()> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Error::malformed(format!("The body nests deeper than {MAX_DEPTH} levels.")));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert!(check_depth(&"[".repeat(MAX_DEPTH)).is_ok());
        assert!(check_depth(&"[".repeat(MAX_DEPTH + 1)).is_err());
        assert!(check_depth(&format!("\"{}\\\"[[[[\"", "[".repeat(100))).is_ok());
        assert!(check_depth(&"[]".repeat(1000)).is_ok());
    }
}
