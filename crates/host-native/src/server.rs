//! The listening side: HTTP/1.1 over TCP. What a request means does not belong here.

mod client;
mod patience;
mod request_body;
mod seats;

use std::{
    convert::Infallible,
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use gateway::Body;
use http::{HeaderValue, Request, Response, header};
use http_body::Body as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ports::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

pub use self::client::Proxies;
use self::{
    patience::{PatientBody, PatientStream},
    request_body::RequestBody,
    seats::{Seat, Seats},
};

/// Bytes of a request's head, and of what is kept of a response that its client does not read.
const BUFFER: usize = 64 * 1024;

/// Headers of a request.
const HEADERS: usize = 100;

/// How long a client may take for a request's head, also for the first byte of the next one: an idle connection is closed
/// after it.
const HEAD: Duration = Duration::from_secs(75);

/// How long a client may be silent within a request's body.
const BODY: Duration = Duration::from_secs(30);

/// How long a client that was answered early may go on sending before its connection is closed, and how long it may be
/// silent meanwhile.
const LINGER: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));

/// The same while the server stops.
const LINGER_AT_THE_END: Duration = Duration::from_millis(500);

/// Pause after accepting failed (no file descriptors left): the next try would fail the same way at once.
const PAUSE: Duration = Duration::from_millis(50);

/// What answers requests.
pub type Handler = Arc<dyn Fn(Request<Body>) -> BoxFuture<Response<Body>> + Send + Sync>;

/// Limits and trust.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; the next ones wait in the system's queue. One network may have a quarter of them, where no
    /// proxy stands before this server.
    pub connections: usize,
    /// How long a new connection may be silent before it is closed.
    pub first_byte: Duration,
    /// How long a client may leave a response unread before its connection is closed. A run goes on and can be followed
    /// again.
    pub unread: Duration,
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
        let all = self.limits.connections;
        // A proxy brings everybody's requests.
        let each = if self.limits.proxies.count == 0 { all.div_ceil(4) } else { all };
        let seats = Seats::new(all, each);
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

    async fn accept(self: &Arc<Self>, listener: &TcpListener, seats: &Arc<Seats>, watching: &watch::Receiver<Phase>) {
        while let Some(seat) = seats.free().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Closed at once: waiting would take the seat that it is refused.
                    let Some(seat) = seats.take(seat, peer.ip()) else { continue };
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
        _seat: Seat,
    ) {
        // Nothing is kept for a connection before its first byte.
        let mut first = [0];
        tokio::select! {
            first = timeout(self.limits.first_byte, stream.peek(&mut first)) => {
                if !matches!(first, Ok(Ok(1..))) {
                    return;
                }
            }
            _ = phase.changed() => return,
        }
        // Without it a small write waits for the client's delayed acknowledgement of the one before, 40 ms and more. An
        // error says that the client is gone already.
        let _ = stream.set_nodelay(true);
        let unread = AtomicBool::new(false);
        let service = service_fn(|request| self.respond(request, peer, &unread));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_headers(HEADERS)
            .max_buf_size(BUFFER)
            .half_close(false)
            .serve_connection(TokioIo::new(PatientStream::new(stream, self.limits.unread)), service);
        let ended = loop {
            let changed = tokio::select! {
                ended = &mut connection => break ended,
                changed = phase.changed() => changed,
            };
            if changed.is_err() || *phase.borrow_and_update() == Phase::Over {
                return;
            }
            Pin::new(&mut connection).graceful_shutdown();
        };
        // Clients come and go; what goes wrong with a request is said in its answer.
        if unread.load(Ordering::Relaxed) || ended.is_err_and(|error| error.is_parse()) {
            let stream = connection.into_parts().io.into_inner();
            tokio::select! {
                () = linger(stream) => {}
                () = async {
                    let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
                    sleep(LINGER_AT_THE_END).await;
                } => {}
            }
        }
    }

    /// Answers a request. Sets `unread` where the answer overtakes the request's body.
    async fn respond(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        unread: &AtomicBool,
    ) -> Result<Response<Body>, Infallible> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(client::identify(peer, &parts.headers, &self.limits.proxies));
        if body.is_end_stream() {
            return Ok((self.handler)(Request::from_parts(parts, Body::empty())).await);
        }
        let expects = parts.headers.contains_key(header::EXPECT);
        let body = RequestBody::new(PatientBody::new(body, BODY));
        let mut response = (self.handler)(Request::from_parts(parts, Body::new(body.clone()))).await;
        if !body.drain(expects).await {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            unread.store(true, Ordering::Relaxed);
        }
        Ok(response)
    }
}

/// Reads and drops what a client goes on sending after its answer, until it closes the connection. To close it first would
/// reset it, and a reset can overtake the answer.
async fn linger(mut stream: impl AsyncRead + Unpin) {
    let mut buffer = vec![0; 16 * 1024];
    let read = async { while let Ok(Ok(1..)) = timeout(LINGER.1, stream.read(&mut buffer)).await {} };
    let _ = timeout(LINGER.0, read).await;
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
