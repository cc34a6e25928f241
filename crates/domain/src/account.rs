//! Users, sessions and the devices they are on.

use std::net::IpAddr;

use crate::{Secret, SessionId, Timestamp, UserId, permission::Role};

/// An e-mail address in the form it is compared and stored: trimmed, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The longest address that SMTP can carry (RFC 5321, 4.5.3.1.3), in bytes.
    pub const MAX_BYTES: usize = 254;

    /// Accepts `local@domain.tld` without spaces, control characters and what an address has only in quotes (RFC 5322, 3.4.1), such
    /// as a colon; `None` otherwise. Whether the address exists is found out by sending mail to it, not by grammar.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, host) = text.rsplit_once('@')?;
        let plain =
            |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | ':' | '"' | '@');
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

    /// Enough of the address for its owner to know it again, and no more: `a…@example.com`.
    pub fn hint(&self) -> String {
        let (local, host) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        format!("{}…@{host}", local.chars().take(1).collect::<String>())
    }
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Active,
    /// An admin took it out of use, for now.
    Suspended,
    /// It is deleted; what is left waits to be erased.
    Deleted,
}

impl Standing {
    /// The word of the API and of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Deleted].into_iter().find(|standing| standing.as_str() == word)
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// A small integer that names the user as well, for clients that know integer ids (seeds 002 and 004).
    pub number: i64,
    /// The e-mail address; an account of a guest has none.
    pub email: Option<String>,
    /// When the address was proved to be the user's.
    pub email_verified_at: Option<Timestamp>,
    /// What the account is.
    pub role: Role,
    /// Whether it may be used.
    pub standing: Standing,
    /// The hash of the password; an account without one signs in another way.
    pub password_hash: Option<Secret<String>>,
    /// Whether the password no longer signs in until another one is set.
    pub must_change_password: bool,
    /// Grows with everything that makes a proof of who one is worthless.
    pub credential_generation: i64,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What is known of the device that a request came from. Everything but the address and the country is the device's own word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// A name that its owner knows it by.
    pub name: Option<String>,
    /// `ios`, `android`, `web`, `macos`, `windows`, `linux` or whatever the app says.
    pub platform: Option<String>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// The address, as the platform vouches for it.
    pub address: Option<IpAddr>,
    /// The country (ISO 3166-1 alpha-2), when the platform knows.
    pub country: Option<String>,
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
    /// What its user is, as of now.
    pub role: Role,
    /// Whether its user's address was proved to be theirs, as of now.
    pub email_verified: bool,
    /// Access tokens of an older generation are worth nothing.
    pub generation: i64,
    /// When the user last proved to be there.
    pub authenticated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_and_nonsense_is_refused() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        for bad in [
            "",
            "ada",
            "@b.c",
            "a@b",
            "a b@c.d",
            "a@b..c",
            "a\0@b.c",
            "a@b.c,d@e.f",
            "a@@b.c",
            "guest:a@b.c",
            "a@b.c:25",
        ] {
            assert_eq!(Email::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_hint_shows_one_letter_and_the_host() {
        assert_eq!(Email::parse("ärger@example.com").unwrap().hint(), "ä…@example.com");
    }
}
