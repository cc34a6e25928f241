//! Requests and responses between Workers and the gateway: both bodies stream.

mod rest;

use gateway::Body;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use ports::Client;
use worker::{Cf, EncodeBody, HttpRequest, ResponseBuilder};

use self::rest::Shared;
use crate::{exchange, probe::Probing};

/// Cloudflare's codes for an unknown country and for Tor: none of ISO 3166.
const NO_COUNTRY: [&str; 2] = ["XX", "T1"];

/// The request as the gateway takes it, and a handle on what it leaves of the body.
pub fn request(request: HttpRequest) -> (Request<Body>, Shared) {
    let (mut parts, body) = request.into_parts();
    let client = Client {
        // Cloudflare sets it and lets no client set it.
        address: text(&parts.headers, "cf-connecting-ip").and_then(|address| address.parse().ok()),
        country: country(&parts),
    };
    parts.extensions.clear();
    parts.extensions.insert(client);
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    let body = Shared::new(body);
    (Request::from_parts(parts, Body::new(body.clone())), body)
}

fn country(parts: &http::request::Parts) -> Option<String> {
    let of_request = parts.extensions.get::<Cf>().and_then(Cf::country);
    of_request
        .or_else(|| text(&parts.headers, "cf-ipcountry").map(str::to_owned))
        .filter(|code| !NO_COUNTRY.contains(&code.as_str()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The gateway's response as Workers takes it. A body whose length is known goes as one piece with that length; every other
/// one goes frame by frame, as they come.
pub async fn response(response: Response<Body>) -> worker::Result<worker::Response> {
    let (parts, body) = response.into_parts();
    if body.is_end_stream() || body.size_hint().exact().is_none() {
        let is_events = parts.headers.get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static("text/event-stream"));
        let body = if is_events { Body::new(Probing::events(body)) } else { body };
        return worker::Response::try_from(Response::from_parts(parts, body));
    }
    let bytes = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let builder = ResponseBuilder::new()
        .with_status(parts.status.as_u16())
        .with_headers(worker::Headers(exchange::headers(&parts.headers)?));
    // What is compressed already must go out as it is: the runtime would compress it again.
    let encoded = parts.headers.contains_key(header::CONTENT_ENCODING);
    let builder = builder.with_encode_body(if encoded { EncodeBody::Manual } else { EncodeBody::Automatic });
    Ok(builder.fixed(bytes.to_vec()))
}
