//! What happens around every request, in order: request id, bounds, preflight, router, envelope, headers, log line.

use std::sync::Arc;

use axum::{Router, body::Body, response::Response};
use http::{HeaderValue, Method, Request, Uri, header, uri::PathAndQuery};
use ports::{Client, Platform};
use tower_service::Service as _;

use super::{
    context::Context,
    cors,
    presence::{Presence, carry_out},
    problem::{self, Failure},
    request_id,
};
use crate::{
    Config,
    error::{Error, ErrorKind},
    log::Line,
};

const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_URI_BYTES: usize = 8 * 1024;
/// How much of a request's method and target a log line shows, in characters: it is written for requests out of bounds, too.
const MAX_LOGGED: usize = 256;

/// Answers one request.
pub async fn handle(
    router: &Router,
    config: &Arc<Config>,
    platform: Arc<Platform>,
    mut request: Request<Body>,
) -> Response {
    let started = platform.clock.now();
    let request_id: Arc<str> = request_id::of(request.headers(), &platform).into();
    let is_head = request.method() == Method::HEAD;
    let (method, path) = (cut(request.method().as_str()), cut(request.uri().path()));
    let origin = request.headers().get(header::ORIGIN).cloned();

    let response = if let Err(error) = check(&request) {
        axum::response::IntoResponse::into_response(error)
    } else if let Some(response) = cors::preflight(config, request.method(), request.headers()) {
        response
    } else {
        trim_slash(request.uri_mut());
        let client = request.extensions_mut().remove::<Client>().unwrap_or_default();
        let (_waiting, presence) = Presence::new();
        let is_safe = request.method().is_safe();
        request.extensions_mut().insert(Context {
            platform: platform.clone(),
            config: config.clone(),
            request_id: request_id.clone(),
            client,
            presence,
        });
        let work = router.clone().call(request);
        let answered = if is_safe { Ok(work.await) } else { carry_out(&*platform.tasks, work).await };
        match answered {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(error) => axum::response::IntoResponse::into_response(error),
        }
    };

    let failure = response.extensions().get::<Failure>().cloned();
    let mut response = match &failure {
        Some(Failure(error)) => problem::render(error, &request_id, response),
        None => response,
    };
    if is_head {
        *response.body_mut() = Body::empty();
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(request_id::HEADER, id);
    }
    secure(response.headers_mut());
    cors::decorate(config, origin.as_ref(), response.headers_mut());

    let status = response.status().as_u16();
    let level = if status >= 500 { "error" } else { "info" };
    let millis = u64::try_from(platform.clock.now().since(started).as_millis()).unwrap_or(u64::MAX);
    let mut line = Line::new(started, level, "request")
        .with("request_id", &*request_id)
        .with("method", method)
        .with("path", path)
        .with("status", status)
        .with("duration_ms", millis);
    if let Some(Failure(error)) = &failure {
        line = line.with("code", error.code.as_ref());
        if let Some(source) = &error.source {
            line = line.show("cause", source);
        }
    }
    line.write(&*platform.log);
    response
}

/// Serves a path with and without a closing slash: a redirect would lose the `Authorization` header at some clients.
fn trim_slash(uri: &mut Uri) {
    let path = uri.path();
    let trimmed = path.strip_suffix('/').filter(|trimmed| !trimmed.is_empty() && !trimmed.ends_with('/'));
    let Some(trimmed) = trimmed else { return };
    let target = uri.query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
    if let Ok(path) = target.parse::<PathAndQuery>() {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(path);
        if let Ok(trimmed) = Uri::from_parts(parts) {
            *uri = trimmed;
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_LOGGED).collect()
}

/// Refuses what is out of bounds, and what a proxy before this server may have understood in another way.
fn check(request: &Request<Body>) -> Result<(), Error> {
    let headers = request.headers();
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err(Error::malformed("A request has one `Host` header. Send it once."));
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Error::new(
            ErrorKind::NotImplemented,
            "transfer_coding_not_supported",
            "The only transfer coding that this server understands is `chunked`. Send the body without another one.",
        ));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let uri = request.uri();
    let uri_bytes = uri.path().len() + uri.query().map_or(0, str::len);
    if bytes > MAX_HEADER_BYTES || headers.len() > MAX_HEADERS || uri_bytes > MAX_URI_BYTES {
        return Err(Error::new(
            ErrorKind::HeadersTooLarge,
            "headers_too_large",
            format!(
                "A request may have {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes in all and a target of {MAX_URI_BYTES} bytes."
            ),
        ));
    }
    Ok(())
}

/// The headers that every response carries unless its handler said otherwise.
pub fn secure(headers: &mut http::HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
