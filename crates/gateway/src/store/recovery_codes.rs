//! Recovery codes: their hashes.

use domain::{Timestamp, UserId};
use ports::{DatabaseError, Outcome, Statement, Value};

/// How many codes are inserted at once.
pub const COUNT: usize = 10;

/// Takes all codes of a user away.
pub fn delete(user: UserId) -> Statement {
    Statement::new("DELETE FROM recovery_codes WHERE user_id = ?1", [user.to_string().into()])
}

/// Takes all codes of a user away who has no factor left that counts.
pub fn delete_if_needless(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM recovery_codes WHERE user_id = ?1
           AND NOT EXISTS (SELECT 1 FROM factors WHERE user_id = ?1 AND confirmed_at IS NOT NULL)",
        [user.to_string().into()],
    )
}

/// Takes the used codes of a user away who has no unused ones.
pub fn delete_if_used_up(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM recovery_codes WHERE user_id = ?1
           AND (SELECT count(*) FROM recovery_codes AS others WHERE others.user_id = ?1 AND others.used_at IS NULL) = 0",
        [user.to_string().into()],
    )
}

/// Gives a user codes who has a factor that counts, and none of these yet. One row for each that was taken.
pub fn insert(user: UserId, hashes: &[String; COUNT], now: Timestamp) -> Statement {
    let mut params: [Value; COUNT + 2] = std::array::from_fn(|_| Value::Null);
    params[0] = user.to_string().into();
    params[1] = now.millis().into();
    for (param, hash) in params[2..].iter_mut().zip(hashes) {
        *param = hash.as_str().into();
    }
    Statement::new(
        "INSERT INTO recovery_codes (user_id, hash, created_at)
         SELECT ?1, column1, ?2
         FROM (VALUES (?3), (?4), (?5), (?6), (?7), (?8), (?9), (?10), (?11), (?12))
         WHERE EXISTS (SELECT 1 FROM factors WHERE user_id = ?1 AND confirmed_at IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = ?1)
         RETURNING hash",
        params,
    )
}

/// Takes a code. Returns its hash; no row: it is none of the user's, or was used.
pub fn take(user: UserId, hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE recovery_codes SET used_at = ?3 WHERE user_id = ?1 AND hash = ?2 AND used_at IS NULL RETURNING hash",
        [user.to_string().into(), hash.into(), now.millis().into()],
    )
}

/// How many unused codes a user has.
pub fn left(user: UserId) -> Statement {
    Statement::new(
        "SELECT count(*) AS codes_left FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL",
        [user.to_string().into()],
    )
}

/// Decodes [`left`].
pub fn decode_left(outcome: &Outcome) -> Result<i64, DatabaseError> {
    outcome.rows.first().map_or(Ok(0), |row| row.integer(0))
}
