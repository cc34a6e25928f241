//! `GET /docs`: the API's description, shown by a viewer that the product serves itself. The page lies in `assets`, the
//! other files in `assets/static`, which a host may keep beside the code; nothing is loaded from elsewhere. How to renew the viewer stands in `assets/README.md`.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::context::Context;
use crate::{
    dialect::native::wire::json as respond,
    error::{Error, Result},
};

const PAGE: &str = include_str!("../../assets/docs.html");
/// The page's own scripts and calls, and nothing else. The viewer writes styles into its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The version in a file's name lets it be kept for good.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    /// Whether the bytes are kept gzipped.
    gzipped: bool,
    /// Where the bytes are, among the [`ports::Assets`].
    file: &'static str,
}

const ASSETS: [Asset; 2] = [
    Asset {
        name: "openapi-explorer-2.4.820.min.js",
        content_type: "text/javascript; charset=utf-8",
        gzipped: true,
        file: "openapi-explorer.min.js.gz",
    },
    Asset {
        name: "openapi-explorer-2.4.820.min.js.LICENSE.txt",
        content_type: "text/plain; charset=utf-8",
        gzipped: false,
        file: "openapi-explorer.min.js.LICENSE.txt",
    },
];

/// `GET /docs`
pub async fn page() -> Response {
    response(Bytes::from_static(PAGE.as_bytes()), "text/html; charset=utf-8", "no-cache")
}

/// `GET /docs/{file}`
pub async fn file(context: Context, path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Result<Response> {
    let name = path.map(|Path(name)| name).unwrap_or_default();
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(|| Error::not_found("File"))?;
    if asset.gzipped && !takes_gzip(&headers) {
        return Ok(not_acceptable(&context.request_id));
    }
    let bytes = context.platform.assets.read(asset.file).await.map_err(Error::internal)?;
    let mut response = response(bytes, asset.content_type, FOR_GOOD);
    if asset.gzipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    Ok(response)
}

fn response(bytes: Bytes, content_type: &'static str, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether gzip may be sent (RFC 9110, 12.5.3): everything may be to a client that says nothing. `gzip` counts before `*`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return true;
    }
    let (mut named, mut any) = (None, false);
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    for item in lines.flat_map(|line| line.split(',')) {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight =
            weight.trim().strip_prefix(['q', 'Q']).and_then(|weight| weight.strip_prefix('=')?.parse::<f32>().ok());
        let taken = weight.is_none_or(|weight| weight > 0.0);
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => named = Some(taken),
            "*" => any = taken,
            _ => {}
        }
    }
    named.unwrap_or(any)
}

/// The envelope of every error. No other part of the product has this status, so that it is no kind of its own.
fn not_acceptable(request_id: &str) -> Response {
    let status = StatusCode::NOT_ACCEPTABLE;
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": "This file is only kept gzipped. Send `Accept-Encoding: gzip`.",
        "code": "not_acceptable",
        "request_id": request_id,
    });
    let mut response = respond(status, &body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

#[cfg(test)]
mod tests;
