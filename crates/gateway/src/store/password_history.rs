//! The passwords that accounts had before.

use domain::{Secret, Timestamp, UserId};
use ports::{DatabaseError, Outcome, Statement};

/// Keeps the password that an account has, before it gets another.
pub fn keep(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO password_history (user_id, password_hash, created_at)
         SELECT id, password_hash, ?2 FROM users WHERE id = ?1 AND password_hash <> ''
         ON CONFLICT DO NOTHING",
        [user.to_string().into(), now.millis().into()],
    )
}

/// Forgets all but the newest `count`.
pub fn trim(user: UserId, count: u32) -> Statement {
    Statement::new(
        "DELETE FROM password_history
         WHERE user_id = ?1 AND password_hash NOT IN
           (SELECT password_hash FROM password_history WHERE user_id = ?1 ORDER BY created_at DESC, password_hash LIMIT ?2)",
        [user.to_string().into(), i64::from(count).into()],
    )
}

/// The newest `count`.
pub fn newest(user: UserId, count: u32) -> Statement {
    Statement::new(
        "SELECT password_hash FROM password_history WHERE user_id = ?1 ORDER BY created_at DESC, password_hash LIMIT ?2",
        [user.to_string().into(), i64::from(count).into()],
    )
}

/// Decodes [`newest`].
pub fn decode(outcome: &Outcome) -> Result<Vec<Secret<String>>, DatabaseError> {
    outcome.rows.iter().map(|row| row.text(0).map(Secret::from)).collect()
}

/// Takes all of a user's away.
pub fn delete_all(user: UserId) -> Statement {
    Statement::new("DELETE FROM password_history WHERE user_id = ?1", [user.to_string().into()])
}
