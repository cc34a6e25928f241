//! Guessing made slow: after a few wrong passwords for an address, a pause before the next try; after a few more, a lock. The
//! same for addresses that nobody has. Counting is the store's.

use std::time::Duration;

use crate::Timestamp;

/// Wrong passwords that have no consequence.
const FREE: u32 = 2;
/// The longest pause between two tries, in seconds.
const LONGEST_PAUSE: u64 = 60;

/// When an address is locked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The wrong passwords in a row that lock; 0 switches locks and pauses off.
    pub failures: u32,
    /// How long a lock lasts, and after how long a wrong password is forgotten.
    pub duration: Duration,
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Wrong passwords in a row.
    pub failures: u32,
    /// When the last one came.
    pub last_at: Timestamp,
    /// Until when the address is locked, if it was.
    pub locked_until: Option<Timestamp>,
}

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Free,
    /// It comes too early by this much.
    Paused(Duration),
    /// The address is locked for so much longer.
    Locked(Duration),
}

impl Rule {
    /// Judges a try.
    pub fn judge(self, record: Option<&Record>, now: Timestamp) -> Verdict {
        let Some(record) = record.filter(|_| self.failures > 0) else { return Verdict::Free };
        if let Some(until) = record.locked_until {
            return if until > now { Verdict::Locked(until.since(now)) } else { Verdict::Free };
        }
        if now.since(record.last_at) >= self.duration {
            return Verdict::Free;
        }
        let next = record.last_at.plus(pause(record.failures));
        if next > now { Verdict::Paused(next.since(now)) } else { Verdict::Free }
    }
}

/// The pause after so many wrong passwords: none, none, 1 s, 2 s, 4 s and so on.
fn pause(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(FREE + 1) else { return Duration::ZERO };
    Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { failures: 5, duration: Duration::from_mins(30) };

    fn record(failures: u32, locked_until: Option<i64>) -> Record {
        Record {
            failures,
            last_at: Timestamp::from_millis(1_000_000),
            locked_until: locked_until.map(Timestamp::from_millis),
        }
    }

    #[test]
    fn pauses_grow_and_pass() {
        let at =
            |failures, now: i64| RULE.judge(Some(&record(failures, None)), Timestamp::from_millis(1_000_000 + now));
        assert_eq!(at(2, 0), Verdict::Free);
        assert_eq!(at(3, 0), Verdict::Paused(Duration::from_secs(1)));
        assert_eq!(at(3, 999), Verdict::Paused(Duration::from_millis(1)));
        assert_eq!(at(3, 1_000), Verdict::Free);
        assert_eq!(at(4, 500), Verdict::Paused(Duration::from_millis(1_500)));
        assert_eq!(at(40, 0), Verdict::Paused(Duration::from_mins(1)));
        assert_eq!(at(400, 0), Verdict::Paused(Duration::from_mins(1)));
    }

    #[test]
    fn a_lock_ends_with_its_time_and_nothing_is_known_of_a_fresh_address() {
        let locked = record(5, Some(2_800_000));
        assert_eq!(
            RULE.judge(Some(&locked), Timestamp::from_millis(2_799_999)),
            Verdict::Locked(Duration::from_millis(1))
        );
        assert_eq!(RULE.judge(Some(&locked), Timestamp::from_millis(2_800_000)), Verdict::Free);
        assert_eq!(RULE.judge(None, Timestamp::from_millis(1)), Verdict::Free);
        let off = Rule { failures: 0, ..RULE };
        assert_eq!(off.judge(Some(&locked), Timestamp::from_millis(1_000_001)), Verdict::Free);
    }
}
