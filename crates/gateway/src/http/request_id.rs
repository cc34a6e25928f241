//! The request id: taken from the caller's `X-Request-ID` when it is plain, made otherwise; echoed in the response, every
//! error and every log line.

use domain::Timestamp;
use http::{HeaderMap, HeaderName};
use ports::{Entropy, Platform};
use uuid::Builder;

/// The header, in and out.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of this request. A given one counts if it has 1 to 128 characters of `A–Z a–z 0–9 . _ -`, so that it can stand in
/// a log line as it is.
pub fn of(headers: &HeaderMap, platform: &Platform) -> String {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
    };
    given.filter(plain).map_or_else(|| make(platform.clock.now(), &*platform.entropy), str::to_owned)
}

/// A fresh id.
pub fn make(now: Timestamp, entropy: &dyn Entropy) -> String {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid().hyphenated().to_string()
}
