//! The small byte store in a SQL table, for hosts without one of their own.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Timestamp;
use ports::{Clock, Database, DatabaseError, KeyValue, KeyValueError, Statement, Value};

/// The port's bounds. Kept here too, so that code written on this store runs on all others.
const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 1 << 20;
const SHORTEST: Duration = Duration::from_mins(1);
/// How many times a sweep asks the database at most.
const PASSES: usize = 100;

/// A byte store in the table `key_values`. It is never stale.
pub struct SqlKeys {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn failed(error: DatabaseError) -> KeyValueError {
    KeyValueError(error.to_string())
}

impl SqlKeys {
    /// A store in this database whose values expire by `clock`.
    pub fn new(database: Arc<dyn Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    async fn write(&self, statement: Statement) -> Result<(), KeyValueError> {
        self.database.run(statement).await.map(drop).map_err(failed)
    }
}

#[async_trait]
impl KeyValue for SqlKeys {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let sql = "SELECT value, expires_at FROM key_values WHERE key = ?1";
        let found = self.database.run(Statement::new(sql, [key.into()])).await.map_err(failed)?;
        let Some(row) = found.rows.first() else { return Ok(None) };
        let now = self.clock.now().millis();
        if row.maybe_integer(1).map_err(failed)?.is_some_and(|expires| expires <= now) {
            // Guarded: what was put meanwhile stays. The answer is known whether or not this succeeds: a sweep finds the rest.
            let sql = "DELETE FROM key_values WHERE key = ?1 AND expires_at <= ?2";
            let _ = self.write(Statement::new(sql, [key.into(), now.into()])).await;
            return Ok(None);
        }
        row.blob(0).map(|value| Some(value.to_owned())).map_err(failed)
    }

    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Err(KeyValueError(format!("a key has 1 to {KEY_BYTES} bytes, not {}", key.len())));
        }
        if value.len() > VALUE_BYTES {
            return Err(KeyValueError(format!("a value has at most {VALUE_BYTES} bytes, not {}", value.len())));
        }
        if expires.is_some_and(|expires| expires < SHORTEST) {
            return Err(KeyValueError(format!("a value cannot expire in less than {SHORTEST:?}")));
        }
        let until = expires.map(|expires| self.clock.now().plus(expires).millis());
        let sql = "INSERT INTO key_values (key, value, expires_at) VALUES (?1, ?2, ?3) \
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
        self.write(Statement::new(sql, [key.into(), Value::Blob(value.to_owned()), until.into()])).await
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        self.write(Statement::new("DELETE FROM key_values WHERE key = ?1", [key.into()])).await
    }

    /// 1,000 at a time, until fewer are found. Reading deletes the key that it reads; this is for keys that nobody reads again.
    async fn sweep(&self, now: Timestamp) -> Result<(), KeyValueError> {
        let sql = "DELETE FROM key_values
            WHERE key IN (SELECT key FROM key_values WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 1000) RETURNING key";
        for _ in 0..PASSES {
            let deleted = self.database.run(Statement::new(sql, [now.millis().into()])).await.map_err(failed)?;
            if deleted.rows.len() < 1_000 {
                break;
            }
        }
        Ok(())
    }
}
