//! Who is at the other end of a request, as far as the platform vouches for it.

use std::net::IpAddr;

/// Facts about the caller that the host puts into the request's extensions. Never taken from a header that a caller
/// could set, unless the host is configured to stand behind a known number of proxies.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The caller's country (ISO 3166-1 alpha-2), when the platform knows.
    pub country: Option<String>,
}
