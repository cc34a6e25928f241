//! Rate limits by the generic cell rate algorithm: one number a bucket, the theoretical arrival time.

use std::time::Duration;

use crate::Timestamp;

/// How much a bucket holds and how fast it fills: `burst` at once, then `burst` every `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most that can be taken at once.
    pub burst: u32,
    /// The time in which an empty bucket fills up.
    pub period: Duration,
}

impl Quota {
    /// Milliseconds that a cost of `cost` takes to fill again, rounded up.
    pub fn refill_millis(self, cost: u32) -> i64 {
        let period = i64::try_from(self.period.as_millis()).unwrap_or(i64::MAX);
        let burst = i64::from(self.burst.max(1));
        period.saturating_mul(i64::from(cost)).saturating_add(burst - 1) / burst
    }
}

/// What a bucket answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the cost was taken. If not, nothing was.
    pub allowed: bool,
    /// What is left for now.
    pub remaining: u32,
    /// When the refused cost would fit; zero when allowed.
    pub retry_after: Duration,
    /// When the bucket is full again.
    pub reset_after: Duration,
}

/// Takes `cost` from a bucket whose theoretical arrival time is `tat` (milliseconds; 0 for a fresh one). Returns the
/// decision and the time to store (unchanged when refused). A cost above the burst is never allowed.
pub fn take(tat: i64, quota: Quota, cost: u32, now: Timestamp) -> (Decision, i64) {
    let now = now.millis();
    let period = quota.refill_millis(quota.burst);
    let before = tat.max(now);
    let after = before.saturating_add(quota.refill_millis(cost));
    let allowed = after - now <= period;
    let kept = if allowed { after } else { tat };
    (decide(allowed, kept.max(now) - now, (after - now - period).max(0), quota), kept)
}

/// The decision for a bucket that is `ahead` milliseconds in debt and would have to wait `wait` more.
pub fn decide(allowed: bool, ahead: i64, wait: i64, quota: Quota) -> Decision {
    let millis = |n: i64| Duration::from_millis(u64::try_from(n).unwrap_or(0));
    let period = quota.refill_millis(quota.burst).max(1);
    let free = (period - ahead).max(0).saturating_mul(i64::from(quota.burst)) / period;
    Decision {
        allowed,
        remaining: u32::try_from(free).unwrap_or(u32::MAX),
        retry_after: if allowed { Duration::ZERO } else { millis(wait) },
        reset_after: millis(ahead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { burst: 3, period: Duration::from_secs(3) };

    #[test]
    fn a_burst_then_one_a_second() {
        let now = Timestamp::from_millis(10_000);
        let (mut tat, mut left) = (0, Vec::new());
        for _ in 0..4 {
            let (decision, next) = take(tat, QUOTA, 1, now);
            tat = next;
            left.push((decision.allowed, decision.remaining, decision.retry_after.as_millis()));
        }
        assert_eq!(left, [(true, 2, 0), (true, 1, 0), (true, 0, 0), (false, 0, 1000)]);
        assert!(take(tat, QUOTA, 1, Timestamp::from_millis(11_000)).0.allowed);
        assert!(!take(tat, QUOTA, 1, Timestamp::from_millis(10_999)).0.allowed);
    }

    #[test]
    fn more_than_the_burst_never_fits_and_takes_nothing() {
        let (decision, tat) = take(0, QUOTA, 4, Timestamp::from_millis(10_000));
        assert!(!decision.allowed);
        assert_eq!(tat, 0);
    }
}
