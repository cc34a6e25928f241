//! Points in time as other systems write them.

use domain::Timestamp;
use time::{Date, Month, Time, UtcOffset};

/// Reads RFC 3339 and its relatives: with a space instead of the `T`, with a fraction, with `Z`, `UTC` or an offset (`+02`,
/// `+02:00`, `+0200`), or without one, which is UTC; a day alone; seconds or milliseconds since 1970.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.bytes().all(|c| c.is_ascii_digit() || c == b'.') && !text.is_empty() {
        return number(text);
    }
    let date = date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(Timestamp::from_millis(date.midnight().assume_utc().unix_timestamp() * 1000));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(rest.len());
    let (time, millis) = clock(&rest[..end])?;
    let seconds = date.with_time(time).assume_offset(offset(rest[end..].trim())?).unix_timestamp();
    Some(Timestamp::from_millis(seconds * 1000 + millis))
}

/// Beyond 10^11 seconds lies the year 5138: what is larger counts milliseconds.
fn number(text: &str) -> Option<Timestamp> {
    let whole: i64 = text.split('.').next()?.parse().ok()?;
    let millis = if whole < 100_000_000_000 { whole * 1000 } else { whole };
    (millis < 1 << 53).then(|| Timestamp::from_millis(millis))
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split(['-', '/']);
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
}

fn clock(text: &str) -> Option<(Time, i64)> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let mut part = || digits(parts.next()?, 2).and_then(|n| u8::try_from(n).ok());
    let (hour, minute) = (part()?, part()?);
    let second = if whole.len() > 5 { part()? } else { 0 };
    if parts.next().is_some() || fraction.is_empty() || !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let millis = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    // A leap second is the one before it.
    Some((Time::from_hms(hour, minute, second.min(59)).ok()?, millis))
}

fn offset(text: &str) -> Option<UtcOffset> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(UtcOffset::UTC);
    }
    let sign: i8 = if text.starts_with('-') { -1 } else { 1 };
    let rest = text.strip_prefix(['+', '-'])?.replace(':', "");
    let (hours, minutes) = (digits(rest.get(..2)?, 2)?, rest.get(2..).filter(|rest| !rest.is_empty()));
    let minutes = minutes.map_or(Some(0), |minutes| digits(minutes, 2))?;
    UtcOffset::from_hms(sign * i8::try_from(hours).ok()?, sign * i8::try_from(minutes).ok()?, 0).ok()
}

fn digits(text: &str, length: usize) -> Option<u16> {
    (text.len() == length && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_systems_form_is_read() {
        for text in [
            "2025-01-02T03:04:05.678Z",
            "2025-01-02T03:04:05.678901Z",
            "2025-01-02T03:04:05.678",
            "2025-01-02 03:04:05.678",
            "2025-01-02 03:04:05.678+00",
            "2025-01-02 03:04:05.678901 UTC",
            "2025-01-02T05:04:05.678+02:00",
            "2025-01-02T02:34:05.678-0030",
            "1735787045678",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), "2025-01-02T03:04:05.678Z", "{text}");
        }
        assert_eq!(parse("1735787045").unwrap().to_string(), "2025-01-02T03:04:05.000Z");
        assert_eq!(parse("2025-01-02").unwrap().to_string(), "2025-01-02T00:00:00.000Z");
        for bad in [
            "",
            ".",
            "yesterday",
            "2025-13-01",
            "2025-02-30T00:00:00",
            "2025-01-02T25:00:00",
            "2025-01-02X03:04:05",
            "2025-01-02T03:04:05+2",
            "2025-01-02T03:04:05.",
            "2025-01-02T03",
            "99999999999999999999",
            "ééééé-01-02",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
