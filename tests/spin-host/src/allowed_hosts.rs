//! `allowed_outbound_hosts`: which hosts the component may call. No networking here.

use std::ops::RangeInclusive;

use http::Uri;
use wasmtime::{Result, bail, error::Context as _};

use crate::variables::{self, Variables};

/// The patterns of a component. Without any, nothing may be called.
#[derive(Debug)]
pub struct AllowedHosts(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    /// `None` stands for any.
    scheme: Option<String>,
    host: Host,
    ports: RangeInclusive<u16>,
}

#[derive(Debug)]
enum Host {
    Any,
    /// With its leading dot.
    Suffix(String),
    Exact(String),
}

impl AllowedHosts {
    /// Reads patterns of the form `scheme://host[:port]`, after filling in the variables.
    pub fn parse(patterns: &[String], variables: &Variables) -> Result<Self> {
        let mut parsed = Vec::new();
        for pattern in patterns {
            let filled = variables::fill(pattern, variables)?;
            // An optional host whose variable is empty is no host.
            if matches!(filled.as_str(), "" | "http://" | "https://") {
                continue;
            }
            parsed.push(Pattern::parse(filled.trim()).with_context(|| format!("allowed_outbound_hosts: {filled:?}"))?);
        }
        Ok(Self(parsed))
    }

    /// Whether the component may call this address.
    pub fn allow(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return false;
        };
        let Some(port) = uri.port_u16().or_else(|| well_known_port(scheme)) else {
            return false;
        };
        self.0.iter().any(|pattern| pattern.matches(scheme, &host.to_ascii_lowercase(), port))
    }
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Self> {
        let (scheme, rest) = pattern.split_once("://").context("expected scheme://host[:port]")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of a bare IPv6 address do not start a port.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (rest, ""),
        };
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_owned()),
            host: Host::parse(host)?,
            ports: ports(port, scheme)?,
        })
    }

    fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme.as_ref().is_none_or(|it| it == scheme)
            && self.ports.contains(&port)
            && match &self.host {
                Host::Any => true,
                Host::Suffix(suffix) => host.ends_with(suffix),
                Host::Exact(exact) => host == exact,
            }
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self> {
        let host = host.to_ascii_lowercase();
        if host == "*" {
            return Ok(Self::Any);
        }
        if host == "self" || host.contains('/') {
            bail!("requests to oneself, paths and address ranges are not served by this host");
        }
        match host.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') && !suffix.contains('*') => Ok(Self::Suffix(suffix.to_owned())),
            None if !host.is_empty() && !host.contains('*') => Ok(Self::Exact(host)),
            _ => bail!("{host:?} is no host, *.domain or *"),
        }
    }
}

fn ports(port: &str, scheme: &str) -> Result<RangeInclusive<u16>> {
    let number = |text: &str| text.parse::<u16>().with_context(|| format!("{text:?} is no port"));
    Ok(match port {
        "*" => 0..=u16::MAX,
        "" => {
            let port = well_known_port(scheme).context("this scheme needs a port")?;
            port..=port
        }
        _ => match port.split_once("..") {
            // The end does not belong to a range.
            Some((start, end)) => number(start)?..=number(end)?.saturating_sub(1),
            None => number(port)?..=number(port)?,
        },
    })
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, uri: &str) -> bool {
        AllowedHosts::parse(&[pattern.to_owned()], &Variables::new())
            .expect("a good pattern")
            .allow(&uri.parse().expect("a good address"))
    }

    #[test]
    fn patterns_are_matched() {
        for pattern in ["http://127.0.0.1:*", "http://*:*", "*://*:*", "http://127.0.0.1:80..90"] {
            assert!(allows(pattern, "http://127.0.0.1:81/x"), "{pattern}");
        }
        for pattern in ["https://127.0.0.1:*", "http://127.0.0.1", "http://*.0.1:80", "http://10.0.0.1:*"] {
            assert!(!allows(pattern, "http://127.0.0.1:81/x"), "{pattern}");
        }
        assert!(allows("http://[::1]:*", "http://[::1]:9/"));
        assert!(allows("https://*.example.com", "https://api.example.com/"));
        assert!(!allows("https://*.example.com", "https://example.com/"));
        assert!(allows("http://example.com/", "http://example.com/path"));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for pattern in ["*", "example.com", "http://a*b", "ftp://host", "http://h:x", "http://10.0.0.0/8:80"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
