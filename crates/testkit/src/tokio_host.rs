//! The two ports that a test on tokio needs to drive adapters over real sockets: an executor and a plain HTTP client.
//! No TLS, no pooling: the product's client is a host's business.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyStream, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use ports::{Body, BoxFuture, Busy, HttpClient, HttpError, HttpErrorKind, Tasks};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

/// The executor that the test runs on.
pub struct TokioTasks {
    computing: Arc<Semaphore>,
}

impl Default for TokioTasks {
    /// Computes two things at once at most.
    fn default() -> Self {
        Self { computing: Arc::new(Semaphore::new(2)) }
    }
}

#[async_trait]
impl Tasks for TokioTasks {
    fn spawn(&self, task: BoxFuture<()>) {
        tokio::spawn(task);
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        // Neither can fail: nobody closes the semaphore, and a panic of `work` is shown by tokio itself.
        let _permit = self.computing.acquire().await;
        let _done = tokio::task::spawn_blocking(work).await;
        Ok(())
    }
}

/// HTTP/1.1 over TCP, one connection an exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainHttp;

/// The task that moves the connection's bytes. Dropped with the exchange, it closes the socket.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Chunks {
    body: BodyStream<Incoming>,
    _connection: Connection,
}

impl Stream for Chunks {
    type Item = Result<Bytes, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) => Poll::Ready(Some(Ok(chunk))),
                    Err(_trailers) => continue,
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(broken(&error)))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}

fn broken(error: &hyper::Error) -> HttpError {
    HttpError::new(HttpErrorKind::Reset, error.to_string())
}

fn wrong(detail: &str) -> HttpError {
    HttpError::new(HttpErrorKind::Other, detail)
}

impl PlainHttp {
    /// Sends a request from one of this machine's addresses.
    pub async fn send_from(
        &self,
        address: Option<IpAddr>,
        mut request: Request<Bytes>,
    ) -> Result<Response<Body>, HttpError> {
        let uri = request.uri().clone();
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("PlainHttp speaks to http://host:port only"));
        };
        let stream = connect(address, authority.host(), authority.port_u16().unwrap_or(80))
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Connect, error.to_string()))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("the authority is no header value"))?;
        request.headers_mut().insert(header::HOST, host);
        *request.uri_mut() = uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| path.clone().into());

        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let connection = Connection(tokio::spawn(async move {
            // Its error also ends the body, where the caller sees it.
            let _ended = connection.await;
        }));
        let response = sender.send_request(request.map(Full::new)).await.map_err(|error| broken(&error))?;
        Ok(response.map(|body| Box::pin(Chunks { body: BodyStream::new(body), _connection: connection }) as Body))
    }
}

async fn connect(from: Option<IpAddr>, host: &str, port: u16) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect((host, port)).await };
    let to = host.parse().map_err(io::Error::other)?;
    let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(SocketAddr::new(to, port)).await
}

#[async_trait]
impl HttpClient for PlainHttp {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        self.send_from(None, request).await
    }
}
