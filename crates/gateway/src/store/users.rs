//! Users.

use domain::{
    Timestamp, UserId,
    account::{Email, User},
};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement};

/// A new user.
pub fn insert(id: UserId, email: &Email, hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        [id.to_string().into(), email.as_str().into(), hash.into(), now.millis().into()],
    )
}

/// The credentials of an address.
pub fn by_email(email: &Email) -> Statement {
    Statement::new("SELECT id, password_hash FROM users WHERE email = ?1", [email.as_str().into()])
}

/// Decodes [`by_email`].
pub fn credentials(outcome: &Outcome) -> Result<Option<(UserId, String)>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some((UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"))?, row.text(1)?.to_owned())))
}

/// A user by id.
pub fn by_id(id: UserId) -> Statement {
    Statement::new("SELECT id, number, email, created_at FROM users WHERE id = ?1", [id.to_string().into()])
}

/// Decodes [`by_id`].
pub fn decode(outcome: &Outcome) -> Result<Option<User>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some(User {
        id: UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"))?,
        number: row.integer(1)?,
        email: row.text(2)?.to_owned(),
        created_at: Timestamp::from_millis(row.integer(3)?),
    }))
}

/// A stored id that is none.
pub fn bad_id(table: &str) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, format!("{table} holds an id that is none"))
}
