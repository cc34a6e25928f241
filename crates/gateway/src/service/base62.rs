//! Letters and digits: what survives a double click, a shell and a URL.

use ports::Entropy;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// So many random characters, each of 5.95 bits.
pub fn random(entropy: &dyn Entropy, length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // Bytes from 248 on would make the first eight digits likelier than the others.
        let fair = entropy.bytes::<64>().into_iter().filter(|byte| *byte < 248);
        text.extend(fair.take(length - text.len()).map(|byte| char::from(DIGITS[usize::from(byte % 62)])));
    }
    text
}

/// A number in six digits, which hold every 32-bit one.
pub fn six_digits(mut number: u32) -> String {
    let mut text = [b'0'; 6];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn numbers_have_six_digits() {
        assert_eq!(six_digits(0), "000000");
        assert_eq!(six_digits(61), "00000z");
        assert_eq!(six_digits(62), "000010");
        assert_eq!(six_digits(u32::MAX), "4gfFC3");
    }

    /// Bytes without an end that repeat nothing for long.
    pub struct Sequence(pub AtomicU64);

    impl Entropy for Sequence {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
                *byte = ((next ^ (next >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
            }
        }
    }

    #[test]
    fn random_texts_have_their_length_and_use_every_digit() {
        let entropy = Sequence(AtomicU64::new(7));
        let text = random(&entropy, 4_000);
        assert_eq!(text.len(), 4_000);
        assert!(DIGITS.iter().all(|digit| text.as_bytes().contains(digit)));
        assert_ne!(random(&entropy, 43), random(&entropy, 43));
    }
}
