//! The product on a running host: one connection a request, so that a test can cut it.

use std::{env, net::IpAddr};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Request;
use testkit::PlainHttp;

use crate::{Answer, api::PATIENCE};

#[expect(clippy::disallowed_methods, reason = "the suite is pointed at a host by its environment")]
fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

pub fn base_url() -> Option<String> {
    setting("BASE_URL").map(|url| url.trim_end_matches('/').to_owned())
}

pub fn upstream_url() -> Option<String> {
    setting("UPSTREAM_URL").map(|url| url.trim_end_matches('/').to_owned())
}

/// The profile whose settings the host under test runs with, if it is not the shared ones.
pub fn profile() -> Option<String> {
    setting("HOST_PROFILE")
}

/// Sends a request from one of this machine's addresses. A connection that fails is an error.
pub async fn send(base: &str, from: Option<IpAddr>, mut request: Request<Vec<u8>>) -> Result<Answer, String> {
    *request.uri_mut() = format!("{base}{}", request.uri()).parse().expect("a URL");
    if let Some(from) = from {
        // On Workers the platform says who calls by this header, and without one the caller does. No other host believes it.
        request.headers_mut().insert("cf-connecting-ip", from.to_string().parse().expect("a header"));
    }
    let sent = PlainHttp.send_from(from, request.map(Bytes::from));
    let response = tokio::time::timeout(PATIENCE, sent).await.expect("an answer in time");
    let (head, body) = response.map_err(|error| error.to_string())?.into_parts();
    let body = Box::pin(body.map(|chunk| chunk.map_err(|error| error.to_string())));
    Ok(Answer { status: head.status, headers: head.headers, body })
}
