//! Mail over the HTTP API of a mail service, over any `HttpClient`. A request has the form of the service's documentation: Resend
//! "Send email", Postmark "Send a single email", Mailgun "Messages". What a message says, and how long a try may take, is
//! the caller's.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use ports::{Body, HttpClient, HttpErrorKind, Mail, MailApi, MailError, MailService, Mailer};
use serde_json::{Map, Value, json};

/// What is read of an answer, so that the connection can be used again. Nobody needs what it says.
const ANSWER_BYTES: usize = 16 << 10;

/// Resend refuses requests that do not name their program.
const USER_AGENT: &str = concat!("littoral/", env!("CARGO_PKG_VERSION"));

/// A mail service.
pub struct HttpMail {
    api: MailApi,
    http: Arc<dyn HttpClient>,
}

impl HttpMail {
    /// The service that `api` names.
    pub fn new(api: MailApi, http: Arc<dyn HttpClient>) -> Self {
        Self { api, http }
    }

    /// The service of the settings; without one, a mailer whose every error says what to set.
    pub fn configured(api: Option<&MailApi>, http: &Arc<dyn HttpClient>) -> Arc<dyn Mailer> {
        match api {
            Some(api) => Arc::new(Self::new(api.clone(), Arc::clone(http))),
            None => Arc::new(NoMail),
        }
    }

    fn request(&self, mail: &Mail) -> Result<Request<Bytes>, MailError> {
        let key = self.api.key.expose();
        let json = "application/json";
        let (base, path, (name, value), kind, body) = match &self.api.service {
            MailService::Resend => (
                "https://api.resend.com",
                "/emails".to_owned(),
                (header::AUTHORIZATION, format!("Bearer {key}")),
                json,
                resend(mail).to_string(),
            ),
            MailService::Postmark => (
                "https://api.postmarkapp.com",
                "/email".to_owned(),
                (HeaderName::from_static("x-postmark-server-token"), key.clone()),
                json,
                postmark(mail).to_string(),
            ),
            MailService::Mailgun { domain } => (
                "https://api.mailgun.net",
                format!("/v3/{domain}/messages"),
                (header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("api:{key}")))),
                "application/x-www-form-urlencoded",
                mailgun(mail),
            ),
        };
        let base = self.api.url.as_deref().unwrap_or(base);
        let mut secret = HeaderValue::try_from(value)
            .map_err(|_| wrong("LITTORAL_MAIL_API_KEY is no key that a header can carry"))?;
        secret.set_sensitive(true);
        Request::builder()
            .method(Method::POST)
            .uri(format!("{base}{path}"))
            .header(name, secret)
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT, json)
            .header(header::USER_AGENT, USER_AGENT)
            .body(Bytes::from(body))
            .map_err(|_| wrong("LITTORAL_MAIL_API_URL is no URL that can be called"))
    }
}

#[async_trait]
impl Mailer for HttpMail {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let response = self.http.send(self.request(&mail)?).await.map_err(|error| {
            let denied = error.kind == HttpErrorKind::Denied;
            let advice =
                if denied { "; allow this host to reach the mail service (on Spin: littoral_mail_host)" } else { "" };
            MailError(format!("{error}{advice}"))
        })?;
        let status = response.status();
        drain(response.into_body()).await;
        if status.is_success() { Ok(()) } else { Err(refusal(status)) }
    }
}

/// Takes no mail and says what to do about it.
struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _mail: Mail) -> Result<(), MailError> {
        Err(wrong("no mail service is configured; set LITTORAL_MAIL_API, LITTORAL_MAIL_API_KEY and LITTORAL_MAIL_FROM"))
    }

    fn delivers(&self) -> bool {
        false
    }
}

fn resend(mail: &Mail) -> Value {
    let mut message = Map::new();
    message.insert("from".into(), mail.from.to_string().into());
    message.insert("to".into(), json!([mail.to]));
    message.insert("subject".into(), mail.subject.as_str().into());
    message.insert("text".into(), mail.text.as_str().into());
    message.extend(mail.html.as_deref().map(|html| ("html".to_owned(), html.into())));
    message.into()
}

fn postmark(mail: &Mail) -> Value {
    let mut message = Map::new();
    message.insert("From".into(), mail.from.to_string().into());
    message.insert("To".into(), mail.to.as_str().into());
    message.insert("Subject".into(), mail.subject.as_str().into());
    message.insert("TextBody".into(), mail.text.as_str().into());
    message.extend(mail.html.as_deref().map(|html| ("HtmlBody".to_owned(), html.into())));
    message.insert("MessageStream".into(), "outbound".into());
    message.into()
}

fn mailgun(mail: &Mail) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("from", &mail.from.to_string()).append_pair("to", &mail.to);
    form.append_pair("subject", &mail.subject).append_pair("text", &mail.text);
    if let Some(html) = &mail.html {
        form.append_pair("html", html);
    }
    form.finish()
}

/// Reads what is left of an answer, up to its bound. The status has said all there is to say: a break changes nothing.
async fn drain(mut body: Body) {
    let mut left = ANSWER_BYTES;
    while let Some(Ok(chunk)) = body.next().await {
        let Some(less) = left.checked_sub(chunk.len()) else { return };
        left = less;
    }
}

fn wrong(what: &str) -> MailError {
    MailError(what.to_owned())
}

/// What a status other than 2xx means. The body may quote the message, so it is not shown.
fn refusal(status: StatusCode) -> MailError {
    let advice = match status.as_u16() {
        300..=399 => "; it points elsewhere: set LITTORAL_MAIL_API_URL to its final address",
        401 | 403 => "; check LITTORAL_MAIL_API_KEY, and whether the service knows the domain of LITTORAL_MAIL_FROM",
        404 => "; check LITTORAL_MAIL_API_URL and LITTORAL_MAIL_DOMAIN",
        400 | 422 => "; check LITTORAL_MAIL_FROM, and in the service's own log what it says about the message",
        _ => "",
    };
    MailError(format!("the mail service answered {}{advice}", status.as_u16()))
}

#[cfg(test)]
mod tests;
