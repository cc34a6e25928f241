//! Recovery codes: for who has lost the phone. Ten, each for one use. Pure: where their hashes are kept is not known here.
//!
//! A code is ten letters and digits of Crockford's alphabet: 50 random bits, out of reach for who guesses over the network, but
//! not for who has the table and a graphics card, which tries 2⁵⁰ plain SHA-256 in a day. So what is kept is not a plain hash but
//! an HMAC under a key that the database does not hold. A slow hash, ten of them for every try, buys nothing beside that.

use domain::{Secret, UserId};

use crate::{config::Key, service::sealing};

/// Codes made at once.
pub const COUNT: usize = 10;
/// Letters of a code.
const LENGTH: usize = 10;
/// Random bytes that [`make`] takes.
pub const RANDOM_BYTES: usize = COUNT * LENGTH;
/// Without `i`, `l`, `o` and `u`: nothing is mistaken for something else.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Makes codes, each like `7k3vq-m0x9d`.
pub fn make(random: [u8; RANDOM_BYTES]) -> Vec<Secret<String>> {
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let half = |bytes: &[u8]| bytes.iter().map(letter).collect::<String>();
    let code = |bytes: &[u8]| Secret::new(format!("{}-{}", half(&bytes[..LENGTH / 2]), half(&bytes[LENGTH / 2..])));
    random.chunks_exact(LENGTH).map(code).collect()
}

/// What is kept of a code under a key. `None`: it cannot be a code. Capitals, gaps and letters that look like digits do not matter.
pub fn hash(key: &Key, user: UserId, code: &str) -> Option<String> {
    let plain = plain(code)?;
    Some(sealing::fingerprint(key, &format!("recovery code|{user}|{}", plain.expose())))
}

fn plain(code: &str) -> Option<Secret<String>> {
    let mut plain = String::with_capacity(LENGTH);
    for letter in code.chars().filter(|c| !matches!(c, '-' | ' ')) {
        let letter = match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        if plain.len() == LENGTH || !ALPHABET.iter().any(|known| char::from(*known) == letter) {
            return None;
        }
        plain.push(letter);
    }
    (plain.len() == LENGTH).then(|| Secret::new(plain))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::Timestamp;

    use super::*;
    use crate::config::tests::sample;

    fn codes() -> Vec<Secret<String>> {
        make(std::array::from_fn(|at| u8::try_from((at * at + at / 10) % 251).unwrap()))
    }

    #[test]
    fn there_are_ten_different_readable_ones() {
        let codes = codes();
        let different: BTreeSet<_> = codes.iter().map(Secret::expose).collect();
        assert_eq!(different.len(), 10);
        for code in different {
            assert_eq!((code.len(), code.find('-')), (11, Some(5)), "{code}");
            assert!(!code.contains(['i', 'l', 'o', 'u']), "{code}");
        }
    }

    #[test]
    fn every_letter_comes_from_its_own_five_bits() {
        let all = make([31; RANDOM_BYTES]);
        assert!(all.iter().all(|code| code.expose() == "zzzzz-zzzzz"));
        assert_eq!(ALPHABET.iter().collect::<BTreeSet<_>>().len(), 32, "5 bits a letter, 50 a code");
    }

    #[test]
    fn a_code_is_known_however_it_is_typed_and_only_for_its_user_and_key() {
        let config = sample(&[]);
        let key = &config.data_keys[0];
        let user = |n| UserId::new(Timestamp::from_millis(n), [1; 10]);
        let code = "01abc-defgh";
        let kept = hash(key, user(1), code).unwrap();
        for typed in ["01ABC-DEFGH", "01abcdefgh", " 01abc defgh ", "oiabc-defgh", "Olabc-defgh"] {
            assert_eq!(hash(key, user(1), typed).as_deref(), Some(kept.as_str()), "{typed}");
        }
        assert_ne!(hash(key, user(1), "01abc-defgj").unwrap(), kept);
        assert_ne!(hash(key, user(2), code).unwrap(), kept);
        let other = sample(&[("LITTORAL_DATA_KEYS", "k2:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA")]);
        assert_ne!(hash(&other.data_keys[0], user(1), code).unwrap(), kept);
        for bad in ["", "01abc", "01abc-defghj", "01abc-defgu", "01abc-dé"] {
            assert_eq!(hash(key, user(1), bad), None, "{bad}");
        }
    }
}
