//! Outbound HTTP by `fetch`.

mod delivery;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use ports::{Body, HttpClient, HttpError, HttpErrorKind};
use worker::{Error, send::SendFuture};

use self::delivery::Delivery;
use crate::{exchange::exchange, js};

/// The platform's client. It has no time limit for connecting; the caller's own limits hold.
pub struct Fetch;

#[async_trait]
impl HttpClient for Fetch {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        // Otherwise the platform asks for gzip, and a decompressor may hold small events back.
        request.headers_mut().entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let send = async |request| worker::Fetch::Request(request).send().await;
        let response = SendFuture::new(async {
            let mut delivery = Delivery::new(request.body()).map_err(|error| failed(HttpErrorKind::Other, &error))?;
            let response = exchange(&request, delivery.body(), send).await;
            response.map_err(|error| {
                let kind = if delivery.is_kept() { HttpErrorKind::Connect } else { HttpErrorKind::Reset };
                failed(kind, &error)
            })
        });
        let response = response.await?;
        let chunks = |body: worker::Body| {
            body.into_data_stream().map(|chunk| chunk.map_err(|error| failed(HttpErrorKind::Reset, &error))).boxed()
        };
        Ok(response.map(chunks))
    }
}

fn failed(kind: HttpErrorKind, error: &Error) -> HttpError {
    HttpError::new(kind, js::text(error))
}
