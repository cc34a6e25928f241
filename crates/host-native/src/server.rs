//! The listening side: HTTP/1.1 over TCP. What a request means does not belong here.

mod client;
mod patience;

use std::{
    convert::Infallible, fmt, future::poll_fn, io, net::SocketAddr, pin::pin, sync::Arc, task::Poll, time::Duration,
};

use gateway::Body;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ports::BoxFuture;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

pub use self::client::Proxies;
use self::patience::{PatientBody, PatientStream};

/// Bytes of a request's head, and of what is kept of a response that its client does not read.
const BUFFER: usize = 64 * 1024;

/// Headers of a request.
const HEADERS: usize = 100;

/// How long a client may take for a request's head, also for the first byte of the next one: an idle connection is closed
/// after it.
const HEAD: Duration = Duration::from_secs(75);

/// How long a client may be silent within a request's body.
const BODY: Duration = Duration::from_secs(30);

/// How long a client may leave a response unread before its connection is closed. A run goes on and can be followed again.
const UNREAD: Duration = Duration::from_mins(1);

/// Pause after accepting failed (no file descriptors left): the next try would fail the same way at once.
const PAUSE: Duration = Duration::from_millis(50);

/// What answers requests.
pub type Handler = Arc<dyn Fn(Request<Body>) -> BoxFuture<Response<Body>> + Send + Sync>;

/// Limits and trust.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; the next ones wait in the system's queue.
    pub connections: usize,
    /// Proxies before this server.
    pub proxies: Proxies,
    /// How long requests may take to end after the signal to stop.
    pub shutdown: Duration,
}

/// A server that does not listen yet.
pub struct Server {
    handler: Handler,
    limits: Limits,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Requests end, no new ones begin.
    Ending,
    /// Connections are closed.
    Over,
}

impl Server {
    /// A server with this handler.
    pub fn new(handler: Handler, limits: Limits) -> Arc<Self> {
        Arc::new(Self { handler, limits })
    }

    /// Serves until `stop` is done. Then accepts nothing more and gives requests the time of the limits to end; what is
    /// still open after that (streams) is closed without an end, which tells clients to reconnect.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
        let (phase, watching) = watch::channel(Phase::Serving);
        let seats = Arc::new(Semaphore::new(self.limits.connections.min(Semaphore::MAX_PERMITS)));
        {
            let mut stop = pin!(stop);
            let mut accepting = pin!(self.accept(&listener, &seats, &watching));
            poll_fn(|context| {
                if accepting.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                stop.as_mut().poll(context)
            })
            .await;
        }
        drop(listener);
        drop(watching);
        phase.send_replace(Phase::Ending);
        // `closed` is done when the last connection has dropped its receiver.
        let _ = timeout(self.limits.shutdown, phase.closed()).await;
        phase.send_replace(Phase::Over);
        phase.closed().await;
    }

    async fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        seats: &Arc<Semaphore>,
        watching: &watch::Receiver<Phase>,
    ) {
        // The semaphore is never closed.
        while let Ok(seat) = Arc::clone(seats).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tokio::spawn(Arc::clone(self).converse(stream, peer, watching.clone(), seat));
                }
                // The client left while it waited to be accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn converse(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        mut phase: watch::Receiver<Phase>,
        _seat: OwnedSemaphorePermit,
    ) {
        // Without it a small write waits for the client's delayed acknowledgement of the one before, 40 ms and more. An
        // error says that the client is gone already.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.respond(request, peer));
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_headers(HEADERS)
                .max_buf_size(BUFFER)
                .half_close(false)
                .serve_connection(TokioIo::new(PatientStream::new(stream, UNREAD)), service)
        );
        loop {
            tokio::select! {
                // Clients come and go; what goes wrong with a request is said in its answer.
                _ = connection.as_mut() => return,
                changed = phase.changed() => {
                    if changed.is_err() || *phase.borrow_and_update() == Phase::Over {
                        return;
                    }
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn respond(&self, request: Request<Incoming>, peer: SocketAddr) -> Result<Response<Body>, Infallible> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(client::identify(peer, &parts.headers, &self.limits.proxies));
        let request = Request::from_parts(parts, Body::new(PatientBody::new(body, BODY)));
        Ok((self.handler)(request).await)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
