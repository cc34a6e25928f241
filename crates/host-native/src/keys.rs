//! A memory in front of a key-value store for the one question asked with every request, whose answer is nearly always no:
//! is there something under this key (is this session revoked)?

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::Timestamp;
use ports::{Clock, KeyValue, KeyValueError};

/// Keys remembered in each of two generations, of some 100 bytes each.
const REMEMBERED: usize = 20_000;

/// Remembers which keys hold nothing. Values are never remembered: they expire, and only the store knows when.
pub struct KnownAbsent {
    store: Arc<dyn KeyValue>,
    clock: Arc<dyn Clock>,
    /// How long an absence is believed; for ever where nobody else writes to the store.
    believed: Option<Duration>,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// A key found in `old` moves to `young`; when `young` is full it becomes `old`, and what was not asked for since is
    /// forgotten.
    young: HashMap<String, Timestamp>,
    old: HashMap<String, Timestamp>,
    /// Writes that began or ended. An absence that was read meanwhile may be over.
    changes: u64,
    writing: usize,
}

impl KnownAbsent {
    /// `believed`: how long an absence is believed. `None` is right only if this process alone writes to the store.
    pub fn new(store: Arc<dyn KeyValue>, clock: Arc<dyn Clock>, believed: Option<Duration>) -> Self {
        Self { store, clock, believed, memory: Arc::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    /// Writes in a task of its own: if the caller left between the store and the memory, the two would differ.
    async fn write(
        &self,
        key: &str,
        write: impl Future<Output = Result<(), KeyValueError>> + Send + 'static,
    ) -> Result<(), KeyValueError> {
        {
            let mut memory = self.memory();
            memory.young.remove(key);
            memory.old.remove(key);
            memory.changes += 1;
            memory.writing += 1;
        }
        let ended = Ended(Arc::clone(&self.memory));
        let task = tokio::spawn(async move {
            let _ended = ended;
            write.await
        });
        task.await.unwrap_or_else(|error| Err(KeyValueError(format!("the write did not end: {error}"))))
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks the end of a write, however it ends.
struct Ended(Arc<Mutex<Memory>>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut memory = lock(&self.0);
        memory.changes += 1;
        memory.writing -= 1;
    }
}

impl Memory {
    fn knows(&mut self, key: &str, since: Option<Timestamp>) -> bool {
        let fresh = |seen: &Timestamp| since.is_none_or(|since| *seen >= since);
        if self.young.get(key).is_some_and(fresh) {
            return true;
        }
        match self.old.remove_entry(key) {
            Some((key, seen)) if fresh(&seen) => {
                self.remember(key, seen);
                true
            }
            _ => false,
        }
    }

    fn remember(&mut self, key: String, seen: Timestamp) {
        if self.young.len() >= REMEMBERED {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, seen);
    }
}

#[async_trait]
impl KeyValue for KnownAbsent {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let now = self.clock.now();
        let before = {
            let mut memory = self.memory();
            if memory.knows(key, self.believed.map(|believed| now.minus(believed))) {
                return Ok(None);
            }
            (memory.writing == 0).then_some(memory.changes)
        };
        let value = self.store.get(key).await?;
        if value.is_none() {
            let mut memory = self.memory();
            if before == Some(memory.changes) {
                memory.remember(key.to_owned(), now);
            }
        }
        Ok(value)
    }

    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
        let (store, name, value) = (Arc::clone(&self.store), key.to_owned(), value.to_owned());
        self.write(key, async move { store.put(&name, &value, expires).await }).await
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        let (store, name) = (Arc::clone(&self.store), key.to_owned());
        self.write(key, async move { store.delete(&name).await }).await
    }
}

impl fmt::Debug for KnownAbsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownAbsent").field("believed", &self.believed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
