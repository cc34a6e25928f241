//! Personal API keys: found by their hash, managed by their owner.

use domain::{
    ApiKeyId, Timestamp, UserId,
    account::Standing,
    permission::{Permissions, Role},
};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// A key about to be made.
pub struct NewApiKey<'a> {
    /// The id.
    pub id: ApiKeyId,
    /// Whose.
    pub user: UserId,
    /// What its owner calls it.
    pub name: &'a str,
    /// How it begins.
    pub prefix: &'a str,
    /// The hash that it is found by.
    pub hash: &'a str,
    /// What it may do, at most.
    pub scopes: Permissions,
    /// When.
    pub now: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// A key as its owner sees it.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// What it may do, at most.
    pub scopes: Permissions,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key that somebody came with, and whose it is.
#[derive(Clone, Debug)]
pub struct Known {
    /// The id.
    pub id: ApiKeyId,
    /// Whose.
    pub user: UserId,
    /// What the owner is, as of now.
    pub role: Role,
    /// Whether the owner's address is proved.
    pub email_verified: bool,
    /// Whether the owner's account may be used.
    pub standing: Standing,
    /// What it may do, at most.
    pub scopes: Permissions,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A new key, unless its owner has `most` already: then the empty name violates the table's `CHECK`, and nothing of the batch is
/// kept.
pub fn insert(key: &NewApiKey<'_>, most: i64) -> Statement {
    Statement::new(
        "INSERT INTO api_keys (id, user_id, name, prefix, hash, scopes, created_at, expires_at)
         VALUES (?1, ?2, CASE WHEN (SELECT count(*) FROM api_keys WHERE user_id = ?2) < ?9 THEN ?3 ELSE '' END,
                 ?4, ?5, ?6, ?7, ?8)",
        [
            key.id.to_string().into(),
            key.user.to_string().into(),
            key.name.into(),
            key.prefix.into(),
            key.hash.into(),
            key.scopes.scope().into(),
            key.now.millis().into(),
            key.expires_at.map(Timestamp::millis).into(),
            most.into(),
        ],
    )
}

/// The keys of a user, newest first.
pub fn of_user(user: UserId) -> Statement {
    Statement::new(
        "SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at
         FROM api_keys WHERE user_id = ?1 ORDER BY id DESC",
        [user.to_string().into()],
    )
}

/// Decodes [`of_user`].
pub fn decode(outcome: &Outcome) -> Result<Vec<ApiKey>, DatabaseError> {
    let key = |row: &ports::Row| {
        Ok(ApiKey {
            id: ApiKeyId::parse(row.text(0)?).ok_or_else(|| bad_id("api_keys"))?,
            name: row.text(1)?.to_owned(),
            prefix: row.text(2)?.to_owned(),
            scopes: Permissions::parse_scope(row.text(3)?),
            created_at: Timestamp::from_millis(row.integer(4)?),
            expires_at: row.maybe_integer(5)?.map(Timestamp::from_millis),
            last_used_at: row.maybe_integer(6)?.map(Timestamp::from_millis),
        })
    };
    outcome.rows.iter().map(key).collect()
}

/// The key of a hash, with its owner as they are now.
pub fn by_hash(hash: &str) -> Statement {
    Statement::new(
        "SELECT api_keys.id AS key_id, users.id AS user_id, users.role, users.standing, api_keys.scopes, api_keys.expires_at,
                api_keys.last_used_at, users.email_verified_at IS NOT NULL AS email_verified
         FROM api_keys JOIN users ON users.id = api_keys.user_id WHERE api_keys.hash = ?1",
        [hash.into()],
    )
}

/// Decodes [`by_hash`].
pub fn decode_known(outcome: &Outcome) -> Result<Option<Known>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some(Known {
        id: ApiKeyId::parse(row.text(0)?).ok_or_else(|| bad_id("api_keys"))?,
        user: UserId::parse(row.text(1)?).ok_or_else(|| bad_id("users"))?,
        role: Role::parse(row.text(2)?).ok_or_else(|| bad_id("users.role"))?,
        standing: Standing::parse(row.text(3)?).ok_or_else(|| bad_id("users.standing"))?,
        scopes: Permissions::parse_scope(row.text(4)?),
        expires_at: row.maybe_integer(5)?.map(Timestamp::from_millis),
        last_used_at: row.maybe_integer(6)?.map(Timestamp::from_millis),
        email_verified: row.integer(7)? != 0,
    }))
}

/// Notes a use, unless one was noted since `before`: of many at once, one writes.
pub fn touch(id: ApiKeyId, now: Timestamp, before: Timestamp) -> Statement {
    Statement::new(
        "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)",
        [id.to_string().into(), now.millis().into(), before.millis().into()],
    )
}

/// Revokes a key of a user.
pub fn delete(id: ApiKeyId, user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM api_keys WHERE id = ?1 AND user_id = ?2",
        [id.to_string().into(), user.to_string().into()],
    )
}

/// Revokes every key of a user; returns their ids.
pub fn delete_all(user: UserId) -> Statement {
    Statement::new("DELETE FROM api_keys WHERE user_id = ?1 RETURNING id", [user.to_string().into()])
}
