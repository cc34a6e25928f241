//! Where the server is and how we name ourselves: the settings, checked once.

use std::{fmt, net::IpAddr};

use domain::Secret;
use http::{HeaderValue, Uri};

/// What is wrong with the settings of a libSQL server. Holds neither the URL nor the token: both may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HranaError {
    /// The URL cannot be used.
    Url,
    /// The token cannot be sent in a header.
    Token,
    /// The token would travel without encryption.
    Plain,
}

impl fmt::Display for HranaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => {
                "the libSQL URL must be https://host, http://host or libsql://host, \
                 with a port and a path if need be, without a query or a password"
            }
            Self::Token => "the libSQL token must be visible ASCII characters",
            Self::Plain => {
                "the libSQL token must not travel without encryption: use https:// or libsql://; \
                 http:// is for a server on this machine (localhost, 127.0.0.1) or one without a token"
            }
        })
    }
}

impl std::error::Error for HranaError {}

/// The pipeline of the server at `url`.
pub(super) fn pipeline(url: &str) -> Result<Uri, HranaError> {
    let (scheme, rest) = url.trim_end_matches('/').split_once("://").ok_or(HranaError::Url)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => "http",
        "https" | "libsql" => "https",
        _ => return Err(HranaError::Url),
    };
    if rest.is_empty() || rest.contains(['?', '#', '@']) {
        return Err(HranaError::Url);
    }
    let uri: Uri = format!("{scheme}://{rest}/v2/pipeline").parse().map_err(|_| HranaError::Url)?;
    if uri.host().is_none_or(str::is_empty) { Err(HranaError::Url) } else { Ok(uri) }
}

/// Whether a request to this address leaves the machine in plain text: whoever reads it has the token, and with it the database.
pub(super) fn is_exposed(pipeline: &Uri) -> bool {
    let host = pipeline.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host.parse::<IpAddr>().map_or_else(
        |_| host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost"),
        |address| address.is_loopback(),
    );
    pipeline.scheme_str() == Some("http") && !is_local
}

/// The value of the authorization header.
pub(super) fn authorization(token: &Secret<String>) -> Result<HeaderValue, HranaError> {
    let visible = !token.expose().is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = visible
        .then(|| HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok())
        .flatten()
        .ok_or(HranaError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_all_schemes() {
        for (url, wanted) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v2/pipeline"),
            ("https://db.example/", "https://db.example/v2/pipeline"),
            ("libsql://db.example/ns", "https://db.example/ns/v2/pipeline"),
        ] {
            assert_eq!(pipeline(url).unwrap().to_string(), wanted);
        }
        for url in ["", "db.example", "ws://db.example", "https://", "https://:80", "libsql://db?tls=0", "http://a:b@c"]
        {
            assert_eq!(pipeline(url), Err(HranaError::Url), "{url}");
        }
    }

    #[test]
    fn plain_text_stays_on_the_machine() {
        for (url, exposed) in [
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080", false),
            ("http://LOCALHOST", false),
            ("http://db.localhost:8080", false),
            ("https://db.example", false),
            ("libsql://db.example", false),
            ("http://db.example", true),
            ("http://10.0.0.7:8080", true),
            ("http://localhost.example", true),
        ] {
            assert_eq!(is_exposed(&pipeline(url).unwrap()), exposed, "{url}");
        }
    }

    #[test]
    fn the_token_is_sensitive_and_visible_ascii() {
        assert!(authorization(&Secret::from("abc.def")).unwrap().is_sensitive());
        for token in ["", "a b", "a\nb", "ü"] {
            assert_eq!(authorization(&Secret::from(token)), Err(HranaError::Token));
        }
    }
}
