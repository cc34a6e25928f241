//! Waiting. (`worker::Delay` wakes the task that polled it first, even if another one polls it later: a body that is read
//! piece by piece, each piece by a task of its own, would never hear of it.)

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::FutureExt as _;
use js_sys::Promise;
use wasm_bindgen::JsCast as _;
use web_sys::WorkerGlobalScope;
use worker::wasm_bindgen_futures::JsFuture;

/// The longest timer that JavaScript sets: it counts milliseconds in 31 bits.
pub const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// A timeout of JavaScript's. Dropping it clears it.
pub struct Timer {
    id: Option<i32>,
    elapsed: JsFuture,
}

impl Timer {
    /// Ends after `duration`, rounded up to a millisecond, or after [`LONGEST`].
    pub fn new(duration: Duration) -> Self {
        let millis = i32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        let mut id = None;
        let elapsed = Promise::new(&mut |resolve, _reject| {
            id = scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis).ok();
        });
        Self { id, elapsed: elapsed.into() }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _ = ready!(self.elapsed.poll_unpin(context));
        self.id = None;
        Poll::Ready(())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            scope().clear_timeout_with_handle(id);
        }
    }
}

fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
