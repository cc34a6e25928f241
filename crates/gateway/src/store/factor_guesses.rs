//! Tries to prove a second factor since the last one that succeeded.

use std::time::Duration;

use domain::{Timestamp, UserId};
use ports::{DatabaseError, Outcome, Statement};

/// Counts a try, before it is checked. Every tenth locks the user: for `lock` at first, then for twice as long each time, up to
/// sixteen times. Tries are forgotten a day after the last. No row: the user is locked.
pub fn take(user: UserId, lock: Duration, now: Timestamp) -> Statement {
    let lock = i64::try_from(lock.as_millis()).unwrap_or(i64::MAX);
    Statement::new(
        "INSERT INTO factor_guesses (user_id, tries, last_at, locked_until) VALUES (?1, 1, ?2, 0)
         ON CONFLICT (user_id) DO UPDATE SET
           tries = CASE WHEN last_at < ?2 - 86400000 THEN 1 ELSE tries + 1 END,
           locked_until = CASE WHEN last_at >= ?2 - 86400000 AND (tries + 1) % 10 = 0
             THEN ?2 + ?3 * (1 << min((tries + 1) / 10 - 1, 4)) ELSE 0 END,
           last_at = ?2
         WHERE locked_until <= ?2
         RETURNING tries",
        [user.to_string().into(), now.millis().into(), lock.into()],
    )
}

/// Until when a user is locked.
pub fn lock(user: UserId) -> Statement {
    Statement::new("SELECT locked_until AS locked FROM factor_guesses WHERE user_id = ?1", [user.to_string().into()])
}

/// Decodes [`lock`].
pub fn decode_lock(outcome: &Outcome) -> Result<Timestamp, DatabaseError> {
    let millis = outcome.rows.first().map_or(Ok(0), |row| row.integer(0))?;
    Ok(Timestamp::from_millis(millis))
}

/// Forgets the tries of a user.
pub fn forget(user: UserId) -> Statement {
    Statement::new("DELETE FROM factor_guesses WHERE user_id = ?1", [user.to_string().into()])
}
