//! Sending mail.

use std::fmt;

use async_trait::async_trait;
use domain::Secret;

/// Who a message is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name that mail programs show.
    pub name: String,
    /// The address.
    pub address: String,
}

/// `Name <address>` as a header has it (RFC 5322): the name in quotes where it needs them.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || " !#$%&'*+-/=?^_`{|}~".contains(c);
        if self.name.chars().all(plain) {
            return write!(f, "{} <{}>", self.name, self.address);
        }
        let quoted = self.name.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{quoted}\" <{}>", self.address)
    }
}

/// A mail service's HTTP API, as the settings name it.
#[derive(Clone, Debug)]
pub struct MailApi {
    /// Whose form a message takes.
    pub service: MailService,
    /// Where the service is reached, instead of its usual address. Without a closing slash.
    pub url: Option<String>,
    /// The key.
    pub key: Secret<String>,
}

/// A mail service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailService {
    /// Resend.
    Resend,
    /// Postmark.
    Postmark,
    /// Mailgun, which has a path for each sending domain.
    Mailgun {
        /// The sending domain.
        domain: String,
    },
}

/// A message. Bodies may hold codes and links: never log them.
#[derive(Clone)]
pub struct Mail {
    /// The sender.
    pub from: Sender,
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain-text body.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailError(pub String);

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail: {}", self.0)
    }
}

impl std::error::Error for MailError {}

/// A way to send mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands the message over. Success means that the next hop took it. An error holds no address, no credentials and nothing
    /// of the message, because it goes to the log.
    async fn send(&self, mail: Mail) -> Result<(), MailError>;

    /// Whether there is a way at all: where nothing is ever sent, nobody is asked to prove an address.
    fn delivers(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_name_is_quoted_where_it_must_be() {
        let shown = |name: &str| Sender { name: name.into(), address: "a@b.example".into() }.to_string();
        assert_eq!(shown("Littoral"), "Littoral <a@b.example>");
        assert_eq!(shown("Grüße 👋"), "Grüße 👋 <a@b.example>");
        assert_eq!(shown("Chat.ai, \"the\" app"), "\"Chat.ai, \\\"the\\\" app\" <a@b.example>");
    }
}
