//! The wall clock.

use domain::Timestamp;
use ports::Clock;

/// `Date.now()`. It shows the time of the last I/O and stands still while code computes.
pub struct JsClock;

impl Clock for JsClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds, far below 2^53")]
        Timestamp::from_millis(js_sys::Date::now() as i64)
    }
}
