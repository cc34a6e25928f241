//! `GET /.well-known/jwks.json`: what others can verify access tokens with.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use super::wire::json;
use crate::{http::context::Context, service::access_tokens};

/// `GET /.well-known/jwks.json`
pub async fn read(context: Context) -> Response {
    let mut response = json(StatusCode::OK, &access_tokens::public_keys(&context.config));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
