//! When a provider wants to be asked again.

use std::time::{Duration, SystemTime};

use domain::Timestamp;
use http::{HeaderMap, header::RETRY_AFTER};

/// The wait that a provider asks for, as it said it. It is not bounded: whoever waits has a patience of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// This long after the answer.
    Seconds(Duration),
    /// Not before this time.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads `retry-after-ms` (milliseconds), else `retry-after` (RFC 9110, 10.2.3: seconds, here also with a fraction,
    /// or an HTTP date). What cannot be read counts as absent.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let seconds = |text: &str, unit: f64| {
            let number = text.parse::<f64>().ok()? / unit;
            Duration::try_from_secs_f64(number).ok().map(Self::Seconds)
        };
        text("retry-after-ms").and_then(|millis| seconds(millis, 1000.0)).or_else(|| {
            let value = text(RETRY_AFTER.as_str())?;
            seconds(value, 1.0).or_else(|| Self::date(value))
        })
    }

    fn date(text: &str) -> Option<Self> {
        let since = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Self::At(Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?)))
    }

    /// How long to wait from `now`, which is when the answer came. A date that has passed is no wait.
    pub fn wait(self, now: Timestamp) -> Duration {
        match self {
            Self::Seconds(wait) => wait,
            Self::At(time) => time.since(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Option<RetryAfter> {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        RetryAfter::from_headers(&headers)
    }

    #[test]
    fn both_forms_and_milliseconds_are_read() {
        let millis = |n| Some(RetryAfter::Seconds(Duration::from_millis(n)));
        assert_eq!(read(&[("retry-after", "7")]), millis(7_000));
        assert_eq!(read(&[("retry-after", " 0.25 ")]), millis(250));
        assert_eq!(read(&[("retry-after-ms", "1500"), ("retry-after", "7")]), millis(1_500));
        assert_eq!(read(&[("retry-after-ms", "soon"), ("retry-after", "7")]), millis(7_000));
        let date = Some(RetryAfter::At(Timestamp::from_millis(784_111_777_000)));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), date);
        assert_eq!(read(&[("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT")]), date);
    }

    #[test]
    fn nonsense_counts_as_absent() {
        assert_eq!(read(&[]), None);
        for text in ["", "-1", "NaN", "inf", "1e300", "soon", "Sun, 32 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(&[("retry-after", text)]), None, "{text}");
        }
    }

    #[test]
    fn the_wait_is_counted_from_the_answer() {
        let at = RetryAfter::At(Timestamp::from_millis(10_000));
        assert_eq!(at.wait(Timestamp::from_millis(3_000)), Duration::from_secs(7));
        assert_eq!(at.wait(Timestamp::from_millis(11_000)), Duration::ZERO);
        assert_eq!(RetryAfter::Seconds(Duration::from_secs(7)).wait(Timestamp::from_millis(0)), Duration::from_secs(7));
    }
}
