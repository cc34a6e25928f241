//! Guessing made slow: after a few wrong passwords for an address, a pause before the next try; after a few more, a lock. The
//! same for addresses that nobody has. After many from one network, whatever addresses they named, a lock of that network.
//! Counting is the store's.

use std::time::Duration;

use crate::Timestamp;

/// Wrong passwords that have no consequence.
const FREE: u32 = 2;
/// The longest pause between two tries, in seconds.
const LONGEST_PAUSE: u64 = 60;

/// When an address or a network is locked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The wrong passwords in a row that lock an address; 0 switches locks and pauses off.
    pub failures: u32,
    /// The wrong passwords within `duration` that lock a network; 0: none do. A right one between them changes nothing, since
    /// who guesses may own an account.
    pub network_failures: u32,
    /// How long a lock lasts, and after how long a wrong password is forgotten.
    pub duration: Duration,
}

/// What is known of an address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Wrong passwords: of an address, those in a row.
    pub failures: u32,
    /// When the last one came; of a network, the first.
    pub last_at: Timestamp,
    /// Until when it is locked, if it was.
    pub locked_until: Option<Timestamp>,
}

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Free,
    /// It comes too early by this much.
    Paused(Duration),
    /// The address or the network is locked for so much longer.
    Locked(Duration),
}

impl Rule {
    /// Judges a try by what is known of its network.
    pub fn judge_network(self, record: Option<&Record>, now: Timestamp) -> Verdict {
        let until = record.filter(|_| self.network_failures > 0).and_then(|record| record.locked_until);
        until.filter(|until| *until > now).map_or(Verdict::Free, |until| Verdict::Locked(until.since(now)))
    }

    /// Judges a try by what is known of its address.
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

    const RULE: Rule = Rule { failures: 5, network_failures: 100, duration: Duration::from_mins(30) };

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

    #[test]
    fn a_network_is_locked_or_free_and_never_paused() {
        let at = |rule: Rule, locked, now| rule.judge_network(Some(&record(99, locked)), Timestamp::from_millis(now));
        assert_eq!(at(RULE, None, 1_000_000), Verdict::Free);
        assert_eq!(at(RULE, Some(2_000_000), 1_999_000), Verdict::Locked(Duration::from_secs(1)));
        assert_eq!(at(RULE, Some(2_000_000), 2_000_000), Verdict::Free);
        assert_eq!(at(Rule { network_failures: 0, ..RULE }, Some(2_000_000), 1_000_000), Verdict::Free);
        assert_eq!(RULE.judge_network(None, Timestamp::from_millis(1)), Verdict::Free);
    }
}
