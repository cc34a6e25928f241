//! Notices that the reader of a body left.
//!
//! workerd notices only when a write fails, and the second write to a closed socket is the first that fails. So a body that
//! is silent writes something that means nothing to its reader: every `PROBE`, and then a client that left is noticed
//! within two or three of them. What notices drops the body, and that is how the gateway learns of it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use gateway::Body;
use http_body::{Body as HttpBody, Frame, SizeHint};
use ports::Log as _;
use worker::send::SendFuture;

use crate::{
    log::{self, Console},
    timer::Timer,
};

/// Silence after which something is written. With two bodies in a row, a client's and an object's, four of them must fit into the
/// second within which a run hears that its reader left.
const PROBE: Duration = Duration::from_millis(200);

/// A body that is written to also while it has nothing to say.
pub struct Probing {
    body: Body,
    /// What is written.
    filler: &'static [u8],
    /// What a frame must end with for the filler to be legal after it.
    boundary: &'static [u8],
    at_boundary: bool,
    /// Whether a frame went out since the timer was set.
    spoke: bool,
    timer: Option<SendFuture<Timer>>,
}

impl Probing {
    /// Server-sent events. A comment is legal between any two of them; this one is the gateway's own heartbeat.
    pub fn events(body: Body) -> Self {
        Self::new(body, b": hb\n\n", b"\n\n")
    }

    /// The lines between a run's object and its reader. Empty ones are passed over.
    pub fn lines(body: Body) -> Self {
        Self::new(body, b"\n", b"\n")
    }

    const fn new(body: Body, filler: &'static [u8], boundary: &'static [u8]) -> Self {
        Self { body, filler, boundary, at_boundary: true, spoke: false, timer: None }
    }
}

impl HttpBody for Probing {
    type Data = Bytes;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some(Err(error)) = frame {
                // As an error it would be reported as an uncaught one of the Worker. Readers of both kinds know what an end
                // before the `end` event means.
                Console.write(&log::line("warn", "stream_broke_off", &[error.to_string()]));
                return Poll::Ready(None);
            }
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
                self.at_boundary = data.ends_with(self.boundary);
            }
            self.spoke = true;
            return Poll::Ready(frame);
        }
        loop {
            // To let a timer end is cheaper than to set another one for each frame.
            let timer = self.timer.get_or_insert_with(|| SendFuture::new(Timer::new(PROBE)));
            ready!(timer.poll_unpin(context));
            self.timer = None;
            if self.at_boundary && !std::mem::take(&mut self.spoke) {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.filler)))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
