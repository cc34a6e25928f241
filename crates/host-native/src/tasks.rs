//! Work beside the request, on tokio.

use std::{num::NonZero, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use ports::{BoxFuture, Busy, Tasks};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Tokio's executor. Must be used within it.
#[derive(Clone, Debug)]
pub struct TokioTasks {
    computing: Arc<Semaphore>,
    /// One for each computation that runs or waits.
    places: Arc<Semaphore>,
    /// What was spawned and is not done.
    spawned: TaskTracker,
}

impl TokioTasks {
    /// At most `computing` long computations run at once, and `waiting` more wait their turn.
    pub fn new(computing: NonZero<usize>, waiting: usize) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        let spawned = TaskTracker::new();
        // A tracker that is open is never waited for to the end. Tasks can be spawned all the same.
        spawned.close();
        let places = semaphore(computing.get().saturating_add(waiting));
        Self { computing: semaphore(computing.get()), places, spawned }
    }

    /// Waits until nothing that was spawned is under way.
    pub async fn idle(&self) {
        self.spawned.wait().await;
    }

    /// How many spawned tasks are under way.
    pub fn under_way(&self) -> usize {
        self.spawned.len()
    }

    /// As many computations at once as there are cores: more would only take memory from each other.
    pub fn cores() -> NonZero<usize> {
        thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
    }
}

#[async_trait]
impl Tasks for TokioTasks {
    fn spawn(&self, task: BoxFuture<()>) {
        self.spawned.spawn(task);
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        // The semaphore is never closed, so there is always a permit in the end.
        let permit = Arc::clone(&self.computing).acquire_owned().await.ok();
        // The permit moves along: a caller who leaves does not free the core that still computes for it.
        let done = tokio::task::spawn_blocking(move || {
            work();
            drop((permit, place));
        });
        // A panic was printed where it happened; the caller sees that the work left no result.
        let _ = done.await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_computes_one_waits_and_the_third_is_refused() {
        let tasks = TokioTasks::new(NonZero::<usize>::MIN, 1);
        let (begun, gate) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (first, second) = (tasks.clone(), tasks.clone());
        let (done, results) = mpsc::channel();
        let (work, release) = (Arc::clone(&begun), Arc::clone(&gate));
        let running = tokio::spawn(async move {
            first
                .compute(Box::new(move || {
                    work.wait();
                    release.wait();
                }))
                .await
        });
        tokio::task::spawn_blocking(move || begun.wait()).await.unwrap();
        let waiting = tokio::spawn(async move { second.compute(Box::new(move || done.send(2).unwrap())).await });
        while tasks.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tasks.compute(Box::new(|| panic!("it was refused and ran"))).await, Err(Busy));
        assert!(results.try_recv().is_err(), "two computed at once");
        tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
        assert_eq!((running.await.unwrap(), waiting.await.unwrap()), (Ok(()), Ok(())));
        assert_eq!(results.try_recv(), Ok(2));
        assert_eq!(tasks.compute(Box::new(|| ())).await, Ok(()));
    }
}
