//! A call as tests look at it.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::journal::Record;
use super::request::{headers, lossy};

/// One request that the upstream was sent, and how playing its script went so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `POST` …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values as sent, in order.
    pub headers: Vec<(String, String)>,
    /// Without framing.
    pub body: Vec<u8>,
    /// Milliseconds since the server started.
    pub at_ms: u64,
    /// Whether the client left before the script's end; none while the script plays.
    pub closed_early: Option<bool>,
    /// When that was noticed, in milliseconds since the server started.
    pub closed_at_ms: Option<u64>,
    /// When the call ended, either way.
    pub ended_at_ms: Option<u64>,
    /// Whether the script was played to its end.
    pub finished: bool,
    /// Body bytes handed to the socket so far.
    pub sent_bytes: u64,
    /// The connection it came on, counted from 0: equal numbers mean that the connection was kept alive.
    pub connection: u64,
    /// How many calls of this id came before.
    pub attempt: u64,
}

impl Call {
    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        lossy(&self.body)
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The form of `GET /__calls/{id}`.
    pub(super) fn to_value(&self) -> Value {
        json!({
            "method": self.method, "path": self.path, "headers": self.headers, "body": self.text(), "at_ms": self.at_ms,
            "closed_early": self.closed_early, "closed_at_ms": self.closed_at_ms, "ended_at_ms": self.ended_at_ms,
            "finished": self.finished, "sent_bytes": self.sent_bytes, "connection": self.connection,
            "attempt": self.attempt,
        })
    }

    pub(super) fn of(record: &Record) -> Self {
        let end = record.end.get();
        Self {
            method: lossy(record.request.method()),
            path: lossy(record.request.target()),
            headers: headers(&record.request.head),
            body: record.request.body.to_vec(),
            at_ms: record.at_ms,
            closed_early: end.map(|end| !end.finished),
            closed_at_ms: end.filter(|end| !end.finished).map(|end| end.at_ms),
            ended_at_ms: end.map(|end| end.at_ms),
            finished: end.is_some_and(|end| end.finished),
            sent_bytes: record.sent.load(Ordering::Relaxed),
            connection: record.connection,
            attempt: record.attempt,
        }
    }
}
