//! Secrets at rest: what the server must be able to read again, such as the secrets of authenticator apps and keys of providers,
//! is sealed with XChaCha20-Poly1305 under the first key of the ring `LITTORAL_DATA_KEYS`. Passwords and tokens are not
//! sealed: nobody needs to read them again.
//!
//! A sealed secret is `<key id>.<base64url of nonce, ciphertext and tag>`. It opens only for the user and the thing it was
//! sealed for: a row copied to another user is worth nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use domain::{Secret, UserId};
use hmac::{Hmac, Mac as _};
use ports::Platform;
use sha2::Sha256;

use crate::{
    Config,
    config::Key,
    error::{Error, Result},
};

/// The length of a nonce: so long that random ones do not meet.
const NONCE_BYTES: usize = 24;

/// An opened secret.
#[derive(Debug)]
pub struct Opened {
    /// The secret.
    pub secret: Secret<Vec<u8>>,
    /// It was sealed with a key that is no longer the first: seal it again when it is convenient.
    pub outdated: bool,
}

/// Seals a secret of a user's `thing` (its id).
pub fn seal(
    platform: &Platform,
    config: &Config,
    user: UserId,
    thing: &str,
    secret: &Secret<Vec<u8>>,
) -> Result<String> {
    seal_with(config, platform.entropy.bytes(), user, thing, secret)
}

fn seal_with(
    config: &Config,
    nonce: [u8; NONCE_BYTES],
    user: UserId,
    thing: &str,
    secret: &Secret<Vec<u8>>,
) -> Result<String> {
    let key = config.data_keys.first().ok_or_else(|| Error::internal("no key for data"))?;
    let bound = bound_to(user, thing, key);
    let payload = Payload { msg: secret.expose(), aad: bound.as_bytes() };
    let sealed =
        cipher(key)?.encrypt(&nonce.into(), payload).map_err(|_| Error::internal("a secret could not be sealed"))?;
    Ok(format!("{}.{}", key.id, URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
}

/// Opens what [`seal`] made for the same user and thing.
pub fn open(config: &Config, user: UserId, thing: &str, sealed: &str) -> Result<Opened> {
    let (id, text) = sealed.split_once('.').ok_or_else(|| Error::internal("a sealed secret has no key id"))?;
    let at = config.data_keys.iter().position(|key| key.id == id).ok_or_else(|| {
        Error::internal(format!(
            "LITTORAL_DATA_KEYS lacks the key {id:?}, which secrets in the database are sealed with"
        ))
    })?;
    let unreadable = || Error::internal("a sealed secret does not open: it was changed, or its key was");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| unreadable())?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(unreadable)?;
    let key = &config.data_keys[at];
    let bound = bound_to(user, thing, key);
    let payload = Payload { msg: sealed, aad: bound.as_bytes() };
    let secret = cipher(key)?.decrypt(&(*nonce).into(), payload).map_err(|_| unreadable())?;
    Ok(Opened { secret: Secret::new(secret), outdated: at > 0 })
}

/// `<key id>.<HMAC of the text>`: recognises a text that need not be read again, for who has the key.
pub fn fingerprint(key: &Key, text: &str) -> String {
    format!("{}.{}", key.id, URL_SAFE_NO_PAD.encode(derive(key, "fingerprint", text)))
}

fn bound_to(user: UserId, thing: &str, key: &Key) -> String {
    format!("{user}|{thing}|{}", key.id)
}

fn cipher(key: &Key) -> Result<XChaCha20Poly1305> {
    XChaCha20Poly1305::new_from_slice(&derive(key, "sealing", "")).map_err(|error| Error::internal(error.to_string()))
}

/// What comes of a key for a purpose: no key does two jobs.
fn derive(key: &Key, purpose: &str, text: &str) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.secret.expose()).expect("any length");
    mac.update(format!("littoral|{purpose}|{text}").as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::config::tests::sample;

    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const BOTH: &str =
        "new:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA,old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn user(n: i64) -> UserId {
        UserId::new(Timestamp::from_millis(n), [1; 10])
    }

    fn sealed(config: &Config) -> String {
        seal_with(config, [7; NONCE_BYTES], user(1), "thing", &Secret::new(b"secret".to_vec())).unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        let config = sample(&[]);
        let text = sealed(&config);
        assert!(!text.contains("secret"));
        let opened = open(&config, user(1), "thing", &text).unwrap();
        assert_eq!((opened.secret.expose().as_slice(), opened.outdated), (&b"secret"[..], false));
    }

    #[test]
    fn it_opens_for_nobody_and_nothing_else() {
        let config = sample(&[]);
        let text = sealed(&config);
        assert!(open(&config, user(2), "thing", &text).is_err());
        assert!(open(&config, user(1), "other", &text).is_err());
        for bad in [
            text.replace("k1.", "k2."),
            text.replace("k1.", ""),
            text[..text.len() - 2].to_owned(),
            format!("{text}A"),
            "k1.".to_owned(),
            String::new(),
        ] {
            assert!(open(&config, user(1), "thing", &bad).is_err(), "{bad}");
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix("k1.").unwrap()).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let changed = format!("k1.{}", URL_SAFE_NO_PAD.encode(&bytes));
            assert!(open(&config, user(1), "thing", &changed).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn an_old_key_opens_and_says_so_and_a_lost_one_is_named_without_a_value() {
        let text = sealed(&sample(&[("LITTORAL_DATA_KEYS", OLD)]));
        let opened = open(&sample(&[("LITTORAL_DATA_KEYS", BOTH)]), user(1), "thing", &text).unwrap();
        assert!(opened.outdated);
        let error = open(&sample(&[]), user(1), "thing", &text).unwrap_err();
        assert!(error.to_string().contains("LITTORAL_DATA_KEYS"), "{error}");
    }

    #[test]
    fn a_key_does_not_do_two_jobs() {
        let config = sample(&[]);
        let key = &config.data_keys[0];
        assert_ne!(derive(key, "sealing", ""), derive(key, "fingerprint", ""));
        assert_ne!(fingerprint(key, "a"), fingerprint(key, "b"));
    }
}
