//! Codes of authenticator apps (RFC 6238): SHA-1, six digits, thirty seconds, which is what every app can do. Pure: where the
//! secret and the last step are kept is not known here.

use domain::{Secret, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Totp};

/// The length of a secret: 160 bits, as RFC 4226 (section 4) recommends.
pub const SECRET_BYTES: usize = 20;
/// The digits of a code.
const DIGITS: u8 = 6;
/// A step, in seconds.
const STEP_SECONDS: u64 = 30;
/// Steps before and after the present one whose codes are taken: clocks of phones go wrong, and people type slowly.
const SKEW: u16 = 1;
/// What need not be escaped in a URI (RFC 3986, 2.3). A space becomes `%20`: apps show `+` as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A secret.
pub type TotpSecret = Secret<Vec<u8>>;

/// The step that a code is of, if it is right now and comes after `used`, the last step whose code was taken. The codes are
/// compared in constant time.
pub fn check(secret: &TotpSecret, code: &str, now: Timestamp, used: i64) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !matches!(c, ' ' | '-')).take(usize::from(DIGITS) + 1).collect();
    if digits.len() != usize::from(DIGITS) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let step = generator(secret).check(&digits, u64::try_from(now.seconds()).ok()?)?;
    i64::try_from(step).ok().filter(|step| *step > used)
}

/// The secret in base32, for people who type it.
pub fn base32(secret: &TotpSecret) -> Secret<String> {
    Secret::new(generator(secret).secret().to_base32())
}

/// The `otpauth://` URI that apps read from a QR code.
pub fn uri(secret: &TotpSecret, issuer: &str, account: &str) -> Secret<String> {
    // A colon parts the issuer from the account in a label.
    let escape = |text: &str| utf8_percent_encode(&text.replace(':', " "), ESCAPED).to_string();
    let (issuer, account, base32) = (escape(issuer), escape(account), base32(secret));
    Secret::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        base32.expose()
    ))
}

fn generator(secret: &TotpSecret) -> Totp {
    // The library's own check asks for at least 128 bits; secrets are made here and are longer.
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret.expose().as_slice())
        .build_noncompliant()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the last six of its eight digits, for SHA-1.
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn secret() -> TotpSecret {
        Secret::new(b"12345678901234567890".to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_vectors_of_the_standard_are_right() {
        for (seconds, code) in VECTORS {
            assert_eq!(check(&secret(), code, at(seconds), 0), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after_and_no_longer() {
        let (step, code) = (1_111_111_109 / 30, "081804");
        let taken = |offset: i64| check(&secret(), code, at((step + offset) * 30), 0);
        assert_eq!([-2, -1, 0, 1, 2].map(taken), [None, Some(step), Some(step), Some(step), None]);
        assert_eq!(check(&secret(), code, at((step + 2) * 30 - 1), 0), Some(step), "the last second");
    }

    #[test]
    fn a_step_counts_once() {
        let (seconds, code) = VECTORS[1];
        let step = check(&secret(), code, at(seconds), 0).unwrap();
        assert_eq!(check(&secret(), code, at(seconds), step), None);
        assert_eq!(check(&secret(), code, at(seconds), step + 1), None);
        assert_eq!(check(&secret(), code, at(seconds), step - 1), Some(step));
    }

    #[test]
    fn only_six_digits_are_a_code_and_gaps_do_not_matter() {
        let checked = |code: &str| check(&secret(), code, at(1_111_111_109), 0).is_some();
        assert!(["081804", "081 804", " 081804 ", "081-804"].into_iter().all(checked));
        for bad in ["", "81804", "0081804", "081805", "08180a", "٠٨١٨٠٤", "+81804", "081804081804"] {
            assert!(!checked(bad), "{bad}");
        }
    }

    #[test]
    fn a_time_before_1970_has_no_code() {
        assert_eq!(check(&secret(), "755224", at(-1), 0), None);
    }

    #[test]
    fn the_uri_is_the_one_that_apps_read() {
        assert_eq!(
            uri(&secret(), "Sea & Sand", "ada+1@example.com").expose(),
            "otpauth://totp/Sea%20%26%20Sand:ada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sea%20%26%20Sand&algorithm=SHA1&digits=6&period=30"
        );
        assert!(uri(&secret(), "a:b", "c:d").expose().starts_with("otpauth://totp/a%20b:c%20d?"));
        assert_eq!(base32(&secret()).expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
