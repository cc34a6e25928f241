//! Outbound HTTP with reqwest: what the port promises, set on the client, and the library's errors in the port's kinds.

use std::{error::Error as _, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use ports::{Body, HttpClient, HttpError, HttpErrorKind};
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Connections kept for the next request to the same host, and for how long: shorter than the 60 s after which common
/// load balancers close theirs, so that a request seldom meets a connection that is being closed.
const IDLE: (usize, Duration) = (64, Duration::from_secs(45));

/// Silence after which the system asks whether the peer is still there, and between the questions.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The client: HTTP/1.1, TLS by rustls. One for each process, since it holds the pool of connections.
#[derive(Clone, Debug)]
pub struct Reqwest(reqwest::Client);

impl Reqwest {
    /// A client that gives up connecting (name, TCP and TLS together) after `connect`.
    pub fn new(connect: Duration) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .connect_timeout(connect)
            .redirect(Policy::none())
            // A proxy is a setting of ours if it is ever one, not whatever HTTP_PROXY says.
            .no_proxy()
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .pool_max_idle_per_host(IDLE.0)
            .pool_idle_timeout(IDLE.1)
            .build()
            .map_err(failure)?;
        Ok(Self(client))
    }
}

/// The system's root certificates, so that a company's own are honoured; the bundled ones of Mozilla where it has none
/// (a bare container).
fn tls() -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::new(HttpErrorKind::Other, error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[async_trait]
impl HttpClient for Reqwest {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, HttpError> {
        let request = reqwest::Request::try_from(request).map_err(failure)?;
        let response = self.0.execute(request).await.map_err(failure)?;
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let body = http_body_util::BodyDataStream::new(body).map_err(failure);
        Ok(http::Response::from_parts(parts, Box::pin(body)))
    }
}

/// The port's kind of an error, and its causes without the address, whose query may hold a key.
fn failure(error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    let kind = if error.is_connect() {
        HttpErrorKind::Connect
    } else if is_broken(&error) {
        HttpErrorKind::Reset
    } else {
        HttpErrorKind::Other
    };
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        cause = error.source();
    }
    HttpError::new(kind, detail)
}

/// Whether the connection broke, also in the form of a body shorter than announced.
fn is_broken(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_closed() || error.is_canceled())
        {
            return true;
        }
        // `InvalidInput` is what hyper calls chunks that make no sense: the peer is there, but speaks nonsense.
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() != io::ErrorKind::InvalidInput;
        }
        cause = error.source();
    }
    false
}
