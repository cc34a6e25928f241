//! A small store of bytes by key.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use domain::Timestamp;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValueError(pub String);

impl fmt::Display for KeyValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key-value store: {}", self.0)
    }
}

impl std::error::Error for KeyValueError {}

/// A small, possibly stale, byte store. Never the source of truth.
#[async_trait]
pub trait KeyValue: Send + Sync {
    /// The value last put under `key`, or an older one for up to 60 s where the store is replicated. `None` when there is
    /// none, when it was deleted, and after it expired.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Puts a value of at most 1 MiB under a key of at most 512 bytes. After `expires` (at least 60 s) it is gone for `get`;
    /// when its bytes are freed is up to the store.
    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError>;

    /// Deletes. Deleting what is not there succeeds.
    async fn delete(&self, key: &str) -> Result<(), KeyValueError>;

    /// Frees the bytes of values that expired some time before `now`, where the store does not do it by itself. They are gone for
    /// `get` in any case; call it now and then.
    async fn sweep(&self, _now: Timestamp) -> Result<(), KeyValueError> {
        Ok(())
    }
}
