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
    /// Milliseconds that a cost of `cost` takes to fill again: a whole number for each one of it, rounded up.
    pub fn refill_millis(self, cost: u32) -> i64 {
        let period = i64::try_from(self.period.as_millis()).unwrap_or(i64::MAX);
        let burst = i64::from(self.burst.max(1));
        (period.saturating_add(burst - 1) / burst).saturating_mul(i64::from(cost))
    }

    /// Milliseconds in which an empty bucket fills up: the period, or a little more where the burst does not divide it, so that
    /// as many as the burst always fit.
    pub fn window_millis(self) -> i64 {
        self.refill_millis(self.burst)
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
/// decision and the time to store. A cost above the burst is never allowed.
///
/// A bucket cannot be emptier than empty: a time beyond that comes of a clock that ran ahead or of an earlier quota, and is moved
/// back, also by a refusal. Any other refusal leaves the time as it is.
pub fn take(tat: i64, quota: Quota, cost: u32, now: Timestamp) -> (Decision, i64) {
    let now = now.millis();
    let window = quota.window_millis();
    let tat = tat.min(now.saturating_add(window));
    let after = tat.max(now).saturating_add(quota.refill_millis(cost));
    let allowed = after - now <= window;
    let kept = if allowed { after } else { tat };
    (decide(allowed, kept.max(now) - now, (after - now - window).max(0), quota), kept)
}

/// The decision for a bucket that is `ahead` milliseconds in debt and would have to wait `wait` more.
pub fn decide(allowed: bool, ahead: i64, wait: i64, quota: Quota) -> Decision {
    let millis = |n: i64| Duration::from_millis(u64::try_from(n).unwrap_or(0));
    let free = (quota.window_millis() - ahead).max(0) / quota.refill_millis(1).max(1);
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

    /// Bursts that divide their period and bursts that do not.
    fn quotas() -> impl Iterator<Item = Quota> {
        let bursts = [1, 2, 3, 5, 7, 11, 59, 60, 61, 999, 1_000, 1_001, 40_000];
        let periods = [1, 60, 61, 3_600, 86_400].map(Duration::from_secs);
        bursts.into_iter().flat_map(move |burst| periods.map(|period| Quota { burst, period }))
    }

    #[test]
    fn a_full_bucket_holds_the_burst_and_no_more() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        for quota in quotas() {
            let mut tat = 0;
            for taken in 1..=quota.burst {
                let (decision, next) = take(tat, quota, 1, now);
                assert!(
                    decision.allowed && decision.remaining == quota.burst - taken,
                    "{quota:?}: {taken}: {decision:?}"
                );
                tat = next;
            }
            let (refused, _) = take(tat, quota, 1, now);
            assert!(!refused.allowed && refused.remaining == 0, "{quota:?}: {refused:?}");
            // One fits after `retry_after`, and not a millisecond before.
            let at = now.plus(refused.retry_after);
            assert!(take(tat, quota, 1, at).0.allowed, "{quota:?}");
            assert!(!take(tat, quota, 1, at.minus(Duration::from_millis(1))).0.allowed, "{quota:?}");
            assert!(take(0, quota, quota.burst, now).0.allowed, "{quota:?}: the burst at once");
        }
    }

    #[test]
    fn no_time_refuses_for_longer_than_a_bucket_takes_to_fill() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        for quota in quotas() {
            let window = quota.window_millis();
            // Clocks that ran ahead, and quotas of a longer period.
            for ahead in [0, 1, window - 1, window, window + 1, 3_600_000, i64::MAX / 2] {
                let (decision, kept) = take(now.millis().saturating_add(ahead), quota, 1, now);
                let longest = Duration::from_millis(u64::try_from(window).unwrap());
                assert!(
                    decision.retry_after <= longest && decision.reset_after <= longest,
                    "{quota:?} {ahead}: {decision:?}"
                );
                let later = now.plus(longest);
                assert!(
                    take(kept, quota, quota.burst, later).0.allowed,
                    "{quota:?} {ahead}: not full after its window"
                );
            }
        }
    }

    #[test]
    fn more_than_the_burst_never_fits_and_takes_nothing() {
        let (decision, tat) = take(0, QUOTA, 4, Timestamp::from_millis(10_000));
        assert!(!decision.allowed);
        assert_eq!(tat, 0);
    }
}
