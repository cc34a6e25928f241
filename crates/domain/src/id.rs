//! Identifiers: `UUIDv7`s made by the service layer, each kind its own type.

use std::fmt;

use uuid::{Builder, Uuid};

use crate::Timestamp;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes an id (RFC 9562, version 7) from the time and 10 random bytes.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Reads the hyphenated form; anything else is `None`.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 36).then(|| Uuid::parse_str(text).ok().map(Self)).flatten()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}

ids! {
    /// A user.
    UserId,
    /// A session: one device signed in, one refresh family.
    SessionId,
    /// A security event of the audit log.
    EventId,
    /// A personal API key.
    ApiKeyId,
    /// A second factor.
    FactorId,
    /// A question that is to be answered once, such as for a second factor.
    ChallengeId,
    /// A device that need not prove a second factor.
    TrustedDeviceId,
    /// A conversation.
    ConversationId,
    /// A message of a conversation.
    MessageId,
    /// A run: one reply being generated.
    RunId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_round_trip() {
        let early = RunId::new(Timestamp::from_millis(1_000), [255; 10]);
        let late = RunId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late);
        assert_eq!(RunId::parse(&early.to_string()), Some(early));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        assert_eq!(UserId::parse("01893f6e1c2a7b3c8d4e5f6a7b8c9d0e"), None);
        assert_eq!(UserId::parse(""), None);
        assert_eq!(UserId::parse("01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0ß"), None);
    }
}
