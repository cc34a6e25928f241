//! Wrong passwords: in a row by the hash of an e-mail address, whether or not anybody has it, and within a time by the hash of an
//! address of the network.

use domain::{
    Timestamp,
    lockout::{Record, Rule},
};
use ports::{DatabaseError, Outcome, Row, Statement};

/// What is known of an address, of it for devices that were seen before, and of a network.
pub fn known(address: &str, familiar: &str, network: Option<&str>) -> Statement {
    Statement::new(
        "SELECT failures, last_at, locked_until, address FROM login_failures WHERE address IN (?1, ?2, ?3)",
        [address.into(), familiar.into(), network.into()],
    )
}

/// Decodes what [`known`] says of `key`. `None`: nothing is known.
pub fn decode_known(outcome: &Outcome, key: &str) -> Result<Option<Record>, DatabaseError> {
    for row in &outcome.rows {
        if row.text(3)? == key {
            return record(row).map(Some);
        }
    }
    Ok(None)
}

/// Decodes [`fail`] and [`fail_network`]. No row: the failure was not counted.
pub fn decode(outcome: &Outcome) -> Result<Option<Record>, DatabaseError> {
    outcome.rows.first().map(record).transpose()
}

fn record(row: &Row) -> Result<Record, DatabaseError> {
    Ok(Record {
        failures: u32::try_from(row.integer(0)?).unwrap_or(u32::MAX),
        last_at: Timestamp::from_millis(row.integer(1)?),
        locked_until: row.maybe_integer(2)?.map(Timestamp::from_millis),
    })
}

/// Counts a wrong password, and locks the address when it was one too many. The first after a lock or after a long time counts
/// as the first. No row: the address is locked already, and nothing is counted.
pub fn fail(address: &str, rule: Rule, now: Timestamp) -> Statement {
    count(address, rule.failures, Since::Last, rule, now)
}

/// The same of a network: too many are so many since the first one.
pub fn fail_network(network: &str, rule: Rule, now: Timestamp) -> Statement {
    count(network, rule.network_failures, Since::First, rule, now)
}

/// From when on a rule's duration runs.
#[derive(Clone, Copy)]
enum Since {
    /// The first failure that counts.
    First = 0,
    /// The last one.
    Last = 1,
}

fn count(key: &str, failures: u32, since: Since, rule: Rule, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO login_failures (address, failures, last_at, locked_until)
         VALUES (?1, 1, ?2, CASE WHEN ?3 = 1 THEN ?4 END)
         ON CONFLICT (address) DO UPDATE SET
           failures = CASE WHEN locked_until IS NULL AND last_at > ?5 THEN failures + 1 ELSE 1 END,
           locked_until = CASE WHEN ?3 = 1 OR (locked_until IS NULL AND last_at > ?5 AND failures + 1 >= ?3) THEN ?4 END,
           last_at = CASE WHEN ?6 = 0 AND locked_until IS NULL AND last_at > ?5 THEN last_at ELSE ?2 END
         WHERE locked_until IS NULL OR locked_until <= ?2
         RETURNING failures, last_at, locked_until",
        [
            key.into(),
            now.millis().into(),
            most(failures).into(),
            now.plus(rule.duration).millis().into(),
            now.minus(rule.duration).millis().into(),
            (since as i64).into(),
        ],
    )
}

/// How many failures lock.
fn most(failures: u32) -> i64 {
    if failures == 0 { i64::from(u32::MAX) } else { i64::from(failures) }
}

/// Forgets what is known of an address, unless it is locked now.
pub fn forgive(address: &str, now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM login_failures WHERE address = ?1 AND (locked_until IS NULL OR locked_until <= ?2)",
        [address.into(), now.millis().into()],
    )
}

/// Forgets what is known of an address, locked or not, also for devices that were seen before.
pub fn clear(address: &str, familiar: &str) -> Statement {
    Statement::new("DELETE FROM login_failures WHERE address IN (?1, ?2)", [address.into(), familiar.into()])
}

/// Forgets some of those that have no consequence any more.
pub fn purge(rule: Rule, now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM login_failures WHERE address IN (
           SELECT address FROM login_failures
           WHERE last_at < ?1 AND (locked_until IS NULL OR locked_until <= ?2) LIMIT 20)",
        [now.minus(rule.duration).millis().into(), now.millis().into()],
    )
}
