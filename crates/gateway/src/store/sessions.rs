//! Sessions: one row is one refresh family.

use domain::{SessionId, Timestamp, UserId, account::Session};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// A new session whose first token was given out.
pub fn insert(
    id: SessionId,
    user: UserId,
    user_agent: Option<&str>,
    now: Timestamp,
    idle_at: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO sessions (id, user_id, counter, rotated_at, user_agent, created_at, last_used_at, idle_at, expires_at)
         VALUES (?1, ?2, 1, ?4, ?3, ?4, ?4, ?5, ?6)",
        [
            id.to_string().into(),
            user.to_string().into(),
            user_agent.into(),
            now.millis().into(),
            idle_at.millis().into(),
            expires_at.millis().into(),
        ],
    )
}

/// Takes token `number`. The newest moves the counter on; the one before it leaves the counter where it is, unless the
/// rotation lies before `repeat_since`. One statement, so that two refreshes at once get the same answer.
pub fn advance(id: SessionId, number: i64, now: Timestamp, idle_at: Timestamp, repeat_since: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions
         SET rotated_at = CASE WHEN counter = ?2 THEN ?3 ELSE rotated_at END,
             counter = max(counter, ?2 + 1), last_used_at = ?3, idle_at = ?4
         WHERE id = ?1 AND ended_at IS NULL AND idle_at > ?3 AND expires_at > ?3
           AND (counter = ?2 OR (counter = ?2 + 1 AND rotated_at >= ?5))
         RETURNING id, user_id, counter",
        [
            id.to_string().into(),
            number.into(),
            now.millis().into(),
            idle_at.millis().into(),
            repeat_since.millis().into(),
        ],
    )
}

/// Decodes [`advance`].
pub fn decode(outcome: &Outcome) -> Result<Option<Session>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some(Session {
        id: SessionId::parse(row.text(0)?).ok_or_else(|| bad_id("sessions"))?,
        user: UserId::parse(row.text(1)?).ok_or_else(|| bad_id("sessions"))?,
        counter: row.integer(2)?,
    }))
}

/// Ends a session whose token `number` was used before. No row: it was not.
pub fn end_if_reused(id: SessionId, number: i64, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?3, ended_reason = 'refresh_token_reused'
         WHERE id = ?1 AND ended_at IS NULL AND counter > ?2
         RETURNING id",
        [id.to_string().into(), number.into(), now.millis().into()],
    )
}

/// Ends a session of a user.
pub fn end(id: SessionId, user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?3, ended_reason = 'logout' WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL",
        [id.to_string().into(), user.to_string().into(), now.millis().into()],
    )
}
