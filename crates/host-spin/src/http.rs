//! Outbound HTTP. Spin follows no redirect and asks for no compression.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt as _;
use ports::{Body, HttpClient, HttpError, HttpErrorKind};
use spin_sdk::wasip3::{
    http::{
        client,
        types::{self, ErrorCode, RequestOptions},
    },
    http_compat::http_from_wasi_response,
    wit_future, wit_stream,
};

use crate::{fields, tasks};

/// Spin gives up after 10 minutes of silence unless told otherwise. The core has its own, shorter or longer, limits.
const SILENCE: Duration = Duration::from_hours(24);

/// Spin's client. Calls only what `allowed_outbound_hosts` in `spin.toml` lists.
pub struct SpinHttp {
    connect: Duration,
}

impl SpinHttp {
    /// A client that waits this long for a connection.
    pub fn new(connect: Duration) -> Self {
        Self { connect }
    }

    fn options(&self) -> RequestOptions {
        let nanos = |duration: Duration| Some(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let options = RequestOptions::new();
        // Refused only by hosts that have no such limit; then theirs holds.
        let _ = options.set_connect_timeout(nanos(self.connect));
        let _ = options.set_first_byte_timeout(nanos(SILENCE));
        let _ = options.set_between_bytes_timeout(nanos(SILENCE));
        options
    }

    fn outgoing(&self, request: Request<Bytes>) -> Result<types::Request, HttpError> {
        let invalid = |what: &str| HttpError::new(HttpErrorKind::Other, format!("WASI refuses the request's {what}"));
        let (mut parts, body) = request.into_parts();
        // Without a length the body would be sent in chunks, which not every server takes. A `GET` has no body to speak of.
        if !body.is_empty() || !matches!(parts.method, Method::GET | Method::HEAD) {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let headers = fields::into_wasi(&parts.headers).map_err(|error| invalid(&format!("headers: {error:?}")))?;

        let contents = (!body.is_empty()).then(|| {
            let (mut writer, reader) = wit_stream::new();
            tasks::spawn(async move {
                // What the host did not take it did not want: the exchange is over.
                writer.write_all(body.into()).await;
            });
            reader
        });
        // Dropping the writer says that there are no trailers.
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (request, _transmitted) = types::Request::new(headers, contents, trailers, Some(self.options()));
        request.set_method(&(&parts.method).into()).map_err(|()| invalid("method"))?;
        request.set_scheme(parts.uri.scheme().map(Into::into).as_ref()).map_err(|()| invalid("scheme"))?;
        request.set_authority(parts.uri.authority().map(http::uri::Authority::as_str)).map_err(|()| invalid("host"))?;
        let path = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
        request.set_path_with_query(path).map_err(|()| invalid("path"))?;
        Ok(request)
    }
}

#[async_trait]
impl HttpClient for SpinHttp {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        let outgoing = self.outgoing(request)?;
        let response = client::send(outgoing).await.and_then(http_from_wasi_response).map_err(failed)?;
        // The body ends with the host's verdict, so one that is cut ends with an error. To drop it is to drop the exchange.
        Ok(response.map(|body| Box::pin(body.into_data_stream().map_err(failed)) as Body))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn failed(code: ErrorCode) -> HttpError {
    let detail = match code {
        ErrorCode::HttpRequestDenied => {
            "Spin refuses the destination: no variable among allowed_outbound_hosts names it".to_owned()
        }
        _ => format!("{code:?}"),
    };
    HttpError::new(kind(&code), detail)
}

fn kind(code: &ErrorCode) -> HttpErrorKind {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => HttpErrorKind::Denied,
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => HttpErrorKind::Connect,
        // What Spin says of a connection that breaks is `HttpProtocolError`.
        ErrorCode::HttpProtocolError
        | ErrorCode::HttpResponseIncomplete
        | ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout => HttpErrorKind::Reset,
        _ => HttpErrorKind::Other,
    }
}
