use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{crypto, jwk::Jwk};

use super::*;

/// Verifies by the provider of this module, whichever is installed.
fn verify(algorithm: Algorithm, key: &DecodingKey, message: &str, signature: &str) -> Option<bool> {
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let verifier = verifier(&algorithm, key).ok()?;
    assert_eq!(verifier.algorithm(), algorithm);
    Some(verifier.verify(message.as_bytes(), &signature).is_ok())
}

/// RFC 7515, appendices A.1 (HS256), A.2 (RS256), A.3 (ES256), and RFC 8037, appendix A.4 (`EdDSA`).
#[test]
fn the_examples_of_the_standards_are_verified_and_nothing_like_them() {
    const HEADERS: [&str; 3] =
        ["eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9"];
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let secret = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    let rsa = DecodingKey::from_rsa_components(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "AQAB",
    )
    .unwrap();
    let p256 = DecodingKey::from_ec_components(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    )
    .unwrap();
    let ed25519 = DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let cases = [
        (
            Algorithm::HS256,
            DecodingKey::from_secret(&secret),
            format!("{}.{PAYLOAD}", HEADERS[0]),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            Algorithm::RS256,
            rsa,
            format!("{}.{PAYLOAD}", HEADERS[1]),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            Algorithm::ES256,
            p256,
            format!("{}.{PAYLOAD}", HEADERS[2]),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            Algorithm::EdDSA,
            ed25519,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ];
    for (at, (algorithm, key, message, signature)) in cases.iter().enumerate() {
        assert_eq!(verify(*algorithm, key, message, signature), Some(true), "{algorithm:?}");
        assert_eq!(verify(*algorithm, key, &format!("{message}x"), signature), Some(false), "{algorithm:?}");
        for wrong in ["", "AAAA", &"A".repeat(signature.len())] {
            assert_eq!(verify(*algorithm, key, message, wrong), Some(false), "{algorithm:?}");
        }
        // A key has the one algorithm, and no key has one that we do not use.
        for (_, other, ..) in cases.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, case)| case) {
            assert!(verify(*algorithm, other, message, signature).is_none(), "{algorithm:?}");
        }
        for unused in [Algorithm::HS512, Algorithm::ES384, Algorithm::RS384, Algorithm::PS256] {
            assert!(verify(unused, key, message, signature).is_none(), "{unused:?}");
        }
    }
}

#[test]
fn what_is_signed_is_verified_and_private_rsa_keys_are_none() {
    install();
    let secret = EncodingKey::from_secret(&[7; 32]);
    let signature = crypto::sign(b"message", &secret, Algorithm::HS256).unwrap();
    assert_eq!(verify(Algorithm::HS256, &DecodingKey::from_secret(&[7; 32]), "message", &signature), Some(true));
    assert_eq!(verify(Algorithm::HS256, &DecodingKey::from_secret(&[8; 32]), "message", &signature), Some(false));
    let rsa = EncodingKey::from_rsa_der(b"canary");
    assert!(crypto::sign(b"message", &rsa, Algorithm::RS256).is_err());
    assert!(Jwk::from_encoding_key(&rsa, Algorithm::RS256).is_err());
    // A short Ed25519 key is refused, and nothing panics.
    assert!(verify(Algorithm::EdDSA, &DecodingKey::from_ed_der(b"short"), "message", "AAAA").is_none());
}
