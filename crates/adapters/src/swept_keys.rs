//! Deletes what has expired from a byte store that does not do so by itself and whose keys cannot be listed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Timestamp;
use ports::{Clock, Database, DatabaseError, KeyValue, KeyValueError, Statement};

/// How long a value is left alone after its end: whoever puts another one under its key does so when the first ends, and a sweep
/// must not meet that.
const GRACE: Duration = Duration::from_hours(1);
/// How many values a sweep looks up at once, and how often it does so at most.
const AT_ONCE: usize = 200;
const PASSES: usize = 10;

/// A byte store, and beside it a note of each value that ends, in the table `key_values`: that table's own values have other names.
pub struct SweptKeys {
    store: Arc<dyn KeyValue>,
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
}

impl SweptKeys {
    /// This store, with its notes in this database. Values end by `clock`.
    pub fn new(store: Arc<dyn KeyValue>, database: Arc<dyn Database>, clock: Arc<dyn Clock>) -> Self {
        Self { store, database, clock }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn failed(error: DatabaseError) -> KeyValueError {
    KeyValueError(error.to_string())
}

#[async_trait]
impl KeyValue for SweptKeys {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.store.get(key).await
    }

    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
        if let Some(life) = expires {
            let until = self.clock.now().plus(life).millis();
            let sql = "INSERT INTO key_values (key, value, expires_at) VALUES ('swept:' || ?1, x'', ?2)
                ON CONFLICT (key) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)";
            // Without its note the value stays for ever, and that costs less than a value that was not put.
            let _ = self.database.run(Statement::new(sql, [key.into(), until.into()])).await;
        }
        self.store.put(key, value, expires).await
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        self.store.delete(key).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), KeyValueError> {
        let until = now.minus(GRACE).millis();
        for _ in 0..PASSES {
            let sql = "SELECT substr(key, 7) FROM key_values
                WHERE expires_at <= ?1 AND key >= 'swept:' AND key < 'swept;' ORDER BY expires_at LIMIT ?2";
            let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
            let found = self.database.run(Statement::new(sql, [until.into(), most.into()])).await.map_err(failed)?;
            let keys: Result<Vec<&str>, _> = found.rows.iter().map(|row| row.text(0)).collect();
            let keys = keys.map_err(failed)?;
            for key in &keys {
                // One that was put without an end meanwhile, or with another one, is not there to be deleted.
                if self.store.get(key).await?.is_none() {
                    self.store.delete(key).await?;
                }
            }
            // The notes go last, so that a sweep that breaks off is done again by the next one.
            let sql = "DELETE FROM key_values
                WHERE expires_at <= ?1 AND key IN (SELECT 'swept:' || value FROM json_each(?2))";
            let list = serde_json::to_string(&keys).unwrap_or_default();
            self.database.run(Statement::new(sql, [until.into(), list.into()])).await.map_err(failed)?;
            if keys.len() < AT_ONCE {
                break;
            }
        }
        Ok(())
    }
}
