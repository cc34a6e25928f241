//! What a profile may hold: handles, addresses of pictures, languages, time zones, birthdays. Checks of form only: nothing is
//! looked up and nothing is fetched.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use time::{Date, Month};

use crate::Timestamp;

/// The shortest user name, in characters.
pub const MIN_USERNAME: usize = 3;
/// The longest.
pub const MAX_USERNAME: usize = 64;

/// A user name in the form it is compared and stored: lower case. ASCII letters, digits, `.`, `_` and `-`; a letter or digit at
/// both ends.
pub fn username(text: &str) -> Option<String> {
    let text = text.trim();
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let (first, last) = (text.bytes().next()?, text.bytes().last()?);
    let fits = (MIN_USERNAME..=MAX_USERNAME).contains(&text.len()) && text.bytes().all(plain);
    (fits && first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric()).then(|| text.to_ascii_lowercase())
}

/// Whether a text has the form of a language tag (BCP 47): `de`, `pt-BR`, `zh-Hant-TW`.
pub fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let language =
        parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphabetic()));
    text.len() <= 35
        && language
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric()))
}

/// Whether a text has the form of a name of the IANA time zone database: `Europe/Berlin`, `UTC`, `Etc/GMT+3`.
pub fn is_time_zone(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'+' | b'-');
    let part =
        |part: &str| part.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) && part.bytes().all(plain);
    text.len() <= 64 && text.split('/').all(part)
}

/// Whether a text is a day (`YYYY-MM-DD`) on which somebody alive may have been born.
pub fn is_birthday(text: &str, now: Timestamp) -> bool {
    let number = |text: &str| text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    let day = || {
        let (year, month, day) = (text.get(..4)?, text.get(5..7)?, text.get(8..)?);
        if text.get(4..5)? != "-" || text.get(7..8)? != "-" || day.len() != 2 {
            return None;
        }
        let month = Month::try_from(u8::try_from(number(month)?).ok()?).ok()?;
        Date::from_calendar_date(number(year)?.into(), month, u8::try_from(number(day)?).ok()?).ok()
    };
    // Times print as they sort, so the day of today is the first ten characters.
    day().is_some_and(|day| day.year() >= 1900) && text <= &now.to_string()[..10]
}

/// Whether a text may be the address of a picture: `https`, without credentials, at a public host, in printable ASCII. The
/// server never fetches it; apps of other people do.
pub fn is_picture_url(text: &str) -> bool {
    let plain =
        |c: u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
    let Some(rest) = text.get(..8).filter(|start| start.eq_ignore_ascii_case("https://")).and(text.get(8..)) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    text.bytes().all(plain) && !authority.contains('@') && is_public_authority(authority)
}

fn is_public_authority(authority: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if let Some(rest) = authority.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port && address.parse().is_ok_and(|address: Ipv6Addr| is_public(address.into()));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    port.is_none_or(is_port) && is_public_name(&host.to_ascii_lowercase())
}

/// Names that only mean something inside a network are none (RFC 6761, RFC 6762, RFC 8375 and ICANN's `internal`).
fn is_public_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    // Whatever ends in a number is read as an IPv4 address by everybody, in whatever notation (WHATWG URL, 3.5).
    if last.bytes().all(|c| c.is_ascii_digit()) || last.starts_with("0x") {
        return host.parse().is_ok_and(|address: Ipv4Addr| is_public(address.into()));
    }
    let inner = ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "test", "invalid", "onion"];
    host.len() <= 253 && host.split('.').all(label) && !inner.contains(&last) && !host.ends_with(".home.arpa")
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let reserved = a == 0 || a >= 224 || (a, b, c) == (192, 0, 0) || (a == 198 && (b == 18 || b == 19));
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation() || shared || reserved)
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public(v4.into());
            }
            let [first, second, ..] = v6.segments();
            // Global unicast without documentation, Teredo and 6to4, which carry other addresses in them.
            (0x2000..0x4000).contains(&first)
                && (first, second) != (0x2001, 0xdb8)
                && (first, second) != (0x2001, 0)
                && first != 0x2002
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_folded_and_nonsense_is_refused() {
        assert_eq!(username(" Ada.Lovelace-1 "), Some("ada.lovelace-1".into()));
        for bad in ["", "ab", ".ada", "ada_", "ada lovelace", "ada@example.com", "ädä", &"a".repeat(65)] {
            assert_eq!(username(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn languages_and_time_zones_have_their_form() {
        assert!(["de", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske"].into_iter().all(is_language));
        assert!(!["", "d", "german", "de_DE", "de-", "de-ä", "de-123456789"].into_iter().any(is_language));
        assert!(["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+3"].into_iter().all(is_time_zone));
        assert!(!["", "/", "Europe/", "Europe//Berlin", "../etc", "Europe Berlin", "+3"].into_iter().any(is_time_zone));
    }

    #[test]
    fn birthdays_are_days_of_the_past() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert!(["2000-02-29", "1900-01-01", "2023-11-14"].into_iter().all(|day| is_birthday(day, now)));
        for bad in [
            "2023-11-15",
            "1899-12-31",
            "2001-02-29",
            "2000-1-01",
            "2000-01-1",
            "+200-01-01",
            "2000/01/01",
            "é000-01-1",
        ] {
            assert!(!is_birthday(bad, now), "{bad}");
        }
    }

    #[test]
    fn pictures_are_at_public_hosts() {
        for good in [
            "https://cdn.example.com/a.png?size=1#x",
            "HTTPS://example.com",
            "https://93.184.216.34:8443/a",
            "https://[2606:2800:220:1::1]/a",
        ] {
            assert!(is_picture_url(good), "{good}");
        }
        for bad in [
            "",
            "https://",
            "http://example.com/a.png",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "https://user:pass@example.com/",
            "https://localhost/",
            "https://printer.local/a",
            "https://app.internal/a",
            "https://intranet/a",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://1.2.3/",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://example.com:0/",
            "https://example.com:x/",
            "https://exa mple.com/",
            "https://example.com/\"><script>",
            "https://例え.jp/",
        ] {
            assert!(!is_picture_url(bad), "{bad}");
        }
    }
}
