//! Cross-origin requests: only from configured origins, with credentials.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::Config;

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = "authorization, x-api-key, x-goog-api-key, content-type, accept, idempotency-key, last-event-id, \
    x-device-name, x-device-platform, x-request-id";
const EXPOSED: &str = "x-request-id, retry-after";

/// The answer to a preflight request; `None` when this is none.
pub fn preflight(config: &Config, method: &Method, headers: &HeaderMap) -> Option<Response> {
    (method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)).then(|| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        if allowed(config, headers.get(header::ORIGIN)).is_some() {
            let to = response.headers_mut();
            to.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            to.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
            to.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
        response
    })
}

/// Adds what a browser needs to let the page read the response.
pub fn decorate(config: &Config, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
    if config.cors_origins.is_empty() {
        return;
    }
    response.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed(config, origin) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

fn allowed(config: &Config, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    let origin = origin?;
    config.cors_origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}
