//! Work beside the request, on tokio.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use ports::{BoxFuture, Tasks};
use tokio::sync::Semaphore;

/// Tokio's executor. Must be used within it.
#[derive(Clone, Debug)]
pub struct TokioTasks {
    computing: Arc<Semaphore>,
}

impl TokioTasks {
    /// At most `computing` long computations run at once; the others wait their turn.
    pub fn new(computing: NonZero<usize>) -> Self {
        Self { computing: Arc::new(Semaphore::new(computing.get().min(Semaphore::MAX_PERMITS))) }
    }

    /// As many computations at once as there are cores: more would only take memory from each other.
    pub fn cores() -> NonZero<usize> {
        thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
    }
}

#[async_trait]
impl Tasks for TokioTasks {
    fn spawn(&self, task: BoxFuture<()>) {
        tokio::spawn(task);
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) {
        // The semaphore is never closed, so there is always a permit in the end.
        let permit = Arc::clone(&self.computing).acquire_owned().await.ok();
        // The permit moves along: a caller who leaves does not free the core that still computes for it.
        let done = tokio::task::spawn_blocking(move || {
            work();
            drop(permit);
        });
        // A panic was printed where it happened; the caller sees that the work left no result.
        let _ = done.await;
    }
}
