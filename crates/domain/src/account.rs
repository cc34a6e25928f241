//! Users and sessions.

use crate::{SessionId, Timestamp, UserId};

/// An e-mail address in the form it is compared and stored: trimmed, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The longest address that SMTP can carry (RFC 5321, 4.5.3.1.3), in bytes.
    pub const MAX_BYTES: usize = 254;

    /// Accepts `local@domain.tld` without spaces or control characters; `None` otherwise. Whether the address
    /// exists is found out by sending mail to it, not by grammar.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, host) = text.rsplit_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"' | '@');
        let labels = || host.split('.');
        (text.len() <= Self::MAX_BYTES
            && !local.is_empty()
            && local.len() <= 64
            && local.chars().all(plain)
            && host.chars().all(plain)
            && labels().count() >= 2
            && labels().all(|label| !label.is_empty() && label.len() <= 63))
        .then(|| Self(text.to_lowercase()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// A small integer that names the user as well, for clients that know integer ids (seeds 002 and 004).
    pub number: i64,
    /// The e-mail address.
    pub email: String,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A session: one device that signed in, and its family of refresh tokens.
#[derive(Clone, Debug)]
pub struct Session {
    /// The id, which is also the family of the refresh tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The number of the newest refresh token of the family.
    pub counter: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_and_nonsense_is_refused() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        for bad in ["", "ada", "@b.c", "a@b", "a b@c.d", "a@b..c", "a\0@b.c", "a@b.c,d@e.f", "a@@b.c"] {
            assert_eq!(Email::parse(bad), None, "{bad:?}");
        }
    }
}
