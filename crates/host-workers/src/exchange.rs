//! One exchange by `fetch`, with a server or with a Durable Object, that ends when nobody waits for it any more.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use wasm_bindgen::JsValue;
use web_sys::{AbortController, RequestInit, RequestRedirect};

/// Sends a request with this body (its own is left) by `send` and returns the response's head; its body streams. Redirects are returned, not followed.
/// Dropping the future or the body closes the exchange.
pub async fn exchange(
    request: &Request<Bytes>,
    body: &JsValue,
    send: impl AsyncFnOnce(worker::Request) -> worker::Result<worker::Response>,
) -> worker::Result<Response<worker::Body>> {
    let mut abort = Abort(Some(AbortController::new()?));
    let outgoing = outgoing(request, body, abort.0.as_ref())?;
    let response = send(outgoing.into()).await;
    // From here on the exchange belongs to the body, which cancels it when it is dropped.
    abort.0 = None;
    response?.try_into()
}

/// Dropping the future of a `fetch` would let it go on; this does not.
struct Abort(Option<AbortController>);

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

fn outgoing(
    request: &Request<Bytes>,
    body: &JsValue,
    abort: Option<&AbortController>,
) -> worker::Result<web_sys::Request> {
    let init = RequestInit::new();
    init.set_method(request.method().as_str());
    init.set_headers(headers(request.headers())?.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(abort.map(AbortController::signal).as_ref());
    init.set_body(body);
    Ok(web_sys::Request::new_with_str_and_init(&request.uri().to_string(), &init)?)
}

/// Headers as JavaScript takes them, without those that `fetch` sets itself.
pub fn headers(headers: &HeaderMap) -> worker::Result<web_sys::Headers> {
    let out = web_sys::Headers::new()?;
    for (name, value) in headers {
        if *name != header::HOST && *name != header::CONTENT_LENGTH {
            out.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))?;
        }
    }
    Ok(out)
}
