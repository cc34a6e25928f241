//! Trusted devices: the hashes of their tokens.

use domain::{Timestamp, TrustedDeviceId, UserId, account::Device};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// Trusts a device.
pub fn insert(
    id: TrustedDeviceId,
    user: UserId,
    hash: &str,
    device: &Device,
    now: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    let name = device.name.as_deref().or(device.user_agent.as_deref());
    Statement::new(
        "INSERT INTO trusted_devices (id, user_id, hash, device, created_at, last_used_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
        [
            id.to_string().into(),
            user.to_string().into(),
            hash.into(),
            name.into(),
            now.millis().into(),
            expires_at.millis().into(),
        ],
    )
}

/// Recognises a device of a user. Returns its id; no row: it is none, or no longer.
pub fn recognise(id: TrustedDeviceId, user: UserId, hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE trusted_devices SET last_used_at = ?4
         WHERE id = ?1 AND user_id = ?2 AND hash = ?3 AND expires_at > ?4 RETURNING id",
        [id.to_string().into(), user.to_string().into(), hash.into(), now.millis().into()],
    )
}

/// Whether a device is one that the user of an address trusts: a row says so.
pub fn is_trusted(id: TrustedDeviceId, hash: &str, email: &str, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT trusted_devices.id AS trusted FROM trusted_devices JOIN users ON users.id = trusted_devices.user_id
         WHERE trusted_devices.id = ?1 AND trusted_devices.hash = ?2 AND users.email = ?3
           AND trusted_devices.expires_at > ?4",
        [id.to_string().into(), hash.into(), email.into(), now.millis().into()],
    )
}

/// Trusts none of a user's devices any more. Also the way in which expired ones go.
pub fn delete_all(user: UserId) -> Statement {
    Statement::new("DELETE FROM trusted_devices WHERE user_id = ?1", [user.to_string().into()])
}

/// Takes a user's expired ones away.
pub fn delete_expired(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM trusted_devices WHERE user_id = ?1 AND expires_at <= ?2",
        [user.to_string().into(), now.millis().into()],
    )
}

/// Takes all but the `most` that were used last away.
pub fn delete_beyond(user: UserId, most: i64) -> Statement {
    Statement::new(
        "DELETE FROM trusted_devices WHERE user_id = ?1 AND id NOT IN (
           SELECT id FROM trusted_devices WHERE user_id = ?1 ORDER BY last_used_at DESC, id DESC LIMIT ?2)",
        [user.to_string().into(), most.into()],
    )
}

/// The devices that a user trusts, oldest first.
pub fn of_user(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT id, device, created_at, last_used_at, expires_at FROM trusted_devices
         WHERE user_id = ?1 AND expires_at > ?2 ORDER BY id",
        [user.to_string().into(), now.millis().into()],
    )
}

/// A trusted device as stored, without its token.
#[derive(Clone, Debug)]
pub struct TrustedDevice {
    /// The id.
    pub id: TrustedDeviceId,
    /// What it calls itself.
    pub device: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it signed in last.
    pub last_used_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Decodes [`of_user`].
pub fn decode(outcome: &Outcome) -> Result<Vec<TrustedDevice>, DatabaseError> {
    let device = |row: &ports::Row| {
        Ok(TrustedDevice {
            id: TrustedDeviceId::parse(row.text(0)?).ok_or_else(|| bad_id("trusted_devices"))?,
            device: row.maybe_text(1)?.map(str::to_owned),
            created_at: Timestamp::from_millis(row.integer(2)?),
            last_used_at: Timestamp::from_millis(row.integer(3)?),
            expires_at: Timestamp::from_millis(row.integer(4)?),
        })
    };
    outcome.rows.iter().map(device).collect()
}

/// How many devices a user trusts.
pub fn count(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT count(*) AS trusted FROM trusted_devices WHERE user_id = ?1 AND expires_at > ?2",
        [user.to_string().into(), now.millis().into()],
    )
}

/// Decodes [`count`].
pub fn decode_count(outcome: &Outcome) -> Result<i64, DatabaseError> {
    outcome.rows.first().map_or(Ok(0), |row| row.integer(0))
}
