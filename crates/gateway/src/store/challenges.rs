//! Challenges: a second factor that somebody was asked for and has not shown yet.

use domain::{ChallengeId, Timestamp, UserId};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// An open challenge.
#[derive(Debug)]
pub struct Challenge {
    /// Of whom.
    pub user: UserId,
    /// How the user signed in before.
    pub method: String,
}

/// Poses a challenge to a user who signed in by `method`.
pub fn insert(id: ChallengeId, user: UserId, method: &str, expires_at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO challenges (id, user_id, method, expires_at) VALUES (?1, ?2, ?3, ?4)",
        [id.to_string().into(), user.to_string().into(), method.into(), expires_at.millis().into()],
    )
}

/// Takes away what nobody answered in time: a bounded number, so that nobody waits for it.
pub fn delete_expired(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE expires_at <= ?1 LIMIT 100)",
        [now.millis().into()],
    )
}

/// Counts a try to answer, before it is checked. No row: it expired, was answered, or was tried `most` times.
pub fn take_try(id: ChallengeId, most: i64, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE challenges SET attempts = attempts + 1
         WHERE id = ?1 AND attempts < ?2 AND expires_at > ?3 RETURNING user_id, method",
        [id.to_string().into(), most.into(), now.millis().into()],
    )
}

/// Decodes [`take_try`].
pub fn decode(outcome: &Outcome) -> Result<Option<Challenge>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    let user = UserId::parse(row.text(0)?).ok_or_else(|| bad_id("challenges"))?;
    Ok(Some(Challenge { user, method: row.text(1)?.to_owned() }))
}

/// Ends a challenge. Returns its id; no row: somebody answered it before.
pub fn end(id: ChallengeId) -> Statement {
    Statement::new("DELETE FROM challenges WHERE id = ?1 RETURNING id", [id.to_string().into()])
}

/// Takes all challenges of a user away.
pub fn delete_all(user: UserId) -> Statement {
    Statement::new("DELETE FROM challenges WHERE user_id = ?1", [user.to_string().into()])
}
