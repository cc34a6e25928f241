//! Rate limits in memory: for one process.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::{
    Timestamp,
    gcra::{self, Decision, Quota},
};
use ports::{RateLimitError, RateLimiter};

/// Shards, so that callers of different buckets seldom wait for each other.
const SHARDS: usize = 64;
/// Buckets of a shard before the full ones are looked for.
const SWEEP_ABOVE: usize = 1024;

#[derive(Default)]
struct Shard {
    /// The theoretical arrival time of each bucket, in milliseconds.
    tats: HashMap<String, i64>,
    /// The number of buckets at which the next sweep is due.
    sweep_at: usize,
}

impl Shard {
    /// Forgets what is full, which answers like what is unknown. The next sweep comes at twice what is left, so that the
    /// work stays in proportion however many buckets are live.
    fn sweep(&mut self, now: Timestamp) {
        self.tats.retain(|_, tat| *tat > now.millis());
        self.tats.shrink_to(SWEEP_ABOVE.max(self.tats.len()));
        self.sweep_at = SWEEP_ABOVE.max(self.tats.len() * 2);
    }
}

/// Rate limits in memory. It holds no more than about twice the buckets in use within their own quota's period.
pub struct MemoryRateLimiter {
    shards: [Mutex<Shard>; SHARDS],
    // Keyed at random, so that no caller can choose names that fall into one shard.
    hasher: RandomState,
}

impl Default for MemoryRateLimiter {
    fn default() -> Self {
        let shard = || Mutex::new(Shard { tats: HashMap::new(), sweep_at: SWEEP_ABOVE });
        Self { shards: std::array::from_fn(|_| shard()), hasher: RandomState::new() }
    }
}

impl MemoryRateLimiter {
    /// Where this bucket lives.
    fn shard(&self, bucket: &str) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(bucket);
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below 64")]
        &self.shards[(hash % SHARDS as u64) as usize]
    }

    fn take_now(&self, bucket: &str, quota: Quota, cost: u32, now: Timestamp) -> Decision {
        // A panic while the lock is held leaves each number as it was or as it should be.
        let mut shard = self.shard(bucket).lock().unwrap_or_else(PoisonError::into_inner);
        let known = shard.tats.get(bucket).copied();
        let (decision, tat) = gcra::take(known.unwrap_or(0), quota, cost, now);
        if let Some(kept) = shard.tats.get_mut(bucket) {
            *kept = tat;
        } else if decision.allowed {
            if shard.tats.len() >= shard.sweep_at {
                shard.sweep(now);
            }
            shard.tats.insert(bucket.to_owned(), tat);
        }
        decision
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, bucket: &str, quota: Quota, cost: u32, now: Timestamp) -> Result<Decision, RateLimitError> {
        Ok(self.take_now(bucket, quota, cost, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn buckets_that_are_full_again_make_room() {
        let limiter = MemoryRateLimiter::default();
        let quota = Quota { burst: 1, period: Duration::from_secs(1) };
        for n in 0..200_000 {
            let decision = limiter.take_now(&format!("bucket {n}"), quota, 1, Timestamp::from_millis(10_000 + n));
            assert!(decision.allowed);
        }
        let held: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().tats.len()).sum();
        assert!(held <= SHARDS * SWEEP_ABOVE, "{held} buckets are held");
        // A bucket in use survives every sweep.
        let last = limiter.take_now("bucket 199999", quota, 1, Timestamp::from_millis(210_000));
        assert!(!last.allowed);
    }
}
