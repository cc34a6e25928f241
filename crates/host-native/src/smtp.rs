//! Mail over SMTP, with `lettre`: a connection for each message, encrypted unless the setting says otherwise.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Secret;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, SinglePart},
    transport::smtp::{
        AsyncSmtpTransportBuilder, Error,
        client::{CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use ports::{Entropy, Mail, MailError, Mailer, Sender};
use reqwest::Url;

/// The longest wait for a connection and for each of the server's answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the setting should have been.
pub const EXPECTED: &str = "expected smtp://user:password@host:587 (STARTTLS), smtps://user:password@host:465, or in development \
                            smtp://localhost:1025?tls=none, with special characters percent-encoded";

/// Where an SMTP server is and how it is talked to: a setting that was found valid.
#[derive(Clone)]
pub struct SmtpUrl {
    /// For lettre: with the credentials, without our parameter.
    url: Secret<String>,
    host: String,
    port: u16,
    security: Security,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    None,
    StartTls,
    Tls,
}

impl SmtpUrl {
    /// Understands the setting; `None` if it is not [`EXPECTED`]. A password needs encryption.
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", None) => (Security::StartTls, 587),
            ("smtp", Some("tls=none")) => (Security::None, 25),
            _ => return None,
        };
        let named = !url.username().is_empty();
        let plain = matches!(url.path(), "" | "/") && url.fragment().is_none();
        if !plain || named != url.password().is_some() || (named && security == Security::None) {
            return None;
        }
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        let port = url.port().unwrap_or(port);
        url.set_query(None);
        url.set_path("");
        let parsed = Self { url: Secret::new(url.into()), host, port, security };
        // Whatever lettre would find wrong with the credentials.
        parsed.builder().ok()?;
        Some(parsed)
    }

    /// The credentials are lettre's to read; the rest is said again, because the meaning of an URL without a parameter differs.
    fn builder(&self) -> Result<AsyncSmtpTransportBuilder, Error> {
        let encrypted = || tls(&self.host);
        let tls = match self.security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Required(encrypted()?),
            Security::Tls => Tls::Wrapper(encrypted()?),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.expose())?;
        Ok(builder.port(self.port).tls(tls).timeout(Some(PATIENCE)))
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpUrl").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// The same roots as the HTTP client's: the system's, or the bundled ones where it has none.
fn tls(host: &str) -> Result<TlsParameters, Error> {
    let bare = rustls_native_certs::load_native_certs().certs.is_empty();
    let roots = if bare { CertificateStore::WebpkiRoots } else { CertificateStore::Default };
    TlsParameters::builder(host.to_owned()).certificate_store(roots).build()
}

/// An SMTP server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    entropy: Arc<dyn Entropy>,
}

impl Smtp {
    /// The server at `url`, which is greeted with the domain of `from`. Must be called within tokio.
    pub fn new(url: &SmtpUrl, from: &Sender, entropy: Arc<dyn Entropy>) -> Result<Self, MailError> {
        let builder = url.builder().map_err(|error| failure(&error))?;
        let transport = builder.hello_name(ClientId::Domain(home(from).to_owned())).build();
        Ok(Self { transport, entropy })
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let unique = u128::from_be_bytes(self.entropy.bytes::<16>());
        let message = message(mail, unique)?;
        self.transport.send(message).await.map(drop).map_err(|error| failure(&error))
    }
}

fn home(from: &Sender) -> &str {
    from.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

fn message(mail: Mail, unique: u128) -> Result<Message, MailError> {
    let id = format!("<{unique:032x}@{}>", home(&mail.from));
    let address = |text: &str, whose: &str| {
        text.parse::<Address>().map_err(|_| MailError(format!("the {whose}'s address is none that SMTP can carry")))
    };
    let (from, to) = (address(&mail.from.address, "sender")?, address(&mail.to, "recipient")?);
    let head = Message::builder()
        .from(Mailbox::new(Some(mail.from.name), from))
        .to(Mailbox::new(None, to))
        .subject(mail.subject)
        .message_id(Some(id));
    let message = match mail.html {
        Some(html) => head.multipart(MultiPart::alternative_plain_html(mail.text, html)),
        None => head.singlepart(SinglePart::plain(mail.text)),
    };
    message.map_err(|error| MailError(format!("cannot put the message together: {error}")))
}

/// What went wrong. What the server says may quote the address, so that of its answer only the code is told.
fn failure(error: &Error) -> MailError {
    let what = match error.status() {
        Some(code) if matches!(u16::from(code), 530 | 534 | 535) => {
            format!("the SMTP server answered {code}: check the user and the password in LITTORAL_SMTP_URL")
        }
        Some(code) => format!("the SMTP server answered {code}"),
        None if error.is_response() => {
            "the SMTP server's answer is no SMTP; check the port in LITTORAL_SMTP_URL".into()
        }
        None => error.to_string(),
    };
    MailError(what)
}

#[cfg(test)]
mod tests;
