//! Headers between the `http` crate and WASI.

use http::{HeaderMap, HeaderName, header};
use spin_sdk::wasip3::http::types::{Fields, HeaderError};

/// Headers of one connection. The host sets them; WASI refuses a message that carries them.
const OF_THE_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The headers as WASI takes them, without those of the connection and without `Host`, which WASI carries apart.
pub fn into_wasi(headers: &HeaderMap) -> Result<Fields, HeaderError> {
    let entries: Vec<_> = headers
        .iter()
        .filter(|(name, _)| **name != header::HOST && !OF_THE_CONNECTION.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&entries)
}
