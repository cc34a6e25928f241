//! A key-value store in memory, exact where real ones may be stale.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::Timestamp;
use ports::{Clock, KeyValue, KeyValueError};

type Entries = HashMap<String, (Vec<u8>, Option<Timestamp>)>;

/// A store in memory that refuses what breaks the port's contract, so that no test depends on a generous store.
pub struct MemoryKeys {
    clock: Arc<dyn Clock>,
    entries: Mutex<Entries>,
}

impl MemoryKeys {
    /// An empty store; values expire by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, entries: Mutex::default() }
    }

    /// Whether it holds a value under a key, an expired one as well.
    pub fn holds(&self, key: &str) -> bool {
        self.entries().contains_key(key)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyValue for MemoryKeys {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let now = self.clock.now();
        Ok(self
            .entries()
            .get(key)
            .filter(|(_, expires)| expires.is_none_or(|expires| expires > now))
            .map(|(value, _)| value.clone()))
    }

    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
        if key.is_empty() || key.len() > 512 {
            return Err(KeyValueError(format!("a key has 1 to 512 bytes, not {}", key.len())));
        }
        if value.len() > 1 << 20 {
            return Err(KeyValueError(format!("a value has at most 1 MiB, not {} bytes", value.len())));
        }
        if expires.is_some_and(|expires| expires < Duration::from_mins(1)) {
            return Err(KeyValueError("a value cannot expire in less than 60 s".into()));
        }
        let until = expires.map(|expires| self.clock.now().plus(expires));
        self.entries().insert(key.to_owned(), (value.to_owned(), until));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        self.entries().remove(key);
        Ok(())
    }
}
