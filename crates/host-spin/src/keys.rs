//! The key-value store. Spin's has no expiry, so each value is stored behind the time at which it ends.
//!
//! Keys are never listed: concurrent listings block Spin 4.1. So what ends is noted in the database (`adapters::SweptKeys`), and
//! deleted with the chores.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Timestamp;
use ports::{Clock, KeyValue, KeyValueError};
use spin_sdk::key_value::{Error, Store};

/// Bytes before the value: the time of expiry in milliseconds since the epoch, big-endian.
const HEADER: usize = 8;

/// The time of values that never expire.
const NEVER: i64 = i64::MAX;

/// Spin's default key-value store.
pub struct SpinKeys {
    clock: Arc<dyn Clock>,
}

impl SpinKeys {
    /// The store, judging expiry by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// Whether the store holds a value under a key, an expired one as well.
    #[cfg(feature = "behaviour")]
    pub async fn holds(&self, key: &str) -> Result<bool, KeyValueError> {
        let store = Store::open_default().await.map_err(failed)?;
        store.exists(key).await.map_err(failed)
    }
}

#[async_trait]
impl KeyValue for SpinKeys {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let store = Store::open_default().await.map_err(failed)?;
        let Some(mut stored) = store.get(key).await.map_err(failed)? else { return Ok(None) };
        let Some(header) = stored.first_chunk::<HEADER>() else {
            return Err(KeyValueError(format!("the value of {} bytes was not put by this server", stored.len())));
        };
        // What is expired stays in the store until it is swept: to delete it here could delete a value that was put in between.
        if Timestamp::from_millis(i64::from_be_bytes(*header)) <= self.clock.now() {
            return Ok(None);
        }
        stored.drain(..HEADER);
        Ok(Some(stored))
    }

    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
        let end = expires.map_or(NEVER, |life| self.clock.now().plus(life).millis());
        let stored = [&end.to_be_bytes(), value].concat();
        let store = Store::open_default().await.map_err(failed)?;
        store.set(key, stored).await.map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        let store = Store::open_default().await.map_err(failed)?;
        store.delete(key).await.map_err(failed)
    }
}

fn failed(error: Error) -> KeyValueError {
    KeyValueError(match error {
        Error::NoSuchStore | Error::AccessDenied => {
            "the component may not open the store: add key_value_stores = [\"default\"] to spin.toml".into()
        }
        Error::StoreTableFull => "too many stores are open at once".into(),
        Error::Other(why) => why,
    })
}
