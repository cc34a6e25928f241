//! The suite of `ports::HttpClient`, against the scripted upstream. The client under test also writes the scripts and reads
//! the calls, so the suite needs nothing but the client and the upstream's address.

mod exchange;
mod streaming;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Method, Request, Response};
use ports::{Body, HttpClient, HttpError};
use serde_json::Value;

use super::report::{Outcome, Report, ensure, equal, text};

/// Checks a client; `upstream_url` is where the scripted upstream listens, without a closing slash.
pub async fn http_client(client: &dyn HttpClient, upstream_url: &str) -> Report {
    let mut report = Report::default();
    let peer = Peer { client, url: upstream_url };
    exchange::run(&peer, &mut report).await;
    streaming::run(&peer, &mut report).await;
    report
}

/// The scripted upstream as the client under test reaches it.
struct Peer<'a> {
    client: &'a dyn HttpClient,
    url: &'a str,
}

impl Peer<'_> {
    /// A request to the script of this id.
    fn request(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<Request<Bytes>, String> {
        Request::builder().method(method).uri(format!("{}{path}", self.url)).body(body.into()).map_err(text)
    }

    /// Gives an id its script.
    async fn script(&self, id: &str, script: &Value) -> Outcome {
        let request = self.request(Method::PUT, &format!("/__script/{id}"), script.to_string())?;
        let response = self.client.send(request).await.map_err(text)?;
        let status = response.status();
        let answer = whole(response).await.map_err(text)?;
        ensure(status == 200, || format!("the upstream took no script: {status} {}", String::from_utf8_lossy(&answer)))
    }

    /// Plays an id's script; the response's head.
    async fn play(&self, id: &str) -> Result<Response<Body>, String> {
        self.client.send(self.request(Method::GET, &format!("/play/{id}"), "")?).await.map_err(text)
    }

    /// Plays a script to its end: the status and the whole body.
    async fn played(&self, id: &str, script: &Value) -> Result<(u16, Vec<u8>), String> {
        self.script(id, script).await?;
        let response = self.play(id).await?;
        let status = response.status().as_u16();
        Ok((status, whole(response).await.map_err(text)?))
    }

    /// What the upstream recorded of an id; `query` is empty or begins with a question mark.
    async fn calls(&self, id: &str, query: &str) -> Result<Value, String> {
        let request = self.request(Method::GET, &format!("/__calls/{id}{query}"), "")?;
        let response = self.client.send(request).await.map_err(text)?;
        serde_json::from_slice(&whole(response).await.map_err(text)?).map_err(text)
    }

    /// Waits until the peer sees that its newest exchange was closed before the script's end.
    async fn closed_early(&self, id: &str) -> Outcome {
        let calls = self.calls(id, "?wait=closed&timeout_ms=10000").await?;
        equal(&calls["timed_out"], &Value::Bool(false))?;
        equal(&calls["calls"][0]["closed_early"], &Value::Bool(true))
    }
}

/// The whole body, or the error that ended it.
async fn whole(response: Response<Body>) -> Result<Vec<u8>, HttpError> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}
