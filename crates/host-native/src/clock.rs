//! The wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use ports::Clock;

/// The operating system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's adapter")]
    fn now(&self) -> Timestamp {
        // A clock set before 1970 counts as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
