//! Tasks beside the request, and waiting. Everything of one request runs on one thread, in the component-model task that
//! Spin started for it; a spawned task keeps that one alive after the response.

use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use ports::{BoxFuture, Busy, Tasks};
use spin_sdk::wasip3;

use crate::sqlite;

/// How many tasks were ever spawned in this instance.
static SPAWNED: AtomicU64 = AtomicU64::new(0);

/// The instance's executor.
pub struct SpinTasks;

#[async_trait]
impl Tasks for SpinTasks {
    fn spawn(&self, task: BoxFuture<()>) {
        spawn(task);
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        // There are no threads. Spin starts another instance for requests that arrive meanwhile.
        let _turn = sqlite::turn().await;
        work();
        Ok(())
    }
}

/// Runs a future to its end, in the request that is being polled and after its response.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    SPAWNED.fetch_add(1, Relaxed);
    wasip3::spawn(Attentive::new(task));
}

/// Lets the tasks start that a future spawns while it goes on itself.
///
/// The executor of `wit-bindgen` takes spawned tasks in at the end of a turn and first polls them in its next one. If the
/// future that spawned them then waits for them, and nothing else happens, there is no next turn. This asks for it.
pub struct Attentive<F>(Pin<Box<F>>);

impl<F: Future> Attentive<F> {
    /// Wraps a future. Each root of a request needs it; spawned tasks have it.
    pub fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future> Future for Attentive<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = SPAWNED.load(Relaxed);
        let poll = self.0.as_mut().poll(context);
        if SPAWNED.load(Relaxed) != before {
            context.waker().wake_by_ref();
        }
        poll
    }
}
