//! Another key: a public one as a secret, one of the ring under another's id, the attacker's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        oidc,
        tokens::{message, public, sign, sign_with, signature, with},
    },
    refuse,
};

/// Everything that a library could take the public key of a pair for, had it mixed it up with a secret.
fn shapes_of_public_key(id: &str) -> Vec<Vec<u8>> {
    let (x, y) = public(id);
    let raw = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (kty, crv, alg) = if id == "ed" { ("OKP", "Ed25519", "EdDSA") } else { ("EC", "P-256", "ES256") };
    let mut jwk = json!({ "use": "sig", "alg": alg, "kid": id, "kty": kty, "crv": crv, "x": x });
    let mut point = raw(x);
    if let Some(y) = y {
        jwk["y"] = json!(y);
        point = [&[4], point.as_slice(), &raw(y)].concat();
    }
    vec![raw(x), x.into(), point, jwk.to_string().into(), format!("{{\"keys\":[{jwk}]}}").into()]
}

#[tokio::test]
async fn the_public_ed25519_key_as_an_hmac_secret() {
    refuse(|real| {
        let forge = |secret: Vec<u8>| {
            ["HS256", "EdDSA", "RS256"]
                .map(|alg| sign(&with(&real.header, &json!({ "kid": "ed", "alg": alg })), &real.claims, &secret))
        };
        shapes_of_public_key("ed").into_iter().flat_map(forge).collect()
    })
    .await;
}

#[tokio::test]
async fn a_public_rsa_key_as_an_hmac_secret() {
    refuse(|real| {
        let rsa = oidc::jwk("rsa");
        let modulus = rsa["n"].as_str().unwrap();
        let shapes: [Vec<u8>; 4] = [
            URL_SAFE_NO_PAD.decode(modulus).unwrap(),
            modulus.into(),
            rsa.to_string().into(),
            format!("{{\"keys\":[{rsa}]}}").into(),
        ];
        let forge = |secret: Vec<u8>| {
            ["HS256", "RS256"].into_iter().flat_map(move |alg| {
                ["test", "rsa"]
                    .map(|id| sign(&with(&real.header, &json!({ "kid": id, "alg": alg })), &real.claims, &secret))
            })
        };
        shapes.into_iter().flat_map(forge).collect()
    })
    .await;
}

#[tokio::test]
async fn the_public_p256_key_as_an_hmac_secret() {
    refuse(|real| {
        let forge = |secret: Vec<u8>| {
            ["HS256", "ES256", "RS256"]
                .map(|alg| sign(&with(&real.header, &json!({ "kid": "es", "alg": alg })), &real.claims, &secret))
        };
        shapes_of_public_key("es").into_iter().flat_map(forge).collect()
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_a_key_pair_under_the_id_of_a_shared_secret() {
    refuse(|real| {
        let forge = |(id, alg)| sign_with(id, &with(&real.header, &json!({ "alg": alg })), &real.claims);
        [("ed", "EdDSA"), ("es", "ES256"), ("ed", "HS256"), ("es", "HS256")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_one_key_pair_under_the_id_of_the_other() {
    refuse(|real| {
        let forge = |(signer, id, alg): (&str, &str, &str)| {
            sign_with(signer, &with(&real.header, &json!({ "kid": id, "alg": alg })), &real.claims)
        };
        [("ed", "es", "EdDSA"), ("ed", "es", "ES256"), ("es", "ed", "ES256"), ("es", "ed", "EdDSA")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn a_shared_secret_under_the_id_of_a_key_pair() {
    refuse(|real| ["ed", "es"].map(|id| real.with_header(&json!({ "kid": id }))).into()).await;
}

#[tokio::test]
async fn a_key_pair_of_the_attackers() {
    refuse(|real| {
        let forge = |(id, alg)| {
            let header = with(&real.header, &json!({ "kid": id, "alg": alg }));
            let text = message(&header.to_string(), &real.claims.to_string());
            format!("{text}.{}", signature(id, &[7; 32], &text))
        };
        [("ed", "EdDSA"), ("es", "ES256")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn another_secret() {
    refuse(|real| {
        let guesses: [&[u8]; 5] = [b"", b"secret", b"test", &[0; 32], &Sha256::digest(b"another")];
        guesses.map(|key| sign(&real.header, &real.claims, key)).into()
    })
    .await;
}

#[tokio::test]
async fn the_secret_of_refresh_tokens() {
    refuse(|real| {
        let key = URL_SAFE_NO_PAD.decode("Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA").unwrap();
        vec![sign(&real.header, &real.claims, &key)]
    })
    .await;
}
