//! Outbound HTTP by `fetch`.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use ports::{Body, HttpClient, HttpError, HttpErrorKind};
use worker::{Error, send::SendFuture};

use crate::{exchange::exchange, js};

/// The platform's client. It has no time limit for connecting; the caller's own limits hold.
pub struct Fetch;

#[async_trait]
impl HttpClient for Fetch {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        // Otherwise the platform asks for gzip, and a decompressor may hold small events back.
        request.headers_mut().entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let send = async |request| worker::Fetch::Request(request).send().await;
        let response = SendFuture::new(exchange(&request, send)).await.map_err(refused)?;
        let chunks = |body: worker::Body| body.into_data_stream().map(|chunk| chunk.map_err(broken)).boxed();
        Ok(response.map(chunks))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn refused(error: Error) -> HttpError {
    HttpError::new(HttpErrorKind::Connect, js::text(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn broken(error: Error) -> HttpError {
    HttpError::new(HttpErrorKind::Reset, js::text(&error))
}
