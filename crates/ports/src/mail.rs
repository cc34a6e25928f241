//! Sending mail.

use std::fmt;

use async_trait::async_trait;

/// A message. Bodies may hold codes and links: never log them.
#[derive(Clone)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain-text body.
    pub text: String,
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
    /// Hands the message over. Success means that the next hop took it.
    async fn send(&self, mail: Mail) -> Result<(), MailError>;
}
