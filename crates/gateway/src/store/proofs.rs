//! What in an account is older than the proof of its address, or newer than a change of it: whoever did that need not be the owner
//! of the address, who was not told of it. (`users.proved_since`, or else `email_verified_at`, is the time of the proof; an account
//! without a proved address has none, and then everything in it is older.)

use domain::{Timestamp, UserId};
use ports::Statement;

/// Ends the sessions from before the proof, and all of them where the password is from before: it may have opened the later ones.
/// Returns their ids.
pub fn end_sessions(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?2, ended_reason = 'address_proved'
         WHERE user_id = ?1 AND ended_at IS NULL
           AND EXISTS (SELECT 1 FROM users
                       WHERE users.id = ?1
                         AND coalesce(proved_since, email_verified_at, 9007199254740991)
                             > CASE WHEN password_hash = '' THEN sessions.created_at
                                    ELSE min(sessions.created_at, coalesce(password_set_at, 0)) END)
         RETURNING id",
        [user.to_string().into(), now.millis().into()],
    )
}

/// Takes a password away that is from before the proof. Returns the id; no row: there is none.
pub fn forget_password(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET password_hash = '', password_set_at = NULL, credential_generation = credential_generation + 1,
                          updated_at = ?2
         WHERE id = ?1 AND password_hash <> ''
           AND coalesce(password_set_at, 0) < coalesce(proved_since, email_verified_at, 9007199254740991)
         RETURNING id",
        [user.to_string().into(), now.millis().into()],
    )
}

/// Revokes the API keys from before the proof.
pub fn delete_keys(user: UserId) -> Statement {
    of(
        "DELETE FROM api_keys
         WHERE user_id = ?1
           AND created_at < (SELECT coalesce(proved_since, email_verified_at, 9007199254740991) FROM users WHERE id = ?1)",
        user,
    )
}

/// Takes away the second factors from before the proof.
pub fn delete_factors(user: UserId) -> Statement {
    of(
        "DELETE FROM factors
         WHERE user_id = ?1
           AND created_at < (SELECT coalesce(proved_since, email_verified_at, 9007199254740991) FROM users WHERE id = ?1)",
        user,
    )
}

/// Unlinks the identities from before the proof.
pub fn delete_identities(user: UserId) -> Statement {
    of(
        "DELETE FROM identities
         WHERE user_id = ?1
           AND created_at < (SELECT coalesce(proved_since, email_verified_at, 9007199254740991) FROM users WHERE id = ?1)",
        user,
    )
}

/// Unlinks the identities that were linked from `since` on.
pub fn delete_identities_since(user: UserId, since: Timestamp) -> Statement {
    at("DELETE FROM identities WHERE user_id = ?1 AND created_at >= ?2", user, since)
}

/// Takes away the second factors that came from `since` on. Returns their ids.
pub fn delete_factors_since(user: UserId, since: Timestamp) -> Statement {
    at("DELETE FROM factors WHERE user_id = ?1 AND coalesce(confirmed_at, created_at) >= ?2 RETURNING id", user, since)
}

/// Takes away the recovery codes that were made from `since` on.
pub fn delete_codes_since(user: UserId, since: Timestamp) -> Statement {
    at("DELETE FROM recovery_codes WHERE user_id = ?1 AND created_at >= ?2", user, since)
}

fn of(sql: &'static str, user: UserId) -> Statement {
    Statement::new(sql, [user.to_string().into()])
}

fn at(sql: &'static str, user: UserId, time: Timestamp) -> Statement {
    Statement::new(sql, [user.to_string().into(), time.millis().into()])
}
