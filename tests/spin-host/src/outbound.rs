//! Outbound HTTP: what the guest sends, over HTTP/1.1 without TLS, to the hosts that it may call.
//!
//! As in Spin, all instances share one pool of connections, and none of these sets `TCP_NODELAY`. The body of a request comes
//! from the guest after its head; it then waits until the other side has acknowledged the head, which takes it up to 40 ms.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    net::TcpStream,
    time::{Sleep, sleep, timeout},
};
use tower_service::Service;
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

/// The connections of all instances, and the hosts that they may call.
pub struct Connections {
    allowed: AllowedHosts,
    client: Client<Connector, BoxBody>,
}

impl Connections {
    /// To these hosts only.
    pub fn new(allowed: AllowedHosts) -> Self {
        Self { allowed, client: Client::builder(TokioExecutor::new()).build(Connector) }
    }

    async fn send(&self, mut request: Request<BoxBody>, options: RequestOptions) -> Sent {
        if !self.allowed.allow(request.uri()) {
            return Err(ErrorCode::HttpRequestDenied.into());
        }
        // The client sets it.
        request.headers_mut().remove(header::HOST);
        let limit = |limit: Option<Duration>| limit.unwrap_or(DEFAULT_TIMEOUT);
        let answer = CONNECT_TIMEOUT.scope(limit(options.connect_timeout), self.client.request(request));
        let response = timeout(limit(options.first_byte_timeout), answer)
            .await
            .map_err(|_| ErrorCode::ConnectionReadTimeout)?
            .map_err(|error| error_code(&error))?;
        let pause = limit(options.between_bytes_timeout);
        let response = response.map(|incoming| {
            let (open, waiting) = (Some(incoming), None);
            ResponseBody { open, waiting, pause }.boxed_unsync()
        });
        // Errors of the connection come with the body.
        Ok((response, Box::new(std::future::ready(Ok(())))))
    }
}

/// The outbound side of an instance.
pub struct Outbound(pub Arc<Connections>);

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<BoxBody>,
        options: Option<RequestOptions>,
        // What became of the response in the guest; nothing here depends on it.
        _consumed: Transmission,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let connections = Arc::clone(&self.0);
        Box::new(async move { connections.send(request, options.unwrap_or_default()).await })
    }
}

tokio::task_local! {
    /// How long the request that asks for a connection waits for it: the client has no parameter for that.
    static CONNECT_TIMEOUT: Duration;
}

/// Makes new connections.
#[derive(Clone)]
struct Connector;

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ErrorCode;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ErrorCode>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ErrorCode>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let patience = CONNECT_TIMEOUT.try_with(|patience| *patience).unwrap_or(DEFAULT_TIMEOUT);
            let connected = timeout(patience, connect(&uri)).await;
            connected.map_err(|_| ErrorCode::ConnectionTimeout)?.map(TokioIo::new)
        })
    }
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
    TcpStream::connect(addresses.as_slice()).await.map_err(|_| ErrorCode::ConnectionRefused)
}

/// What the guest is told of a request that failed: our own word, if it was one of ours that failed it.
fn error_code(error: &(dyn std::error::Error + 'static)) -> ErrorCode {
    error
        .source()
        .and_then(|source| source.downcast_ref::<ErrorCode>())
        .cloned()
        .unwrap_or(ErrorCode::HttpProtocolError)
}

/// A response body that gives its connection up when the server pauses for too long.
struct ResponseBody {
    open: Option<Incoming>,
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
        let Some(incoming) = &mut this.open else {
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
        self.open.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.open.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}
