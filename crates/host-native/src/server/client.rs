//! Who is at the other end: the peer, or whom the trusted proxies saw.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ports::Client;

/// Which headers of a request are believed: those by proxies before this server, each of which appends to `X-Forwarded-For`.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// How many there are.
    pub count: usize,
    /// Where the outermost of them writes the caller's country, in place of what the caller wrote there.
    pub country: Option<HeaderName>,
}

/// The client of a connection from `peer`. Behind proxies it is the entry of `X-Forwarded-For` that the outermost of them
/// appended, counted from the end: what stands before it was written by the client and proves nothing.
pub fn identify(peer: SocketAddr, headers: &HeaderMap, proxies: &Proxies) -> Client {
    // Bytes: the client's part of the header may be no text, and must not hide the proxy's.
    let values = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    let entries: Vec<&[u8]> = if proxies.count == 0 {
        Vec::new()
    } else {
        values.flat_map(|value| value.split(|byte| *byte == b',')).collect()
    };
    // With fewer entries than proxies somebody came in behind the outermost; the first entry is by a proxy of ours.
    let outermost = entries.len().checked_sub(proxies.count);
    let address = entries.get(outermost.unwrap_or(0)).and_then(|entry| address(entry));
    let country = proxies.country.as_ref().filter(|_| proxies.count > 0 && outermost.is_some());
    Client {
        address: Some(address.unwrap_or_else(|| peer.ip()).to_canonical()),
        country: country.and_then(|name| country_in(headers, name)),
    }
}

/// The country in a header: two letters. Where there are two headers, one may be the caller's, so that neither is believed.
/// `XX` is what proxies write who do not know.
fn country_in(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let code = values.next().filter(|_| values.next().is_none())?.to_str().ok()?.trim().to_ascii_uppercase();
    (code.len() == 2 && code.bytes().all(|c| c.is_ascii_uppercase()) && code != "XX").then_some(code)
}

/// With or without a port, an IPv6 address with or without brackets: proxies differ.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[&str], proxies: usize) -> String {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies = Proxies { count: proxies, country: None };
        identify("10.0.0.9:1234".parse().unwrap(), &map, &proxies).address.unwrap().to_string()
    }

    #[test]
    fn bytes_of_the_client_that_are_no_text_hide_nothing() {
        let mut map = HeaderMap::new();
        map.append("x-forwarded-for", HeaderValue::from_bytes(b"\xff").unwrap());
        map.append("x-forwarded-for", HeaderValue::from_bytes(b"6.6.6.6, \xff\xfe, 1.1.1.1").unwrap());
        let of = |count: usize| {
            let proxies = Proxies { count, country: None };
            identify("10.0.0.9:1234".parse().unwrap(), &map, &proxies).address.unwrap().to_string()
        };
        assert_eq!(of(1), "1.1.1.1");
        assert_eq!(of(2), "10.0.0.9", "the counted entry is no address");
        assert_eq!(of(3), "6.6.6.6");
    }

    fn country(headers: &[(&'static str, &str)], count: usize) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let proxies = Proxies { count, country: Some(HeaderName::from_static("x-country")) };
        identify("10.0.0.9:1234".parse().unwrap(), &map, &proxies).country
    }

    #[test]
    fn a_country_is_believed_of_the_outermost_proxy_alone() {
        let of = |value: &str| country(&[("x-forwarded-for", "1.1.1.1"), ("x-country", value)], 1);
        assert_eq!(of("IS"), Some("IS".into()));
        assert_eq!(of(" pt "), Some("PT".into()));
        for bad in ["", "X", "ISL", "T1", "XX", "xx", "I,", "IS, PT", "\u{c9}\u{c9}", "\u{ff}"] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
        let twice = [("x-forwarded-for", "1.1.1.1"), ("x-country", "IS"), ("x-country", "PT")];
        assert_eq!(country(&twice, 1), None, "one of them may be the caller's");
        // Nothing came through the outermost proxy, or none is there.
        assert_eq!(country(&[("x-forwarded-for", "1.1.1.1"), ("x-country", "IS")], 2), None);
        assert_eq!(country(&[("x-country", "IS")], 1), None);
        assert_eq!(country(&[("x-forwarded-for", "1.1.1.1"), ("x-country", "IS")], 0), None);
    }

    #[test]
    fn the_header_counts_only_as_far_as_the_proxies_are_trusted() {
        assert_eq!(seen(&["1.1.1.1"], 0), "10.0.0.9");
        assert_eq!(seen(&["6.6.6.6, 1.1.1.1"], 1), "1.1.1.1");
        assert_eq!(seen(&["6.6.6.6", "1.1.1.1, 2.2.2.2"], 2), "1.1.1.1");
        assert_eq!(seen(&["1.1.1.1"], 2), "1.1.1.1");
        assert_eq!(seen(&[], 1), "10.0.0.9");
        assert_eq!(seen(&["unknown"], 1), "10.0.0.9");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(seen(&["1.1.1.1:99"], 1), "1.1.1.1");
        assert_eq!(seen(&["[2001:db8::1]:99"], 1), "2001:db8::1");
        assert_eq!(seen(&["[2001:db8::1]"], 1), "2001:db8::1");
        assert_eq!(seen(&["::ffff:1.1.1.1"], 1), "1.1.1.1");
    }
}
