//! Another algorithm than the key's, or none.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::{Sha256, Sha384, Sha512};

use super::{
    super::tokens::{message, with},
    refuse, unsigned,
};

#[tokio::test]
async fn alg_none() {
    refuse(|real| {
        let header = with(&real.header, &json!({ "alg": "none" }));
        vec![unsigned(&header, &real.claims, ""), unsigned(&header, &real.claims, real.text(2))]
    })
    .await;
}

#[tokio::test]
async fn alg_none_in_every_spelling() {
    refuse(|real| {
        let spell = |alg| unsigned(&with(&real.header, &json!({ "alg": alg })), &real.claims, "");
        ["None", "NONE", "nOnE", "none ", "", "null"].map(spell).into()
    })
    .await;
}

#[tokio::test]
async fn alg_none_over_a_right_signature() {
    refuse(|real| vec![real.with_header(&json!({ "alg": "none" }))]).await;
}

#[tokio::test]
async fn no_algorithm_at_all() {
    refuse(|real| vec![real.with_header(&json!({ "alg": null })), real.with_header(&json!({ "alg": ["HS256"] }))])
        .await;
}

#[tokio::test]
async fn an_algorithm_in_lower_case() {
    refuse(|real| vec![real.with_header(&json!({ "alg": "hs256" })), real.with_header(&json!({ "alg": "Hs256" }))])
        .await;
}

#[tokio::test]
async fn the_algorithm_twice() {
    refuse(|real| {
        let header =
            |first: &str, second: &str| format!(r#"{{"typ":"at+jwt","alg":"{first}","alg":"{second}","kid":"test"}}"#);
        let token = |header: &str| {
            let text = message(header, &real.claims.to_string());
            let mut mac = Hmac::<Sha256>::new_from_slice(&real.key).unwrap();
            mac.update(text.as_bytes());
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        };
        vec![token(&header("none", "HS256")), token(&header("HS256", "none"))]
    })
    .await;
}

#[tokio::test]
async fn another_hmac_with_the_same_key() {
    refuse(|real| {
        let text =
            |alg: &str| message(&with(&real.header, &json!({ "alg": alg })).to_string(), &real.claims.to_string());
        let (long, longer) = (text("HS384"), text("HS512"));
        let mut one = Hmac::<Sha384>::new_from_slice(&real.key).unwrap();
        one.update(long.as_bytes());
        let mut two = Hmac::<Sha512>::new_from_slice(&real.key).unwrap();
        two.update(longer.as_bytes());
        vec![
            format!("{long}.{}", URL_SAFE_NO_PAD.encode(one.finalize().into_bytes())),
            format!("{longer}.{}", URL_SAFE_NO_PAD.encode(two.finalize().into_bytes())),
        ]
    })
    .await;
}

#[tokio::test]
async fn an_hmac_that_calls_itself_a_public_key_signature() {
    refuse(|real| ["RS256", "PS256", "ES256", "EdDSA"].map(|alg| real.with_header(&json!({ "alg": alg }))).into())
        .await;
}
