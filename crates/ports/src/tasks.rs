//! Work beside the request, and waiting.

use std::{fmt, pin::Pin, time::Duration};

use async_trait::async_trait;

/// A boxed, sendable future.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Too many computations wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many computations wait already")
    }
}

impl std::error::Error for Busy {}

/// The host's executor.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Runs a future to its end, detached from the caller: also after the response was sent and the client has left.
    fn spawn(&self, task: BoxFuture<()>);

    /// Returns after `duration`, not before.
    async fn sleep(&self, duration: Duration);

    /// Runs a long computation where it blocks nobody, a bounded number at once, and returns when it is done. In line where
    /// the platform has no threads. Where a bounded number wait as well, it is refused at once and does not run.
    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy>;
}
