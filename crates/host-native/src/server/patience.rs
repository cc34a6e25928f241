//! Limits to how long a client may do nothing while the server waits for it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Waits for progress. The timer exists only while there is none, so that what goes well costs nothing.
struct Patience {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    const fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    /// Passes on a result; `Err` if there was none for too long.
    fn watch<T>(&mut self, result: Poll<T>, context: &mut Context<'_>) -> Poll<Result<T, io::Error>> {
        if let Poll::Ready(value) = result {
            self.timer = None;
            return Poll::Ready(Ok(value));
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        ready!(timer.as_mut().poll(context));
        self.timer = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A stream whose writes fail when the peer takes nothing for too long.
pub struct PatientStream<S> {
    stream: S,
    patience: Patience,
}

impl<S> PatientStream<S> {
    /// Wraps a stream.
    pub const fn new(stream: S, limit: Duration) -> Self {
        Self { stream, patience: Patience::new(limit) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, patience } = self.get_mut();
        let written = Pin::new(stream).poll_write(context, bytes);
        patience.watch(written, context).map(Result::flatten)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, patience } = self.get_mut();
        let written = Pin::new(stream).poll_write_vectored(context, slices);
        patience.watch(written, context).map(Result::flatten)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// A request's body that fails when the client sends nothing for too long.
pub struct PatientBody {
    body: Incoming,
    patience: Patience,
}

impl PatientBody {
    /// Wraps a body.
    pub const fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, patience: Patience::new(limit) }
    }
}

impl Body for PatientBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Self { body, patience } = self.get_mut();
        let frame = Pin::new(body).poll_frame(context);
        patience.watch(frame, context).map(|frame| match frame {
            Ok(frame) => frame.map(|frame| frame.map_err(io::Error::other)),
            Err(timeout) => Some(Err(timeout)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
