//! Refresh tokens: a chain per session, computed and never stored.
//!
//! Token *n* of a session is `lrt_<session>.<n>.<key id>.<mac>` with `mac = HMAC-SHA256(key, "<session>.<n>")`. The session's row
//! holds the number of the newest token that was given out. Presenting the newest one moves on by one; presenting the one
//! before it again yields the same newest one, because the phone may have lost the response; too often in a row, and the
//! session ends. Anything older was used twice, and ends the session.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::SessionId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{
    Config,
    config::Key,
    error::{Error, Result},
};

const PREFIX: &str = "lrt_";

/// A token whose mac is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its family.
    pub session: SessionId,
    /// Its number in the chain, from 1.
    pub number: i64,
}

/// Computes a token.
pub fn issue(config: &Config, token: RefreshToken) -> Result<String> {
    let key = config.refresh_keys.first().ok_or_else(|| Error::internal("no key for refresh tokens"))?;
    let mac = mac(key, token).finalize().into_bytes();
    Ok(format!("{PREFIX}{}.{}.{}.{}", token.session, token.number, key.id, URL_SAFE_NO_PAD.encode(mac)))
}

/// Reads a token and checks its mac in constant time.
pub fn parse(config: &Config, text: &str) -> Option<RefreshToken> {
    let mut parts = text.strip_prefix(PREFIX)?.split('.');
    let session = SessionId::parse(parts.next()?)?;
    let number = parts.next()?;
    let number = number.parse().ok().filter(|n: &i64| (1..=1 << 53).contains(n) && n.to_string() == number)?;
    let id = parts.next()?;
    let given = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    let token = RefreshToken { session, number };
    let key = config.refresh_keys.iter().find(|key| key.id == id)?;
    (parts.next().is_none() && mac(key, token).verify_slice(&given).is_ok()).then_some(token)
}

fn mac(key: &Key, token: RefreshToken) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.expose()).expect("any length");
    mac.update(format!("{}.{}", token.session, token.number).as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::config::tests::sample;

    #[test]
    fn only_our_own_tokens_are_read() {
        let config = sample(&[]);
        let token = RefreshToken { session: SessionId::new(Timestamp::from_millis(1), [7; 10]), number: 3 };
        let text = issue(&config, token).unwrap();
        assert_eq!(parse(&config, &text), Some(token));
        for bad in [
            text.replace(".3.", ".4."),
            text.replace(".3.", ".03."),
            text.replace(".3.", ".+3."),
            text.replace(".3.", ".-3."),
            format!("{text}.x"),
            format!("{text}A"),
            text[..text.len() - 1].to_owned(),
            text.replace(PREFIX, ""),
            String::new(),
        ] {
            assert_eq!(parse(&config, &bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_the_same_each_time_it_is_computed() {
        let config = sample(&[]);
        let token = RefreshToken { session: SessionId::new(Timestamp::from_millis(1), [7; 10]), number: 3 };
        assert_eq!(issue(&config, token).unwrap(), issue(&config, token).unwrap());
    }
}
