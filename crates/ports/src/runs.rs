//! Owners of runs.

use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use domain::run::{Event, RunKey, Seq, StopPoint};
use futures_util::Stream;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunsError {
    /// There is no such run of this user, or its log is gone.
    NotFound,
    /// The run's owner or its log could not be reached; for the log only.
    Unavailable(String),
}

impl fmt::Display for RunsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("runs: no such run"),
            Self::Unavailable(why) => write!(f, "runs: unavailable: {why}"),
        }
    }
}

impl std::error::Error for RunsError {}

/// Events of one run, in order, without gaps. It ends after the `end` event, and nothing else is a clean end.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, RunsError>> + Send>>;

/// Owns runs, so that none belongs to a socket.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Starts a run, detached from the caller, and returns its first reader, from the first event on. `job` is the engine's
    /// own description of the work. Dropping the stream leaves the run to its disconnect policy.
    async fn start(&self, key: RunKey, job: Bytes) -> Result<EventStream, RunsError>;

    /// The events after `after`: first from the log, then live. A run whose owner died is closed as `interrupted` by the
    /// first reader that finds it so.
    async fn follow(&self, key: RunKey, after: Seq) -> Result<EventStream, RunsError>;

    /// Whether a later request always finds a run that is not stored. Where requests of one app are served by several
    /// memories, it does not, and what is to be resumed must be stored.
    fn finds_unstored(&self) -> bool {
        true
    }

    /// Closes a run as `interrupted` if its owner is dead; changes nothing if the owner lives, or the run is over. Whoever
    /// can ask the owner asks it: a run must not die because its signs of life reach the store late.
    async fn close_if_dead(&self, key: RunKey) -> Result<(), RunsError>;

    /// Stops a run, aborts the provider and keeps of the reply what `point` says. Returns when that is stored. Stopping a
    /// run that is over changes nothing and succeeds.
    async fn stop(&self, key: RunKey, point: StopPoint) -> Result<(), RunsError>;
}
