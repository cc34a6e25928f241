//! Rate limits.

use std::fmt;

use async_trait::async_trait;
use domain::{
    Timestamp,
    gcra::{Decision, Quota},
};

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitError(pub String);

impl fmt::Display for RateLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate limiter: {}", self.0)
    }
}

impl std::error::Error for RateLimitError {}

/// Buckets that fill over time ([`domain::gcra`]).
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes `cost` from the bucket if it holds that much, and nothing otherwise. Concurrent calls never take more than the
    /// bucket holds. A bucket that nobody used is full. A cost above the quota's burst is refused.
    async fn take(&self, bucket: &str, quota: Quota, cost: u32, now: Timestamp) -> Result<Decision, RateLimitError>;

    /// Forgets buckets that are full by `now`, where the store does not do it by itself. A full bucket and an
    /// unknown one answer alike, so this only saves space; call it now and then.
    async fn sweep(&self, _now: Timestamp) -> Result<(), RateLimitError> {
        Ok(())
    }
}
