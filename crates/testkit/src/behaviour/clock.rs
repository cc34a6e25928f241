//! The suite of `ports::Clock`.

use domain::Timestamp;
use ports::Clock;

use super::report::{Report, ensure};

/// 2025-01-01 and 2100-01-01: a clock in seconds or in microseconds falls outside.
const PLAUSIBLE: (Timestamp, Timestamp) =
    (Timestamp::from_millis(1_735_689_600_000), Timestamp::from_millis(4_102_444_800_000));

/// Checks a host's clock (not a fake one).
pub fn clock(clock: &dyn Clock) -> Report {
    let mut report = Report::default();
    let now = clock.now();
    report.add(
        "“the time now”: milliseconds since 1970, a date of this century",
        ensure((PLAUSIBLE.0..PLAUSIBLE.1).contains(&now), || format!("it shows {now}")),
    );
    let later = clock.now();
    report.add(
        "“the time now”: a later look shows no earlier time",
        ensure(later >= now, || format!("first {now}, then {later}")),
    );
    report
}
