//! Mail. A Worker has no SMTP, and no HTTP mail API is configured yet.

use async_trait::async_trait;
use ports::{Mail, MailError, Mailer};

/// Takes no mail and says so.
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _mail: Mail) -> Result<(), MailError> {
        Err(MailError("no mail sender is configured on Workers, so the message was not sent".into()))
    }
}
