//! Users.

use domain::{
    Secret, Timestamp, UserId,
    account::{Email, Standing, User},
    permission::Role,
};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement};

/// What stands for the address of an account without one. No address begins like this and has no `@`.
pub const NO_EMAIL: &str = "guest:";

/// A user about to be made.
pub struct NewUser<'a> {
    /// The id.
    pub id: UserId,
    /// The address; a guest has none.
    pub email: Option<&'a Email>,
    /// The hash of the password; who signs in in another way has none.
    pub password_hash: Option<&'a str>,
    /// What the account is.
    pub role: Role,
    /// When the address was proved to be theirs.
    pub email_verified_at: Option<Timestamp>,
    /// When.
    pub now: Timestamp,
}

/// A new user. An address that is taken violates `users.email`.
pub fn insert(user: &NewUser<'_>) -> Statement {
    let email = user.email.map_or_else(|| format!("{NO_EMAIL}{}", user.id), |email| email.as_str().to_owned());
    Statement::new(
        "INSERT INTO users (id, email, password_hash, role, email_verified_at, created_at, updated_at, password_set_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, CASE WHEN ?3 = '' THEN NULL ELSE ?6 END)",
        [
            user.id.to_string().into(),
            email.into(),
            user.password_hash.unwrap_or_default().into(),
            user.role.as_str().into(),
            user.email_verified_at.map(Timestamp::millis).into(),
            user.now.millis().into(),
        ],
    )
}

/// A row if there is any account but guests'.
pub fn any() -> Statement {
    Statement::new("SELECT 1 AS found FROM users WHERE role <> 'guest' LIMIT 1", [])
}

/// The user of an address.
pub fn by_email(email: &Email) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash, created_at,
                must_change_password, credential_generation
         FROM users WHERE email = ?1 AND standing <> 'deleted'",
        [email.as_str().into()],
    )
}

/// The user of a user name.
pub fn by_username(name: &str) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash, created_at,
                must_change_password, credential_generation
         FROM users WHERE id = (SELECT user_id FROM profiles WHERE username = ?1) AND standing <> 'deleted'",
        [name.into()],
    )
}

/// The hash of the password of some account that has one, always the same for a `point` until there are sixteen times as many
/// accounts: what a wrong password for an address that nobody has is verified with, so that it takes as long as others.
pub fn stand_in(point: i64) -> Statement {
    Statement::new(
        "SELECT password_hash FROM users
         WHERE password_hash <> '' AND number >= ?1 % (
           SELECT CASE WHEN n >= 1048576 THEN 1048576 WHEN n >= 65536 THEN 65536 WHEN n >= 4096 THEN 4096
                       WHEN n >= 256 THEN 256 WHEN n >= 16 THEN 16 ELSE 1 END
           FROM (SELECT max(number) AS n FROM users))
         ORDER BY number LIMIT 1",
        [point.into()],
    )
}

/// Decodes [`stand_in`].
pub fn hash(outcome: &Outcome) -> Result<Option<Secret<String>>, DatabaseError> {
    outcome.rows.first().map(|row| row.text(0).map(Secret::from)).transpose()
}

/// The user of a token that was mailed, if they may use their account.
pub fn by_token(hash: &str) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash, created_at,
                must_change_password, credential_generation
         FROM users WHERE id = (SELECT user_id FROM one_time_tokens WHERE hash = ?1) AND standing = 'active'",
        [hash.into()],
    )
}

/// Replaces a password. One that is not `old` any more violates `NOT NULL`, so that its whole batch fails.
pub fn change_password(id: UserId, old: &str, new: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET password_hash = CASE WHEN password_hash = ?2 THEN ?3 END, must_change_password = 0, updated_at = ?4,
                password_set_at = ?4, credential_generation = credential_generation + 1
         WHERE id = ?1",
        [id.to_string().into(), old.into(), new.into(), now.millis().into()],
    )
}

/// Replaces a password, whatever it was, by who reads the mail to `email`: which proves the address.
pub fn reset_password(id: UserId, email: &str, new: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users
         SET password_hash = ?3, must_change_password = 0, updated_at = ?4, password_set_at = ?4,
             credential_generation = credential_generation + 1,
             email_verified_at = CASE WHEN email = ?2 THEN coalesce(email_verified_at, ?4) ELSE email_verified_at END
         WHERE id = ?1",
        [id.to_string().into(), email.into(), new.into(), now.millis().into()],
    )
}

/// Fails the batch, by violating `NOT NULL`, if the account may not be used any more or what its user proved when it was read at this
/// generation is worth nothing any more.
pub fn demand_unchanged(id: UserId, generation: i64) -> Statement {
    Statement::new(
        "UPDATE users
         SET standing = CASE WHEN standing = 'active' AND credential_generation = ?2 THEN standing END WHERE id = ?1",
        [id.to_string().into(), generation.into()],
    )
}

/// Stores the same password's hash at another cost, unless the password was changed meanwhile.
pub fn rehash(id: UserId, old: &str, new: &str) -> Statement {
    Statement::new(
        "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
        [id.to_string().into(), old.into(), new.into()],
    )
}

/// Notes that an address is its user's. An account that nobody used before gets `password_hash` with it.
pub fn verify_email(id: UserId, email: &str, password_hash: Option<&str>, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users
         SET password_hash = CASE WHEN password_hash = '' AND email_verified_at IS NULL THEN coalesce(?3, '') ELSE password_hash END,
             password_set_at = CASE WHEN password_hash = '' AND email_verified_at IS NULL AND ?3 IS NOT NULL THEN ?4
                                    ELSE password_set_at END,
             email_verified_at = coalesce(email_verified_at, ?4), updated_at = ?4
         WHERE id = ?1 AND email = ?2",
        [id.to_string().into(), email.into(), password_hash.into(), now.millis().into()],
    )
}

/// Gives an account another address, which its user proved. One that is taken violates `users.email`. If no address was proved
/// before, all that is in the account is that user's.
pub fn change_email(id: UserId, email: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users
         SET proved_since = CASE WHEN email_verified_at IS NULL THEN created_at ELSE coalesce(proved_since, email_verified_at) END,
             email = ?2, email_verified_at = ?3, updated_at = ?3
         WHERE id = ?1",
        [id.to_string().into(), email.into(), now.millis().into()],
    )
}

/// Gives an account the address back that it had before a change. Its password signs in no more until another one is set.
pub fn restore_email(id: UserId, email: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users
         SET email = ?2, email_verified_at = ?3, updated_at = ?3, credential_generation = credential_generation + 1,
             must_change_password = CASE WHEN password_hash = '' THEN must_change_password ELSE 1 END
         WHERE id = ?1",
        [id.to_string().into(), email.into(), now.millis().into()],
    )
}

/// Lets the password of an account sign in no more until another one is set. Without a password nothing changes.
pub fn demand_new_password(id: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users
         SET must_change_password = 1, credential_generation = credential_generation + 1, updated_at = ?2
         WHERE id = ?1 AND password_hash <> ''",
        [id.to_string().into(), now.millis().into()],
    )
}

/// Takes an address from the account that has it and never proved it, for another account whose user did.
pub fn give_up_unproved(email: &str, to: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET email = ?3 || id, updated_at = ?4 WHERE email = ?1 AND id <> ?2 AND email_verified_at IS NULL",
        [email.into(), to.to_string().into(), NO_EMAIL.into(), now.millis().into()],
    )
}

/// A user by id.
pub fn by_id(id: UserId) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash, created_at,
                must_change_password, credential_generation
         FROM users WHERE id = ?1 AND standing <> 'deleted'",
        [id.to_string().into()],
    )
}

/// Makes a guest a user, with what it has now: an address, a password. What is missing stays as it was. If the address is proved, all
/// that is in the account is its owner's. For who is no guest the
/// role becomes nothing, which the column's `NOT NULL` refuses, and with it the batch.
pub fn promote_guest(
    id: UserId,
    email: Option<&Email>,
    password_hash: Option<&str>,
    email_verified_at: Option<Timestamp>,
    now: Timestamp,
) -> Statement {
    Statement::new(
        "UPDATE users
         SET role = CASE role WHEN 'guest' THEN 'user' END, email = coalesce(?2, email),
             password_hash = coalesce(?3, password_hash), email_verified_at = coalesce(?4, email_verified_at), updated_at = ?5,
             password_set_at = CASE WHEN ?3 IS NULL THEN password_set_at ELSE ?5 END,
             proved_since = CASE WHEN ?4 IS NULL THEN proved_since ELSE created_at END
         WHERE id = ?1",
        [
            id.to_string().into(),
            email.map(Email::as_str).into(),
            password_hash.into(),
            email_verified_at.map(Timestamp::millis).into(),
            now.millis().into(),
        ],
    )
}

/// Guests that were made and used last before `since`: whoever holds the refresh token of one has not come back. The oldest
/// first, at most `most`.
pub fn unused_guests(since: Timestamp, most: i64) -> Statement {
    Statement::new(
        "SELECT id FROM users
         WHERE role = 'guest' AND standing <> 'deleted' AND created_at < ?1
           AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = users.id AND sessions.last_used_at >= ?1)
         ORDER BY created_at LIMIT ?2",
        [since.millis().into(), most.into()],
    )
}

/// Decodes the ids in the first column.
pub fn ids(outcome: &Outcome) -> Result<Vec<UserId>, DatabaseError> {
    let id = |row: &ports::Row| UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"));
    outcome.rows.iter().map(id).collect()
}

/// Decodes the rows of statements that select a user's columns, in the order of [`by_id`].
pub fn decode(outcome: &Outcome) -> Result<Vec<User>, DatabaseError> {
    let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let mut users = Vec::with_capacity(outcome.rows.len());
    for row in &outcome.rows {
        users.push(User {
            id: UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"))?,
            number: row.integer(1)?,
            email: address(row.text(2)?),
            email_verified_at: time(row.maybe_integer(3)?),
            role: Role::parse(row.text(4)?).ok_or_else(|| bad_id("users.role"))?,
            standing: Standing::parse(row.text(5)?).ok_or_else(|| bad_id("users.standing"))?,
            password_hash: Some(row.text(6)?).filter(|hash| !hash.is_empty()).map(Secret::from),
            created_at: Timestamp::from_millis(row.integer(7)?),
            must_change_password: row.integer(8)? != 0,
            credential_generation: row.integer(9)?,
        });
    }
    Ok(users)
}

/// The address in a column `email`, if it is one.
pub fn address(column: &str) -> Option<String> {
    Some(column.to_owned()).filter(|email| !email.starts_with(NO_EMAIL))
}

/// An account that comes from another system, with its password.
pub struct ImportedUser<'a> {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: &'a Email,
    /// The hash of the password.
    pub password_hash: &'a str,
    /// What the account is.
    pub role: Role,
    /// Whether it may be used.
    pub standing: Standing,
    /// When the address was proved to be theirs.
    pub email_verified_at: Option<Timestamp>,
    /// When the account was made, there.
    pub created_at: Timestamp,
    /// When.
    pub now: Timestamp,
}

/// An account from elsewhere. Returns the id; no row: the address has an account.
pub fn import(user: &ImportedUser<'_>) -> Statement {
    Statement::new(
        "INSERT INTO users (id, email, password_hash, role, standing, email_verified_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (email) DO NOTHING RETURNING id",
        [
            user.id.to_string().into(),
            user.email.as_str().into(),
            user.password_hash.into(),
            user.role.as_str().into(),
            user.standing.as_str().into(),
            user.email_verified_at.map(Timestamp::millis).into(),
            user.created_at.millis().into(),
            user.now.millis().into(),
        ],
    )
}

/// Plans the deletion of an account. If it is planned already, or no admin would be left who does not plan to leave, it violates
/// the `CHECK` of `users.standing`, so that nothing of its batch is kept.
pub fn schedule_deletion(user: UserId, now: Timestamp, due: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET
           standing = CASE WHEN standing <> 'deleted' AND deletion_scheduled_at IS NULL
                             AND (role <> 'admin'
                                  OR EXISTS (SELECT 1 FROM users AS others
                                             WHERE others.role = 'admin' AND others.standing = 'active'
                                               AND others.deletion_scheduled_at IS NULL AND others.id <> ?1))
                           THEN standing ELSE 'no admin left' END,
           deletion_requested_at = ?2, deletion_scheduled_at = ?3
         WHERE id = ?1",
        [user.to_string().into(), now.millis().into(), due.millis().into()],
    )
}

/// Takes the plan back. Returns the id; no row: there was none.
pub fn cancel_deletion(user: UserId) -> Statement {
    Statement::new(
        "UPDATE users SET deletion_requested_at = NULL, deletion_scheduled_at = NULL
         WHERE id = ?1 AND standing <> 'deleted' AND deletion_scheduled_at IS NOT NULL RETURNING id",
        [user.to_string().into()],
    )
}

/// Deletes an account whose planned deletion is due, as `directory::delete` does. Returns the id; no row: it is not due, it is
/// deleted already, or no admin would be left.
pub fn delete_due(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET standing = 'deleted', email = ?3 || id, email_verified_at = NULL, password_hash = '',
                          updated_at = ?2
         WHERE id = ?1 AND standing <> 'deleted' AND deletion_scheduled_at <= ?2
           AND (role <> 'admin' OR standing <> 'active'
                OR EXISTS (SELECT 1 FROM users AS others
                           WHERE others.role = 'admin' AND others.standing = 'active' AND others.id <> ?1))
         RETURNING id",
        [user.to_string().into(), now.millis().into(), NO_EMAIL.into()],
    )
}

/// Deletes an account of [`unused_guests`] in the same way, unless it was used meanwhile. Returns the id.
pub fn mark_unused(user: UserId, now: Timestamp, since: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET standing = 'deleted', password_hash = '', updated_at = ?2
         WHERE id = ?1 AND standing <> 'deleted' AND role = 'guest' AND created_at < ?3
           AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = users.id AND sessions.last_used_at >= ?3)
         RETURNING id",
        [user.to_string().into(), now.millis().into(), since.millis().into()],
    )
}

/// Accounts that [`delete_due`] deletes: a bounded number of ids, the longest due first.
pub fn due(now: Timestamp, limit: i64) -> Statement {
    Statement::new(
        "SELECT id FROM users WHERE deletion_scheduled_at <= ?1 AND standing <> 'deleted'
           AND (role <> 'admin' OR standing <> 'active'
                OR EXISTS (SELECT 1 FROM users AS others
                           WHERE others.role = 'admin' AND others.standing = 'active' AND others.id <> users.id))
         ORDER BY deletion_scheduled_at LIMIT ?2",
        [now.millis().into(), limit.into()],
    )
}

/// Deleted accounts that wait to be erased: ids, and since when they are deleted; a bounded number, the oldest first. (Nothing
/// changes a deleted account.)
pub fn deleted(limit: i64) -> Statement {
    Statement::new(
        "SELECT id, updated_at FROM users WHERE standing = 'deleted' ORDER BY updated_at LIMIT ?1",
        [limit.into()],
    )
}

/// The rest of a deleted account, with everything that refers to it.
pub fn erase(user: UserId) -> Statement {
    Statement::new("DELETE FROM users WHERE id = ?1 AND standing = 'deleted'", [user.to_string().into()])
}

/// A stored id that is none.
pub fn bad_id(table: &str) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, format!("{table} holds a value that is none of ours"))
}
