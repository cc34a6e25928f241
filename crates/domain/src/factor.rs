//! Second factors.

use crate::{FactorId, Timestamp};

/// What a factor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// An authenticator app (RFC 6238).
    Totp,
}

impl FactorKind {
    /// The word of the API and of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        (word == Self::Totp.as_str()).then_some(Self::Totp)
    }
}

/// A factor of a user that counts.
#[derive(Clone, Debug)]
pub struct Factor {
    /// The id.
    pub id: FactorId,
    /// What it is.
    pub kind: FactorKind,
    /// The name its owner gave it.
    pub name: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}
