//! A request's body, of which the handler has one handle and the server the other.
//!
//! A handler may answer before the body was read, as most refusals do. The connection serves another request only when
//! nothing is left of this one, so that a small rest is read and dropped before the answer goes out.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::timeout;

use super::patience::PatientBody;

/// The most that is read of a body that nobody wants, in bytes.
const MOST: u64 = 64 * 1024;

/// How long an answer waits for the rest of such a body.
const WAIT: Duration = Duration::from_secs(1);

/// A handle on a request's body.
#[derive(Clone)]
pub struct RequestBody(Arc<Mutex<State>>);

struct State {
    body: PatientBody,
    /// Whether anything was asked of it.
    begun: bool,
    /// Whether it ended or broke off, once it did.
    whole: Option<bool>,
}

impl RequestBody {
    /// The first handle.
    pub fn new(body: PatientBody) -> Self {
        Self(Arc::new(Mutex::new(State { body, begun: false, whole: None })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads and drops what is left, if that is little. Whether the whole body has been read then. `expects` is whether
    /// the client sends its body only after `100 Continue`, which reading would send.
    pub async fn drain(mut self, expects: bool) -> bool {
        if let Some(whole) = self.with(|state| state.whole) {
            return whole;
        }
        if self.is_end_stream() {
            return true;
        }
        if self.size_hint().lower() > MOST || (expects && !self.with(|state| state.begun)) {
            return false;
        }
        let read = async {
            let mut bytes = 0;
            while bytes <= MOST {
                match poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await {
                    Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
            false
        };
        timeout(WAIT, read).await.unwrap_or(false)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.with(|state| {
            state.begun = true;
            let frame = Pin::new(&mut state.body).poll_frame(context);
            match &frame {
                Poll::Ready(None) => state.whole = Some(true),
                Poll::Ready(Some(Err(_))) => state.whole = Some(false),
                Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|state| state.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|state| state.body.size_hint())
    }
}
