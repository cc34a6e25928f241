//! Calling others over HTTP.

use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

/// A response body: chunks as they arrive. Dropping it aborts the exchange.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, HttpError>> + Send>>;

/// What went wrong, in kinds that a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// No connection was made: the request did not arrive.
    Connect,
    /// The connection broke after it was made.
    Reset,
    /// The host refuses this destination.
    Denied,
    /// Anything else.
    Other,
}

/// A failed exchange. `detail` is for the log only and holds no header and no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// What a caller can act on.
    pub kind: HttpErrorKind,
    /// What the client library said.
    pub detail: String,
}

impl HttpError {
    /// An error of a known kind.
    pub fn new(kind: HttpErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http: {:?}: {}", self.kind, self.detail)
    }
}

impl std::error::Error for HttpError {}

/// A client for outbound requests.
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// Sends a request and returns when the response's head is there; the body streams chunk by chunk as the peer sends it.
    /// Redirects are returned, not followed. Compression is not asked for. A body that ends before the peer's framing says so
    /// (content length, last chunk) ends with an error, never cleanly. Dropping the future or the body closes the exchange at
    /// the peer. Only the time to connect is bounded here; every other timeout is the caller's.
    async fn send(&self, request: ::http::Request<Bytes>) -> Result<::http::Response<Body>, HttpError>;
}
