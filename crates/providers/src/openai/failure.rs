//! What a provider's errors mean: HTTP statuses, error objects and the words in them, mapped to our kinds.

mod note;

use domain::Secret;
use http::{StatusCode, response};
use serde_json::Value;

pub(super) use self::note::Note;
use super::wire::Unreadable;
use crate::{ProviderError, ProviderErrorKind as Kind, RetryAfter};

/// The largest error that is taken apart, in bytes of JSON. As a tree it takes many times as much memory.
const MAX_ERROR_BYTES: usize = 64 << 10;

pub(super) fn malformed() -> ProviderError {
    ProviderError::new(Kind::Malformed)
}

pub(super) fn incomplete() -> ProviderError {
    ProviderError::new(Kind::Incomplete)
}

pub(super) fn not_a_reply() -> ProviderError {
    malformed().because("the body is neither an event stream nor a completion")
}

/// A body that is no chunk: a bare list of errors (Google), cut off, or garbage.
pub(super) fn unreadable(body: &[u8], unreadable: Unreadable, note: &Note) -> ProviderError {
    if body.starts_with(b"[")
        && body.len() <= MAX_ERROR_BYTES
        && let Ok(Value::Array(items)) = serde_json::from_slice(body)
        && let Some(error) = items.first().and_then(error_of)
    {
        return reported(error, note);
    }
    let kind = if unreadable.is_cut { Kind::Incomplete } else { Kind::Malformed };
    ProviderError::new(kind).because(unreadable.note)
}

/// The data of an event that is named `error`, whose form nobody has fixed.
pub(super) fn reported_text(data: &str, note: &Note) -> ProviderError {
    let value = (data.len() <= MAX_ERROR_BYTES).then(|| serde_json::from_str::<Value>(data).ok()).flatten();
    value.map_or_else(
        || ProviderError::new(Kind::Reported).because(Note::text(data)),
        |value| reported(error_of(&value).unwrap_or(&value), note),
    )
}

/// The value of an `error` field. One that is too large to be taken apart is an error all the same.
pub(super) fn error_value(json: &str) -> Result<Value, ProviderError> {
    if json.len() > MAX_ERROR_BYTES {
        return Ok(Value::from("an error that is too large to be read"));
    }
    serde_json::from_str(json).map_err(|_| malformed().because("JSON: an error that is nested too deeply"))
}

/// An error object in a reply that began as a success.
pub(super) fn reported(error: &Value, note: &Note) -> ProviderError {
    let number = [&error["code"], &error["status"]].into_iter().find_map(Value::as_u64);
    let by_number = number.and_then(|code| kind_of_status(StatusCode::from_u16(u16::try_from(code).ok()?).ok()?));
    let kind = words(error).find_map(kind_of_word).or(by_number).unwrap_or(Kind::Reported);
    ProviderError::new(kind).telling(detail(kind, error)).because(note.error(error))
}

/// An answer whose status is no success.
pub(super) fn refusal(head: &response::Parts, body: &[u8], key: Option<&Secret<String>>) -> ProviderError {
    let note = Note::new(key.cloned());
    let body_value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    // Google wraps the object in a list on some routes.
    let error = error_of(body_value.get(0).unwrap_or(&body_value)).unwrap_or(&Value::Null);
    let out_of_money = words(error).any(|word| kind_of_word(word) == Some(Kind::Quota));
    let not_found = head.status == StatusCode::NOT_FOUND;
    let prose = not_found.then(|| prose(error, &body_value, body)).flatten();
    let unknown_model = not_found && is_about_the_model(error, prose);
    let kind = match kind_of_status(head.status) {
        Some(_) if unknown_model => Kind::Rejected,
        Some(_) if not_found => Kind::NotFound,
        Some(_) if out_of_money => Kind::Quota,
        Some(kind) => kind,
        None => Kind::Malformed,
    };
    let source = if error.is_null() { Note::text(&String::from_utf8_lossy(body)) } else { note.error(error) };
    let should_retry = match head.headers.get("x-should-retry").map(http::HeaderValue::as_bytes) {
        Some(b"true") => Some(true),
        Some(b"false") => Some(false),
        _ => None,
    };
    ProviderError {
        detail: if unknown_model { UNKNOWN_MODEL } else { detail(kind, error) },
        source: Some(source),
        prose: prose.and_then(|text| note.prose(text)),
        retry_after: RetryAfter::from_headers(&head.headers),
        status: Some(head.status.as_u16()),
        should_retry,
        ..ProviderError::new(kind)
    }
}

/// What a provider says in prose, wherever it does: in the error object, beside it, or as plain text.
fn prose<'a>(error: &'a Value, body: &'a Value, bytes: &'a [u8]) -> Option<&'a str> {
    let said = [&error["message"], error, &body["message"], &body["detail"]].into_iter().find_map(Value::as_str);
    said.or_else(|| std::str::from_utf8(bytes).ok().filter(|_| body.is_null()))
}

/// Whether a 404 is about the model and not about the address: by its code, or, where a provider has none, by its prose.
fn is_about_the_model(error: &Value, prose: Option<&str>) -> bool {
    words(error).any(|word| word == "model_not_found")
        || error["param"] == "model"
        || prose.is_some_and(|text| !text.trim_start().starts_with('<') && text.to_ascii_lowercase().contains("model"))
}

/// The `error` of an object, if there is one to speak of: null, false and empty ones are none, as in the stock SDKs.
fn error_of(value: &Value) -> Option<&Value> {
    value.get("error").filter(|error| is_error(error))
}

/// Whether the value of an `error` field says that there is one.
pub(super) fn is_error(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// The words that name an error, the most telling first.
fn words(error: &Value) -> impl Iterator<Item = &str> {
    ["code", "type", "status"].into_iter().filter_map(|field| error[field].as_str())
}

fn kind_of_status(status: StatusCode) -> Option<Kind> {
    Some(match status.as_u16() {
        401 | 403 => Kind::Unauthorized,
        402 => Kind::Quota,
        408 => Kind::Timeout,
        429 => Kind::RateLimited,
        // A conflict is one over a lock of the provider's own: the stock SDKs repeat it.
        409 | 500..600 => Kind::Overloaded,
        400..500 => Kind::Rejected,
        _ => return None,
    })
}

fn kind_of_word(word: &str) -> Option<Kind> {
    Some(match word.to_ascii_lowercase().as_str() {
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "billing_error"
        | "insufficient_balance"
        | "insufficient_credits" => Kind::Quota,
        "rate_limit_exceeded" | "rate_limit_error" | "rate_limited" | "too_many_requests" | "resource_exhausted" => {
            Kind::RateLimited
        }
        "server_error"
        | "api_error"
        | "internal"
        | "internal_error"
        | "internal_server_error"
        | "overloaded"
        | "overloaded_error"
        | "engine_overloaded"
        | "service_unavailable"
        | "unavailable" => Kind::Overloaded,
        "timeout" | "timeout_error" | "deadline_exceeded" => Kind::Timeout,
        "invalid_api_key" | "authentication_error" | "permission_error" | "permission_denied" | "unauthenticated" => {
            Kind::Unauthorized
        }
        "invalid_request_error"
        | "invalid_argument"
        | "badrequesterror"
        | "context_length_exceeded"
        | "model_not_found"
        | "not_found_error"
        | "not_found"
        | "request_too_large"
        | "invalid_prompt"
        | "content_filter"
        | "content_policy_violation" => Kind::Rejected,
        _ => return None,
    })
}

const UNKNOWN_MODEL: &str = "the model's provider does not know this model; choose another";

/// Our words for the client, more telling where the provider's code is one that we know.
fn detail(kind: Kind, error: &Value) -> &'static str {
    match error["code"].as_str() {
        Some("context_length_exceeded") => "the conversation is too long for this model; shorten it or begin a new one",
        Some("model_not_found") => UNKNOWN_MODEL,
        Some("content_filter" | "content_policy_violation") => {
            "the content filter of the model's provider refuses this request; change it before trying again"
        }
        _ => kind.detail(),
    }
}
