//! The wall clock of WASI 0.3.

use domain::Timestamp;
use ports::Clock;
use spin_sdk::wasip3::clocks::system_clock;

/// The host's clock.
pub struct SpinClock;

impl Clock for SpinClock {
    fn now(&self) -> Timestamp {
        let now = system_clock::now();
        let millis = now.seconds.saturating_mul(1_000).saturating_add(i64::from(now.nanoseconds / 1_000_000));
        Timestamp::from_millis(millis)
    }
}
