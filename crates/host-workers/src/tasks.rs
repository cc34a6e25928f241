//! Tasks beside the request, and waiting. Everything runs on the isolate's one thread.

use std::{pin::pin, rc::Rc, time::Duration};

use async_trait::async_trait;
use futures_util::future::select;
use ports::{BoxFuture, Busy, Tasks};
use worker::{
    Context, ScheduleContext, State,
    send::{SendFuture, SendWrapper},
};

use crate::timer::{self, Timer};

/// An object that gets no request is evicted after 70 s at the earliest, even while it works. An alarm is a request.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What a spawned task may outlive its event with.
pub enum Lifetime {
    /// A request. Its tasks get 30 s after the response, which is enough to write a log and too little for a run.
    Request(Context),
    /// A cron trigger.
    Schedule(ScheduleContext),
    /// A Durable Object, for as long as the task takes.
    Object(Rc<State>),
}

/// The executor of one event or of one object.
pub struct WorkersTasks(SendWrapper<Lifetime>);

impl WorkersTasks {
    /// Tasks that live as long as `lifetime` says.
    pub const fn new(lifetime: Lifetime) -> Self {
        Self(SendWrapper(lifetime))
    }
}

#[async_trait]
impl Tasks for WorkersTasks {
    fn spawn(&self, task: BoxFuture<()>) {
        match &*self.0 {
            Lifetime::Request(context) => context.wait_until(task),
            Lifetime::Schedule(context) => context.wait_until(task),
            Lifetime::Object(state) => {
                let keeper = Rc::clone(state);
                state.wait_until(async move {
                    select(task, pin!(keep_alive(&keeper))).await;
                });
            }
        }
    }

    async fn sleep(&self, duration: Duration) {
        let mut rest = duration;
        while !rest.is_zero() {
            let nap = rest.min(timer::LONGEST);
            SendFuture::new(Timer::new(nap)).await;
            rest -= nap;
        }
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        // There are no threads. In line, one computation follows the other, so that an isolate (128 MB) never holds the
        // memory of two password hashes at once. What waits, waits at the platform's door.
        work();
        Ok(())
    }
}

/// Gives the object an alarm now and then. Short runs end before the first one and write nothing.
async fn keep_alive(state: &State) {
    loop {
        Timer::new(KEEP_ALIVE).await;
        // Should it fail, the object may be evicted: then the run ends as interrupted, like any whose owner died.
        let _ = state.storage().set_alarm(Duration::ZERO).await;
    }
}
