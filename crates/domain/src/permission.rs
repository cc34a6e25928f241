//! Roles, permissions and the scopes of API keys: who may do what, in one table. Default deny: whoever is not listed may not.

use std::fmt;

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs the service.
    Admin,
    /// A person with an account.
    User,
    /// A device without credentials, under tight limits.
    Guest,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Admin, Self::User, Self::Guest];

    /// The word of the API and of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Guest => "guest",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What the role may do.
    pub const fn permissions(self) -> Permissions {
        use Permission::{Chat, ManageAccount, ManageKeys, ManageUsers, ReadAccount, ReadAudit, ReadUsers};
        match self {
            Self::Admin => {
                Permissions::of(&[Chat, ReadAccount, ManageAccount, ManageKeys, ReadUsers, ManageUsers, ReadAudit])
            }
            Self::User => Permissions::of(&[Chat, ReadAccount, ManageAccount, ManageKeys]),
            // A guest's account is its own, too. But it is for the device that asked for it, and ends when that stays away.
            Self::Guest => Permissions::of(&[Chat, ReadAccount, ManageAccount]),
        }
    }
}

/// What a handler may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Conversations, completions and runs of one's own.
    Chat = 1,
    /// Reading one's own account, sessions and events.
    ReadAccount = 2,
    /// Changing one's own account: passwords, factors, sessions, deletion.
    ManageAccount = 4,
    /// Reading every account.
    ReadUsers = 8,
    /// Changing every account.
    ManageUsers = 16,
    /// Reading everybody's events.
    ReadAudit = 32,
    /// Making API keys of one's own.
    ManageKeys = 64,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::ReadAccount,
        Self::ManageAccount,
        Self::ReadUsers,
        Self::ManageUsers,
        Self::ReadAudit,
        Self::ManageKeys,
    ];

    /// The word, as scopes of API keys and errors have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ReadAccount => "account:read",
            Self::ManageAccount => "account:manage",
            Self::ReadUsers => "users:read",
            Self::ManageUsers => "users:manage",
            Self::ReadAudit => "audit:read",
            Self::ManageKeys => "keys:manage",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == word)
    }

    /// Whether an API key may carry it. Who holds a key may spend, not take over: credentials are managed by people who have
    /// signed in.
    pub const fn fits_a_key(self) -> bool {
        !matches!(self, Self::ManageAccount | Self::ManageKeys | Self::ManageUsers)
    }

    /// Those that an API key may carry.
    pub fn of_keys() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|one| one.fits_a_key())
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// Exactly these.
    pub const fn of(list: &[Permission]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < list.len() {
            bits |= list[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether this one is among them.
    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & permission as u8 != 0
    }

    /// What both allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The words, separated by spaces, as OAuth's `scope` has them (RFC 6749, 3.3).
    pub fn scope(self) -> String {
        let words: Vec<&str> =
            Permission::ALL.into_iter().filter(|one| self.allow(*one)).map(Permission::as_str).collect();
        words.join(" ")
    }

    /// Reads [`Self::scope`]; a word that is none is left out: it allows nothing.
    pub fn parse_scope(text: &str) -> Self {
        let list: Vec<Permission> = text.split(' ').filter_map(Permission::parse).collect();
        Self::of(&list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_admins_touch_other_accounts() {
        for role in [Role::User, Role::Guest] {
            for permission in [Permission::ReadUsers, Permission::ManageUsers, Permission::ReadAudit] {
                assert!(!role.permissions().allow(permission), "{role:?} {permission}");
            }
        }
        assert!(Permission::ALL.into_iter().all(|permission| Role::Admin.permissions().allow(permission)));
    }

    #[test]
    fn scopes_round_trip_and_unknown_words_allow_nothing() {
        let scope = Role::User.permissions().scope();
        assert_eq!(Permissions::parse_scope(&scope), Role::User.permissions());
        assert_eq!(Permissions::parse_scope("root *  chat"), Permissions::of(&[Permission::Chat]));
        assert_eq!(Permissions::parse_scope(""), Permissions::default());
    }
}
