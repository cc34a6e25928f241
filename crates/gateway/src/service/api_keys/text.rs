//! What a key looks like: `lit_`, 43 random letters and digits (256 bits), and six of checksum. A scanner for leaked secrets finds
//! it by its form, and a key that was mistyped or cut off is told without asking the store.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Secret;
use ports::Entropy;
use sha2::{Digest as _, Sha256};

use crate::service::base62;

/// How every key begins.
pub const PREFIX: &str = "lit_";
const RANDOM: usize = 43;
const CHECKSUM: usize = 6;
/// So much of a key is shown to its owner, to know it again.
const SHOWN: usize = PREFIX.len() + 4;

/// Makes one.
pub fn make(entropy: &dyn Entropy) -> Secret<String> {
    let body = format!("{PREFIX}{}", base62::random(entropy, RANDOM));
    let checksum = checksum(&body);
    Secret::new(body + &checksum)
}

/// Whether the text has the form of a key and the checksum that belongs to it.
pub fn is_whole(text: &str) -> bool {
    text.len() == PREFIX.len() + RANDOM + CHECKSUM
        && text.starts_with(PREFIX)
        && text[PREFIX.len()..].bytes().all(|c| c.is_ascii_alphanumeric())
        && text.ends_with(&checksum(&text[..PREFIX.len() + RANDOM]))
}

/// How its owner knows it again.
pub fn shown(key: &str) -> &str {
    key.get(..SHOWN).unwrap_or_default()
}

/// What the store finds it by. 256 random bits need no slow hash, and no salt.
pub fn hash(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key))
}

/// It tells nothing that the key would not: it is part of it, and the store's hash is over both.
fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body);
    base62::six_digits(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::base62::tests::Sequence;

    fn some_key(seed: u64) -> Secret<String> {
        make(&Sequence(seed.into()))
    }

    #[test]
    fn a_key_is_whole_and_what_was_mistyped_is_not() {
        let key = some_key(1);
        let key = key.expose();
        assert!(is_whole(key) && key.len() == 53, "{key}");
        let mistyped = |at: usize| {
            let other = if key.as_bytes()[at] == b'x' { "y" } else { "x" };
            format!("{}{other}{}", &key[..at], &key[at + 1..])
        };
        assert!((0..key.len()).all(|at| !is_whole(&mistyped(at))));
        for cut in [&key[1..], &key[..52], &format!("{key}x"), "lit_", "", "lit_é", &"lit_".repeat(14)[..53]] {
            assert!(!is_whole(cut), "{cut}");
        }
        assert!(!is_whole(&format!("lit_{}", "é".repeat(24) + "x")));
    }

    #[test]
    fn what_is_shown_and_stored_does_not_give_it_away() {
        let key = some_key(2);
        let key = key.expose();
        assert_eq!(shown(key), &key[..8]);
        assert!(!hash(key).contains(&key[8..16]) && hash(key).len() == 43);
        assert_ne!(hash(key), hash(some_key(3).expose()));
    }
}
