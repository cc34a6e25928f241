//! Outbound HTTP: what the guest sends, over HTTP/1.1 without TLS, to the hosts that it may call.
//!
//! One connection a request, closed as soon as the guest lets go of the response.

use std::{
    error::Error as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Sleep, sleep, timeout},
};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::{
    RequestOptions, WasiHttpHooks,
    bindings::http::types::{DnsErrorPayload, ErrorCode},
};

use crate::allowed_hosts::AllowedHosts;

/// Where the guest sets no limit, as in Spin.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

type BoxBody = UnsyncBoxBody<Bytes, ErrorCode>;
type Transmission = Box<dyn Future<Output = Result<(), ErrorCode>> + Send>;
type Sent = Result<(Response<BoxBody>, Transmission), TrappableError<ErrorCode>>;

/// The outbound side of an instance.
pub struct Outbound(Arc<AllowedHosts>);

impl Outbound {
    /// One that calls these hosts only.
    pub fn new(allowed: Arc<AllowedHosts>) -> Self {
        Self(allowed)
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<BoxBody>,
        options: Option<RequestOptions>,
        // What became of the response in the guest; nothing here depends on it.
        _consumed: Transmission,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.0.allow(request.uri());
        Box::new(async move {
            if !allowed {
                return Err(ErrorCode::HttpRequestDenied.into());
            }
            let response = send(request, options.unwrap_or_default()).await?;
            // Errors of the connection come with the body.
            let transmission: Transmission = Box::new(std::future::ready(Ok(())));
            Ok((response, transmission))
        })
    }
}

async fn send(mut request: Request<BoxBody>, options: RequestOptions) -> Result<Response<BoxBody>, ErrorCode> {
    let limit = |limit: Option<Duration>| limit.unwrap_or(DEFAULT_TIMEOUT);
    let answer = async {
        let stream = timeout(limit(options.connect_timeout), connect(request.uri()))
            .await
            .map_err(|_| ErrorCode::ConnectionTimeout)??;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error_code(&error))?;
        let connection = Connection(tokio::spawn(async {
            // An error reaches the one who waits for the head or the body.
            let _ = connection.await;
        }));

        // A server, unlike a proxy, is asked for the path alone.
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
        let response = sender.send_request(request).await.map_err(|error| error_code(&error))?;
        Ok::<_, ErrorCode>((response, connection))
    };
    let (response, connection) =
        timeout(limit(options.first_byte_timeout), answer).await.map_err(|_| ErrorCode::ConnectionReadTimeout)??;

    let pause = limit(options.between_bytes_timeout);
    Ok(response.map(|incoming| {
        let open = Some((incoming, connection));
        let waiting = None;
        ResponseBody { open, waiting, pause }.boxed_unsync()
    }))
}

async fn connect(uri: &Uri) -> Result<TcpStream, ErrorCode> {
    if uri.scheme_str() != Some("http") {
        eprintln!("spin-host: {uri} is not reached: this host speaks no TLS");
        return Err(ErrorCode::TlsProtocolError);
    }
    let host = uri.host().ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<_> = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80)))
        .await
        .map_err(|_| {
            ErrorCode::DnsError(DnsErrorPayload { rcode: Some("address not available".into()), info_code: Some(0) })
        })?
        .collect();
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|_| ErrorCode::ConnectionRefused)?;
    // Without it small writes wait for each other; an error says that the other side is gone already.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn error_code(error: &hyper::Error) -> ErrorCode {
    // An error of the guest's own request body comes back as it was.
    error
        .source()
        .and_then(|source| source.downcast_ref::<ErrorCode>())
        .cloned()
        .unwrap_or(ErrorCode::HttpProtocolError)
}

/// The task that drives a connection. Dropping it closes the connection.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A response body that ends its connection with itself, or when the server pauses for too long.
struct ResponseBody {
    open: Option<(Incoming, Connection)>,
    waiting: Option<Pin<Box<Sleep>>>,
    pause: Duration,
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        let this = &mut *self;
        let Some((incoming, _)) = &mut this.open else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(incoming).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| error_code(&error))));
        }
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(this.pause)));
        ready!(waiting.as_mut().poll(context));
        this.open = None;
        Poll::Ready(Some(Err(ErrorCode::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.open.as_ref().is_none_or(|(incoming, _)| incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.open.as_ref().map_or_else(SizeHint::default, |(incoming, _)| incoming.size_hint())
    }
}
