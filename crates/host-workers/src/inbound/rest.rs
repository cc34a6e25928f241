//! What the gateway leaves of a request's body.
//!
//! An answer that overtakes the body, like the refusal of one that is too large, may never reach a client that is still sending:
//! the connection is reset under it, and what stands between answers with an error of its own. So the rest is read first.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{poll_fn, select};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::timer::Timer;

/// The most that is read of what nobody wants, in bytes.
const MOST: usize = 16 << 20;

/// The longest that it is read.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request's body, of which the gateway has the one handle and this host the other.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<worker::Body>>);

impl Shared {
    /// Shares a body.
    pub fn new(body: worker::Body) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut worker::Body) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what is left, within bounds.
    pub async fn drain(mut self) {
        if self.is_end_stream() {
            return;
        }
        let read = async {
            let mut bytes = 0;
            while bytes < MOST
                && let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await
            {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        select(pin!(read), Timer::new(PATIENCE)).await;
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = worker::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, worker::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
