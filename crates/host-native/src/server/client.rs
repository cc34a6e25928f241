//! Who is at the other end: the peer, or whom the trusted proxies saw.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ports::Client;

/// The client of a connection from `peer`. Behind `proxies` proxies it is the entry of `X-Forwarded-For` that the outermost
/// of them appended, counted from the end: what stands before it was written by the client and proves nothing.
pub fn identify(peer: SocketAddr, headers: &HeaderMap, proxies: usize) -> Client {
    let forwarded = || {
        let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let entries: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        // With fewer entries than proxies somebody came in behind the outermost; the first entry is by a proxy of ours.
        let outermost = entries.len().saturating_sub(proxies);
        entries.get(outermost).and_then(|entry| address(entry))
    };
    let address = if proxies == 0 { None } else { forwarded() };
    Client { address: Some(address.unwrap_or_else(|| peer.ip()).to_canonical()), country: None }
}

/// With or without a port, an IPv6 address with or without brackets: proxies differ.
fn address(entry: &str) -> Option<IpAddr> {
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
        identify("10.0.0.9:1234".parse().unwrap(), &map, proxies).address.unwrap().to_string()
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
