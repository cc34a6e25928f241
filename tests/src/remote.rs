//! The product on a running host.

use std::env;

use futures_util::StreamExt as _;
use http::Method;

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

pub fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).redirect(reqwest::redirect::Policy::none());
    client.build().expect("a client")
}

pub async fn send(
    client: &reqwest::Client,
    base: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut request = client.request(method, format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.body(body);
    }
    let response = tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = Box::pin(response.bytes_stream().map(|chunk| chunk.map_err(|error| error.to_string())));
    Answer { status, headers, body }
}
