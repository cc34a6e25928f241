//! Work beside the request, and waiting.

use std::{pin::Pin, time::Duration};

use async_trait::async_trait;

/// A boxed, sendable future.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The host's executor.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Runs a future to its end, detached from the caller: also after the response was sent and the client has left.
    fn spawn(&self, task: BoxFuture<()>);

    /// Returns after `duration`, not before.
    async fn sleep(&self, duration: Duration);

    /// Runs a long computation where it blocks nobody, a bounded number at once, and returns when it is done. In line where
    /// the platform has no threads.
    async fn compute(&self, work: Box<dyn FnOnce() + Send>);
}
