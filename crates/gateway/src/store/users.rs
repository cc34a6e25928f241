//! Users.

use domain::{
    Secret, Timestamp, UserId,
    account::{Email, Standing, User},
    permission::Role,
};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement};

/// What stands for the address of an account without one. No address begins like this and has no `@`.
const NO_EMAIL: &str = "guest:";

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
        "INSERT INTO users (id, email, password_hash, role, email_verified_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
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

/// The user of an address.
pub fn by_email(email: &Email) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash, created_at
         FROM users WHERE email = ?1 AND standing <> 'deleted'",
        [email.as_str().into()],
    )
}

/// A user by id.
pub fn by_id(id: UserId) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash, created_at
         FROM users WHERE id = ?1 AND standing <> 'deleted'",
        [id.to_string().into()],
    )
}

/// Decodes the rows of statements that select a user's eight columns, in their order.
pub fn decode(outcome: &Outcome) -> Result<Vec<User>, DatabaseError> {
    let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let mut users = Vec::with_capacity(outcome.rows.len());
    for row in &outcome.rows {
        users.push(User {
            id: UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"))?,
            number: row.integer(1)?,
            email: Some(row.text(2)?.to_owned()).filter(|email| !email.starts_with(NO_EMAIL)),
            email_verified_at: time(row.maybe_integer(3)?),
            role: Role::parse(row.text(4)?).ok_or_else(|| bad_id("users.role"))?,
            standing: Standing::parse(row.text(5)?).ok_or_else(|| bad_id("users.standing"))?,
            password_hash: Some(row.text(6)?).filter(|hash| !hash.is_empty()).map(Secret::from),
            created_at: Timestamp::from_millis(row.integer(7)?),
        });
    }
    Ok(users)
}

/// A stored id that is none.
pub fn bad_id(table: &str) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, format!("{table} holds a value that is none of ours"))
}
