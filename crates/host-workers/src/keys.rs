//! Workers KV.

use std::time::Duration;

use async_trait::async_trait;
use ports::{KeyValue, KeyValueError};
use worker::{KvError, KvStore, send::SendFuture};

use crate::js;

/// How long an edge may answer from its own copy, in seconds: the least that KV takes. It is also how stale a value can be.
const FRESH: u64 = 30;

/// The shortest life that KV takes, in seconds.
const SHORTEST: u64 = 60;

/// A namespace of Workers KV.
pub struct WorkersKv(pub KvStore);

#[async_trait]
impl KeyValue for WorkersKv {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        SendFuture::new(self.0.get(key).cache_ttl(FRESH).bytes()).await.map_err(failed)
    }

    async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
        SendFuture::new(async {
            let put = self.0.put_bytes(key, value)?;
            match expires {
                Some(life) => put.expiration_ttl(seconds(life)).execute().await,
                None => put.execute().await,
            }
        })
        .await
        .map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        SendFuture::new(self.0.delete(key)).await.map_err(failed)
    }
}

/// Whole seconds, rounded up: a value lives at least as long as it was asked to.
fn seconds(life: Duration) -> u64 {
    (life.as_secs() + u64::from(life.subsec_nanos() > 0)).max(SHORTEST)
}

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn failed(error: KvError) -> KeyValueError {
    KeyValueError(js::kv(&error))
}
