//! bcrypt hashes of users who come from elsewhere, as passlib and others write them: `$2b$12$` (or `2a`, `2y`), then salt and hash in
//! bcrypt's own base64. New ones are never made.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use domain::Secret;
use subtle::ConstantTimeEq as _;

/// Writers differ in the bits after the last whole byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The logarithm of rounds: below 4 there are no hashes, above 14 one takes seconds.
pub const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// What bcrypt reads of a password, its closing NUL included, in bytes.
pub const MAX_BYTES: usize = 72;

/// A bcrypt hash.
#[derive(Debug)]
pub struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

impl Bcrypt {
    /// Reads a hash; one that would take too long is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('$')?.split('$');
        if !matches!(parts.next()?, "2a" | "2b" | "2y") {
            return None;
        }
        let cost = parts.next().filter(|cost| cost.len() == 2)?.parse().ok().filter(|cost| COSTS.contains(cost))?;
        let (salt, hash) = parts.next().filter(|rest| rest.len() == 53)?.split_at_checked(22)?;
        let decode = |text| BASE64.decode(text).ok();
        let parsed = Self { cost, salt: decode(salt)?.try_into().ok()?, hash: decode(hash)?.try_into().ok()? };
        parts.next().is_none().then_some(parsed)
    }

    /// Whether the password is the one of this hash.
    pub fn verify(&self, password: &[u8]) -> bool {
        let read: Vec<u8> = password.iter().copied().chain([0]).take(MAX_BYTES).collect();
        let hash = bcrypt::bcrypt(self.cost, self.salt, Secret::new(read).expose());
        hash[..23].ct_eq(&self.hash).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes_are_verified() {
        // From the test vectors of jBCrypt and of crypt_blowfish.
        for (password, hash) in [
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ] {
            for version in ["2a", "2b", "2y"] {
                let bcrypt = Bcrypt::parse(&hash.replace("2a", version)).unwrap();
                assert!(bcrypt.verify(password.as_bytes()), "{hash}");
                assert!(!bcrypt.verify(format!("{password}x").as_bytes()), "{hash}");
            }
        }
    }

    #[test]
    fn what_lies_behind_72_bytes_does_not_count() {
        let bcrypt = |length: usize| Bcrypt { cost: 4, salt: [1; 16], hash: [0; 23] }.with(&vec![b'x'; length]);
        assert!(bcrypt(72).verify(&[b'x'; 100]) && !bcrypt(71).verify(&[b'x'; 72]));
    }

    #[test]
    fn what_is_no_hash_or_takes_too_long_is_none() {
        let good = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
        assert!(Bcrypt::parse(good).is_some());
        for bad in [
            String::new(),
            good[..59].to_owned(),
            format!("{good}a"),
            format!("{good}$"),
            good.replace("2a", "2x"),
            good.replace("$06$", "$03$"),
            good.replace("$06$", "$15$"),
            good.replace("$06$", "$6$"),
            good.replace("m0", "m="),
            good.replace("m0Cr", "mé"),
        ] {
            assert!(Bcrypt::parse(&bad).is_none(), "{bad}");
        }
    }

    impl Bcrypt {
        /// The same with the hash of a password.
        fn with(mut self, password: &[u8]) -> Self {
            let read: Vec<u8> = password.iter().copied().chain([0]).take(MAX_BYTES).collect();
            self.hash.copy_from_slice(&bcrypt::bcrypt(self.cost, self.salt, &read)[..23]);
            self
        }
    }
}
