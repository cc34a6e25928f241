//! The listening side: connections of HTTP/1.1 or HTTP/2 without TLS, and what is done to a request before the component sees it.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{
    Request, Response, StatusCode, Uri, header,
    uri::{Authority, Scheme},
};
use http_body_util::{BodyExt as _, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpStream};
use wasmtime::{Result, bail, error::Context as _};
use wasmtime_wasi_http::{
    handler::{ErrorCode, ProxyHandler},
    p3::bindings::http::types,
};

use crate::{instances::Instances, routes::Routes};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The component behind its routes.
pub struct Server {
    instances: ProxyHandler<Instances>,
    routes: Routes,
}

impl Server {
    /// A server that does not listen yet.
    pub fn new(instances: ProxyHandler<Instances>, routes: Routes) -> Arc<Self> {
        Arc::new(Self { instances, routes })
    }

    /// Serves until accepting fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> Result<()> {
        loop {
            let (stream, client) = listener.accept().await?;
            tokio::spawn(Arc::clone(&self).serve_connection(stream, client));
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, client: SocketAddr) {
        let service = service_fn(move |request| Arc::clone(&self).respond(request, client));
        // Clients come and go; what goes wrong with a request is said there.
        let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    }

    /// Answers a request. Errors close the connection.
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<Body>, io::Error> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        if let Some(well_known) = path.strip_prefix("/.well-known/spin/") {
            return Ok(match well_known {
                "health" => Response::new(Full::from("OK").map_err(|never| match never {}).boxed_unsync()),
                _ => empty(StatusCode::NOT_FOUND),
            });
        }
        let Some(found) = self.routes.find(&path) else {
            return Ok(empty(StatusCode::NOT_FOUND));
        };

        let (mut parts, body) = request.into_parts();
        parts.headers.remove(header::CONNECTION);
        parts.uri = absolute(&parts).map_err(|error| io::Error::other(format!("{error:#}")))?;
        let described = check_headers(&parts.headers).and_then(|()| {
            let host = parts.headers.get(header::HOST);
            let host = host.map_or(Ok("localhost"), |host| host.to_str())?.to_owned();
            found.describe(&mut parts.headers, &parts.uri, &host, client)
        });
        let answer = match described {
            Ok(()) => {
                let body = body.map_err(|_| ErrorCode::P3(types::ErrorCode::HttpProtocolError)).boxed_unsync();
                let request = Request::from_parts(parts, body);
                self.instances.handle((), request).await
            }
            Err(error) => Err(error),
        };
        Ok(match answer {
            Ok(response) => {
                response.map(|body| body.map_err(|error| io::Error::other(format!("{error:#}"))).boxed_unsync())
            }
            Err(error) => {
                eprintln!("spin-host: {method} {path} failed: {error:#}");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        })
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// The address with the scheme and the host, on which the address itself and the header must agree.
fn absolute(request: &http::request::Parts) -> Result<Uri> {
    let named = match request.headers.get(header::HOST) {
        Some(host) => Some(host.to_str()?.parse::<Authority>()?),
        None => None,
    };
    let mut uri = request.uri.clone().into_parts();
    uri.authority = match (named, uri.authority) {
        (Some(named), Some(asked)) if named != asked => bail!("the host is contradictory"),
        (None, None) => bail!("the host is missing"),
        (named, asked) => named.or(asked),
    };
    uri.scheme = Some(Scheme::HTTP);
    uri.path_and_query.get_or_insert_with(|| "/".parse().expect("a path"));
    Ok(Uri::from_parts(uri)?)
}

/// Spin fails requests whose headers are not UTF-8.
fn check_headers(headers: &http::HeaderMap) -> Result<()> {
    for (name, value) in headers {
        std::str::from_utf8(value.as_bytes()).with_context(|| format!("header {name} is not UTF-8"))?;
    }
    Ok(())
}
