//! Requests and responses between Spin and the gateway: both bodies stream.

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::poll_fn;
use gateway::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::{Body as _, Frame};
use ports::{BoxFuture, Client};
use spin_sdk::{
    http::Request as SpinRequest,
    wasip3::{
        http::types::{self, ErrorCode, Trailers},
        wit_bindgen::{FutureWriter, StreamResult, StreamWriter},
        wit_future, wit_stream,
    },
};

use crate::{fields, tasks};

/// A client that leaves is seen when something is written to it. While there is nothing to write, it is asked for at this
/// interval.
const PROBE: Duration = Duration::from_millis(400);

/// Spin's request as the gateway takes it.
pub fn request(request: SpinRequest) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let client = Client { address: address(&parts.headers), country: None };
    // What Spin adds is between it and this crate; a client could have sent headers of the same names.
    let added: Vec<_> = parts.headers.keys().filter(|name| name.as_str().starts_with("spin-")).cloned().collect();
    for name in added {
        parts.headers.remove(name);
    }
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    let mut request = Request::from_parts(parts, Body::new(body));
    request.extensions_mut().insert(client);
    request
}

/// The address that Spin saw. It adds its header after those of the same name that a client sent: the last one counts.
fn address(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get_all("spin-client-addr").iter().next_back()?.to_str().ok()?;
    value.parse::<SocketAddr>().map(|address| address.ip()).ok()
}

/// The gateway's response as Spin takes it. Its body is written by a task of its own, which goes on after this returned.
pub fn response(response: Response<Body>, method: &Method) -> Result<types::Response, ErrorCode> {
    let (mut parts, body) = response.into_parts();
    let empty = body.is_end_stream();
    let without = *method == Method::HEAD
        || parts.status.is_informational()
        || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let (Some(length), false) = (body.size_hint().exact(), without) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let headers =
        fields::into_wasi(&parts.headers).map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;

    let (end, end_reader) = wit_future::new(|| Err(ErrorCode::InternalError(Some("the response was given up".into()))));
    let contents = if empty || without {
        tasks::spawn(async move {
            let _ = end.write(Ok(None)).await;
        });
        None
    } else {
        let (writer, reader) = wit_stream::new();
        tasks::spawn(write(body, writer, end));
        Some(reader)
    };
    let (response, _transmitted) = types::Response::new(headers, contents, end_reader);
    response
        .set_status_code(parts.status.as_u16())
        .map_err(|()| ErrorCode::InternalError(Some(format!("status {}", parts.status))))?;
    Ok(response)
}

/// Writes each frame as it comes. Returning drops the body, which is how the gateway learns that the client left.
async fn write(mut body: Body, mut writer: StreamWriter<u8>, end: FutureWriter<Result<Option<Trailers>, ErrorCode>>) {
    let mut timer = None;
    loop {
        match next(&mut body, &mut timer).await {
            Next::Frame(Ok(frame)) => {
                // Trailers, which nothing here sends, are dropped.
                let Ok(data) = frame.into_data() else { continue };
                if !data.is_empty() && !writer.write_all(data.into()).await.is_empty() {
                    return;
                }
            }
            Next::Frame(Err(error)) => {
                drop(body);
                drop(writer);
                let _ = end.write(Err(ErrorCode::InternalError(Some(error.to_string())))).await;
                return;
            }
            Next::End => {
                drop(body);
                drop(writer);
                let _ = end.write(Ok(None)).await;
                return;
            }
            // A write of nothing sends nothing, and tells whether anybody is there.
            Next::Silence => {
                if let (StreamResult::Dropped, _) = writer.write(Vec::new()).await {
                    return;
                }
            }
        }
    }
}

enum Next {
    Frame(Result<Frame<Bytes>, <Body as http_body::Body>::Error>),
    End,
    Silence,
}

/// The next frame, or word that there was none for a while. `timer` lives on from call to call: it is cheaper to let it
/// end than to set a new one for each frame.
async fn next(body: &mut Body, timer: &mut Option<BoxFuture<()>>) -> Next {
    poll_fn(|context| {
        match Pin::new(&mut *body).poll_frame(context) {
            Poll::Ready(Some(frame)) => return Poll::Ready(Next::Frame(frame)),
            Poll::Ready(None) => return Poll::Ready(Next::End),
            Poll::Pending => {}
        }
        let waiting = timer.get_or_insert_with(|| Box::pin(spin_sdk::time::sleep(PROBE)));
        ready!(waiting.as_mut().poll(context));
        *timer = None;
        Poll::Ready(Next::Silence)
    })
    .await
}
