//! What a mail permits once. Only the hash of a token is stored.

use domain::{Timestamp, UserId};
use ports::{DatabaseError, Outcome, Statement};

/// A token about to be given out.
pub struct NewToken<'a> {
    /// Its hash.
    pub hash: &'a str,
    /// Whose it is.
    pub user: UserId,
    /// What it permits.
    pub purpose: &'a str,
    /// Where it is sent.
    pub email: &'a str,
    /// The hash of the password that the account gets with it.
    pub password_hash: Option<&'a str>,
    /// When.
    pub now: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

impl NewToken<'_> {
    fn statement(&self, sql: &'static str) -> Statement {
        Statement::new(
            sql,
            [
                self.hash.into(),
                self.user.to_string().into(),
                self.purpose.into(),
                self.email.into(),
                self.password_hash.into(),
                self.now.millis().into(),
                self.expires_at.millis().into(),
            ],
        )
    }
}

/// A new token.
pub fn insert(token: &NewToken<'_>) -> Statement {
    token.statement(
        "INSERT INTO one_time_tokens (hash, user_id, purpose, email, password_hash, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING hash",
    )
}

/// A new token for an account that nobody ever used: without a password, a proved address and a session. No row: it is none.
pub fn insert_unused(token: &NewToken<'_>) -> Statement {
    token.statement(
        "INSERT INTO one_time_tokens (hash, user_id, purpose, email, password_hash, created_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM users
         WHERE id = ?2 AND password_hash = '' AND email_verified_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = users.id)
         RETURNING hash",
    )
}

/// What a token that counts brings: the address it was sent to, the hash of a password, and when it was made. No row: it does not count.
pub fn find(hash: &str, purpose: &'static str, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT email, password_hash, created_at FROM one_time_tokens
         WHERE hash = ?1 AND purpose = ?2 AND used_at IS NULL AND expires_at > ?3",
        [hash.into(), purpose.into(), now.millis().into()],
    )
}

/// What a token brings.
pub struct Brought {
    /// Where it was sent.
    pub email: String,
    /// The hash of a password.
    pub password_hash: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Decodes [`find`].
pub fn decode(outcome: &Outcome) -> Result<Option<Brought>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some(Brought {
        email: row.text(0)?.to_owned(),
        password_hash: row.maybe_text(1)?.map(str::to_owned),
        created_at: Timestamp::from_millis(row.integer(2)?),
    }))
}

/// Uses a token up. One that was used or has expired meanwhile violates `NOT NULL`, so that its whole batch fails: of two at once,
/// one does something.
pub fn consume(hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE one_time_tokens
         SET expires_at = CASE WHEN used_at IS NULL AND expires_at > ?2 THEN expires_at END, used_at = ?2
         WHERE hash = ?1",
        [hash.into(), now.millis().into()],
    )
}

/// Makes a user's unused tokens for a purpose worthless.
pub fn revoke(user: UserId, purpose: &'static str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE one_time_tokens SET used_at = ?3 WHERE user_id = ?1 AND purpose = ?2 AND used_at IS NULL",
        [user.to_string().into(), purpose.into(), now.millis().into()],
    )
}

/// Forgets some of those that expired before `before`.
pub fn purge(before: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM one_time_tokens
         WHERE hash IN (SELECT hash FROM one_time_tokens WHERE expires_at < ?1 LIMIT 20)",
        [before.millis().into()],
    )
}

/// Takes all of a user's away: what a mail permitted, it permits no more.
pub fn delete_all(user: UserId) -> Statement {
    Statement::new("DELETE FROM one_time_tokens WHERE user_id = ?1", [user.to_string().into()])
}
