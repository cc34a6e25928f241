//! Errors on the wire: `application/problem+json` (RFC 9457) that also carries `detail`, `code` and `request_id`.
//!
//! A handler's error travels as a response extension; the pipeline renders it, so that no error escapes the envelope.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};

/// An error on its way out.
#[derive(Clone)]
pub struct Failure(pub Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(&self.kind);
        response.extensions_mut().insert(Failure(Arc::new(self)));
        response
    }
}

/// The one place where kinds become statuses.
pub fn status(kind: &ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Malformed | ErrorKind::Refused | ErrorKind::AlreadyRegistered => StatusCode::BAD_REQUEST,
        ErrorKind::Invalid(_) | ErrorKind::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Unauthenticated | ErrorKind::BadBearer => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Provider { status, .. } => StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Seconds for `Retry-After`: rounded up, at least 1.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

/// Renders an error. The headers that the response already carries (`Allow`) stay.
pub fn render(error: &Error, request_id: &str, mut response: Response) -> Response {
    let status = status(&error.kind);
    let mut body = Map::new();
    body.insert("type".into(), json!("about:blank"));
    body.insert("title".into(), json!(status.canonical_reason().unwrap_or("Error")));
    body.insert("status".into(), json!(status.as_u16()));
    body.insert("detail".into(), json!(error.detail));
    body.insert("code".into(), json!(error.code));
    body.insert("request_id".into(), json!(request_id));
    if let ErrorKind::Invalid(fields) = &error.kind {
        let entries = fields.iter().map(|field| json!({ "pointer": field.pointer, "detail": field.detail }));
        body.insert("errors".into(), entries.collect());
    }
    let retry_after = match &error.kind {
        ErrorKind::RateLimited { retry_after } => Some(*retry_after),
        ErrorKind::Provider { retry_after, .. } => *retry_after,
        ErrorKind::Unavailable => Some(Duration::from_secs(1)),
        _ => None,
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(wait) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds(wait)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, challenge(error));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(Value::Object(body).to_string());
    response
}

/// How to authenticate (RFC 6750, section 3). What is wrong is only said of an access token or an API key that was sent.
fn challenge(error: &Error) -> HeaderValue {
    let plain = HeaderValue::from_static("Bearer");
    if error.kind != ErrorKind::BadBearer {
        return plain;
    }
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    let description: String = error.detail.chars().filter(allowed).collect();
    HeaderValue::try_from(format!("Bearer error=\"invalid_token\", error_description=\"{description}\""))
        .unwrap_or(plain)
}
