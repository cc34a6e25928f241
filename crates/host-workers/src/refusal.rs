//! The answer of an isolate that cannot serve: the gateway's envelope for errors, without the gateway.

use gateway::Body;
use http::{HeaderValue, Response, StatusCode, header};
use ports::Entropy as _;
use serde_json::json;

use crate::entropy::WebCrypto;

/// Why it cannot.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// The settings or bindings are not valid. Stays so until there is another isolate.
    Settings,
    /// The database cannot be brought up to date. The next request tries again.
    Database,
}

/// A 503 that says what is wrong, but no value and no name: those are in the log.
pub fn response(refusal: Refusal) -> Response<Body> {
    let (code, detail) = match refusal {
        Refusal::Settings => (
            "settings_invalid",
            "The settings of this server are not valid. Its log lists what is wrong and what is expected.",
        ),
        Refusal::Database => (
            "database_not_ready",
            "The database of this server could not be prepared. Try again in a moment; its log says why.",
        ),
    };
    let mut id = [0; 16];
    WebCrypto.fill(&mut id);
    let request_id = format!("{:032x}", u128::from_be_bytes(id));

    let status = StatusCode::SERVICE_UNAVAILABLE;
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
        "request_id": request_id,
    });
    let mut response = Response::new(Body::from(problem.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert("x-request-id", id);
    }
    response
}
