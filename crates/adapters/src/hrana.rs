//! libSQL over HTTP: a batch of statements is one request to the server's Hrana pipeline, over any `HttpClient`.
//!
//! Protocol: "The Hrana protocol specification, version 2", section "Hrana over HTTP", as `sqld` and Turso speak it. What
//! goes over the wire is in `wire`; what an answer means is in `outcome`.

mod endpoint;
mod outcome;
mod wire;

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::Secret;
use futures_util::{
    StreamExt as _,
    future::{Either, select},
};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use ports::{
    Body, Database, DatabaseError, DatabaseErrorKind, HttpClient, HttpError, HttpErrorKind, Outcome, Statement, Tasks,
};

pub use self::endpoint::HranaError;

/// The largest answer that is read: more than a server sends by default (10 MB).
const ANSWER_BYTES: usize = 16 << 20;

/// A database behind a libSQL server.
pub struct Hrana {
    endpoint: Uri,
    token: Option<Secret<String>>,
    http: Arc<dyn HttpClient>,
    tasks: Arc<dyn Tasks>,
    patience: Duration,
}

impl Hrana {
    /// A database at `url` (`https://…`, `http://…`, or `libsql://…`, which is https). `token` goes along as a bearer token.
    /// An exchange that takes longer than `patience` counts as unavailable.
    pub fn new(
        url: &str,
        token: Option<Secret<String>>,
        http: Arc<dyn HttpClient>,
        tasks: Arc<dyn Tasks>,
        patience: Duration,
    ) -> Result<Self, HranaError> {
        let endpoint = endpoint::pipeline(url)?;
        if let Some(token) = &token {
            endpoint::authorization(token)?;
            if endpoint::is_exposed(&endpoint) {
                return Err(HranaError::Plain);
            }
        }
        Ok(Self { endpoint, token, http, tasks, patience })
    }

    fn request(&self, body: Vec<u8>) -> Result<Request<Bytes>, DatabaseError> {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &self.token {
            let value = endpoint::authorization(token).map_err(|error| fault(error.to_string()))?;
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// One request and its answer. `writes`: whether something may be kept of it.
    async fn exchange(&self, request: Request<Bytes>, writes: bool) -> Result<Vec<u8>, DatabaseError> {
        let response = self.http.send(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = read(response, writes).await;
        if status == StatusCode::OK { body } else { Err(refusal(status, body.ok().as_deref())) }
    }
}

#[async_trait]
impl Database for Hrana {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let plan = wire::Plan::of(&statements);
        let request = self.request(plan.encode(&statements)?)?;
        match select(pin!(self.exchange(request, plan.writes)), pin!(self.tasks.sleep(self.patience))).await {
            Either::Left((answer, _)) => outcome::decode(plan, &answer?),
            Either::Right(_) => Err(unavailable(format!("no answer within {:?}", self.patience))),
        }
    }
}

/// A fault of ours, or of the settings: nothing ran.
fn fault(detail: impl Into<String>) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, detail)
}

fn unavailable(detail: impl Into<String>) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Unavailable, detail)
}

fn broken(error: &HttpError) -> DatabaseError {
    match error.kind {
        HttpErrorKind::Denied => fault(format!("{error}; allow this host to reach the libSQL server")),
        HttpErrorKind::Connect | HttpErrorKind::Reset | HttpErrorKind::Other => unavailable(error.to_string()),
    }
}

/// Reads a body, up to its bound.
async fn read(response: Response<Body>, writes: bool) -> Result<Vec<u8>, DatabaseError> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if bytes.len() + chunk.len() > ANSWER_BYTES {
            let detail = format!("the answer is larger than {ANSWER_BYTES} bytes; ask for less at once");
            // The statements ran, so a write may well be kept. A read would be answered alike again.
            return Err(if writes { unavailable(detail) } else { fault(detail) });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What a status other than 200 means.
fn refusal(status: StatusCode, body: Option<&[u8]>) -> DatabaseError {
    let said = body.and_then(wire::message).unwrap_or_default();
    let detail = match status {
        _ if status.is_redirection() => format!("{status}: the server points elsewhere; set its final URL"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!("{status}: check the token: {said}"),
        StatusCode::NOT_FOUND => format!("{status}: no Hrana pipeline here; check the URL: {said}"),
        _ => format!("{status}: {said}"),
    };
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    if status.is_server_error() || passing.contains(&status) { unavailable(detail) } else { fault(detail) }
}

#[cfg(test)]
mod tests;
