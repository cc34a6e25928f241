//! OpenAI's Chat Completions, as spoken by OpenAI and by everybody who copies it.
//!
//! The request is plain; the reading is tolerant of what the copies get wrong, and strict about everything that would make a
//! broken reply look like a whole one.

mod decoder;
mod failure;
mod models;
mod reply;
mod request;
mod wire;

use bytes::Bytes;
use domain::{Secret, chat::ChatRequest};
use http::{
    HeaderMap, HeaderValue, Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT},
    response,
};

pub(crate) use self::decoder::ChatDecoder;
use crate::{Decoder, Exchange, Provider, ProviderError, ProviderErrorKind};

/// A provider that speaks Chat Completions.
#[derive(Clone, Debug)]
pub struct OpenAi {
    /// Up to and including the version, for example `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key, if the provider wants one.
    pub api_key: Option<Secret<String>>,
}

impl OpenAi {
    fn request(&self, chat: &ChatRequest) -> Result<Request<Bytes>, ProviderError> {
        let base_url = self.base_url.trim_end_matches('/');
        let body = serde_json::to_vec(&request::Body::new(chat, base_url))
            .map_err(|error| ProviderError::new(ProviderErrorKind::Rejected).because(error.to_string()))?;
        let request = Request::post(format!("{base_url}/chat/completions"))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, if chat.stream { "text/event-stream" } else { "application/json" });
        self.authorized(request, Bytes::from(body))
    }

    /// A request with the key.
    fn authorized(&self, request: http::request::Builder, body: Bytes) -> Result<Request<Bytes>, ProviderError> {
        let unusable = |note: &'static str| ProviderError::new(ProviderErrorKind::Unauthorized).because(note);
        let mut request = request
            .header(USER_AGENT, concat!("littoral/", env!("CARGO_PKG_VERSION")))
            .body(body)
            .map_err(|_| unusable("the base URL in the settings is no URL"))?;
        if let Some(key) = &self.api_key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))
                .map_err(|_| unusable("the key in the settings holds characters that no header can"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn exchange(&self, request: &ChatRequest) -> Result<Exchange, ProviderError> {
        self.request(request).map(Exchange::Http)
    }

    /// `stream` is not needed: some gateways answer a streaming request with one JSON body, others name the wrong type, so
    /// the first byte of the body decides.
    fn decoder(&self, head: &response::Parts, _stream: bool) -> Result<Box<dyn Decoder>, ProviderError> {
        if !head.status.is_success() {
            return Err(self.refusal(head, b""));
        }
        check_readable(&head.headers)?;
        Ok(Box::new(ChatDecoder::new(self.api_key.clone())))
    }

    fn refusal(&self, head: &response::Parts, body: &[u8]) -> ProviderError {
        failure::refusal(head, body, self.api_key.as_ref())
    }
}

/// Refuses a body that cannot be a reply whatever it holds, so that nobody waits for it.
fn check_readable(headers: &HeaderMap) -> Result<(), ProviderError> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or("").trim();
    let malformed = |note: &str| Err(failure::malformed().because(note));
    if !matches!(text(CONTENT_ENCODING), "" | "identity") {
        return malformed("the body is compressed, which was not asked for");
    }
    let essence = text(CONTENT_TYPE).split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => malformed("the body is HTML: is the base URL right?"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
