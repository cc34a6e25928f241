//! Whom other providers vouch for.

use domain::{Timestamp, UserId, account::Email};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// An identity about to be linked.
#[derive(Clone, Copy, Debug)]
pub struct NewIdentity<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// Who it is there.
    pub subject: &'a str,
    /// Who it is here.
    pub user: UserId,
    /// The address that was said there.
    pub email: Option<&'a Email>,
    /// The name that was said there.
    pub name: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}

/// An identity of a user.
#[derive(Clone, Debug)]
pub struct LinkedIdentity {
    /// The provider's name.
    pub provider: String,
    /// The address that was said there last.
    pub email: Option<String>,
    /// The name that was said there.
    pub name: Option<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it signed in last.
    pub last_used_at: Timestamp,
}

/// Links. One that is somebody's violates `identities.provider, identities.subject`, a second one of a provider
/// `identities.user_id, identities.provider`.
pub fn insert(identity: &NewIdentity<'_>) -> Statement {
    Statement::new(
        "INSERT INTO identities (provider, subject, user_id, email, name, created_at, last_used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        [
            identity.provider.into(),
            identity.subject.into(),
            identity.user.to_string().into(),
            identity.email.map(Email::as_str).into(),
            identity.name.into(),
            identity.now.millis().into(),
        ],
    )
}

/// Links, if the user's address is this one and was proved to be theirs; otherwise there is no user to link to, which the
/// `NOT NULL` of `user_id` refuses, and with it the batch.
pub fn insert_if_verified(identity: &NewIdentity<'_>, email: &Email) -> Statement {
    Statement::new(
        "INSERT INTO identities (provider, subject, user_id, email, name, created_at, last_used_at)
         VALUES (?1, ?2, (SELECT id FROM users WHERE id = ?3 AND email = ?7 AND email_verified_at IS NOT NULL), ?4, ?5, ?6, ?6)",
        [
            identity.provider.into(),
            identity.subject.into(),
            identity.user.to_string().into(),
            identity.email.map(Email::as_str).into(),
            identity.name.into(),
            identity.now.millis().into(),
            email.as_str().into(),
        ],
    )
}

/// Notes that an identity signed in, and with which address. Returns its user.
pub fn touch(provider: &str, subject: &str, email: Option<&Email>, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE identities SET last_used_at = ?4, email = coalesce(?3, email)
         WHERE provider = ?1 AND subject = ?2 RETURNING user_id",
        [provider.into(), subject.into(), email.map(Email::as_str).into(), now.millis().into()],
    )
}

/// Whose an identity is.
pub fn owner(provider: &str, subject: &str) -> Statement {
    Statement::new(
        "SELECT user_id FROM identities WHERE provider = ?1 AND subject = ?2",
        [provider.into(), subject.into()],
    )
}

/// Decodes [`touch`] and [`owner`].
pub fn decode_owner(outcome: &Outcome) -> Result<Option<UserId>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    UserId::parse(row.text(0)?).map(Some).ok_or_else(|| bad_id("identities"))
}

/// The identities of a user, the oldest first. There is at most one of each provider.
pub fn of_user(user: UserId) -> Statement {
    Statement::new(
        "SELECT provider, email, name, created_at, last_used_at FROM identities
         WHERE user_id = ?1 ORDER BY created_at, provider LIMIT 100",
        [user.to_string().into()],
    )
}

/// Decodes [`of_user`].
pub fn decode(outcome: &Outcome) -> Result<Vec<LinkedIdentity>, DatabaseError> {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let mut found = Vec::with_capacity(outcome.rows.len());
    for row in &outcome.rows {
        found.push(LinkedIdentity {
            provider: row.text(0)?.to_owned(),
            email: text(row.maybe_text(1)?),
            name: text(row.maybe_text(2)?),
            created_at: Timestamp::from_millis(row.integer(3)?),
            last_used_at: Timestamp::from_millis(row.integer(4)?),
        });
    }
    Ok(found)
}

/// Unlinks, if the user has a password or another identity to sign in with. No row: there is none, or it is the last way.
pub fn delete_unless_last(user: UserId, provider: &str) -> Statement {
    Statement::new(
        "DELETE FROM identities
         WHERE user_id = ?1 AND provider = ?2
           AND (EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash <> '')
                OR EXISTS (SELECT 1 FROM identities AS other WHERE other.user_id = ?1 AND other.provider <> ?2))
         RETURNING provider",
        [user.to_string().into(), provider.into()],
    )
}

/// Unlinks every identity of a user whose account is deleted: signing in by one makes a new account then.
pub fn delete_all(user: UserId) -> Statement {
    Statement::new("DELETE FROM identities WHERE user_id = ?1", [user.to_string().into()])
}
