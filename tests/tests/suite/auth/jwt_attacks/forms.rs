//! What was changed after it was signed, and what is no access token in form.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tests::Api;

use super::{
    super::{
        NOT_GENUINE, me, refused,
        tokens::{Genuine, with},
    },
    refuse, unsigned,
};

#[tokio::test]
async fn a_signature_of_zeros() {
    refuse(|real| {
        let forge = |(id, alg)| {
            let header = with(&real.header, &json!({ "kid": id, "alg": alg }));
            unsigned(&header, &real.claims, &URL_SAFE_NO_PAD.encode([0; 64]))
        };
        [("test", "HS256"), ("ed", "EdDSA"), ("es", "ES256")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_used_as_an_access_token() {
    refuse(|real| vec![real.refresh.clone(), real.refresh.trim_start_matches("lrt_").to_owned()]).await;
}

#[tokio::test]
async fn a_tampered_header() {
    refuse(|real| {
        let header = with(&real.header, &json!({ "x": 1 }));
        // The same members in another order mean the same and are not what was signed.
        let turned = r#"{"kid":"test","alg":"HS256","typ":"at+jwt"}"#;
        let spaced = r#"{"typ": "at+jwt", "alg": "HS256", "kid": "test"}"#;
        [header.to_string().as_str(), turned, spaced].map(|text| real.replace(0, &URL_SAFE_NO_PAD.encode(text))).into()
    })
    .await;
}

#[tokio::test]
async fn a_tampered_payload() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let (real, others) = (Genuine::of(&user), Genuine::of(&other));
    let later = with(&real.claims, &json!({ "exp": real.issued() + 86_400 }));
    let admin = with(&real.claims, &json!({ "role": "admin" }));
    for text in [
        others.text(1).to_owned(),
        URL_SAFE_NO_PAD.encode(later.to_string()),
        URL_SAFE_NO_PAD.encode(admin.to_string()),
        String::new(),
        "e30".into(),
    ] {
        refused(me(&api, &real.replace(1, &text)).await, "invalid_token", NOT_GENUINE).await;
    }
    assert_eq!(me(&api, &real.token).await.status, 200);
}

#[tokio::test]
async fn a_tampered_signature() {
    refuse(|real| {
        let text = real.text(2);
        // Each byte of the 32, and the bits of the last character that encode nothing.
        let flips = (0..32).map(|at| {
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes[at] ^= 1;
            real.replace(2, &URL_SAFE_NO_PAD.encode(bytes))
        });
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = alphabet.find(&text[42..]).unwrap();
        let unused = real.replace(2, &format!("{}{}", &text[..42], &alphabet[last + 1..last + 2]));
        let short = real.replace(2, &URL_SAFE_NO_PAD.encode(&URL_SAFE_NO_PAD.decode(text).unwrap()[..16]));
        flips.chain([unused, short, format!("{}=", real.token), format!("{}A", real.token)]).collect()
    })
    .await;
}

#[tokio::test]
async fn an_empty_signature() {
    refuse(|real| vec![real.replace(2, ""), real.token.rsplit_once('.').unwrap().0.to_owned()]).await;
}

#[tokio::test]
async fn two_signatures() {
    refuse(|real| {
        let signature = real.text(2);
        let flattened = json!({ "payload": real.text(1), "protected": real.text(0), "signature": signature });
        let general = json!({ "payload": real.text(1), "signatures": [flattened.clone(), flattened.clone()] });
        vec![
            format!("{}.{signature}", real.token),
            format!("{}..{signature}", real.token.rsplit_once('.').unwrap().0),
            format!("{0} {0}", real.token),
            format!("{0},{0}", real.token),
            flattened.to_string(),
            general.to_string(),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_very_long_token() {
    refuse(|real| {
        vec![
            "A".repeat(7_000),
            ".".repeat(7_000),
            format!("{}{}", real.token, "A".repeat(7_000)),
            real.with_claims(&json!({ "x": "x".repeat(5_000) })),
            real.with_header(&json!({ "kid": "x".repeat(5_000) })),
        ]
    })
    .await;
}

#[tokio::test]
async fn what_is_no_token_at_all() {
    refuse(|real| {
        let header = URL_SAFE_NO_PAD.encode(real.header.to_string());
        [
            "x",
            "..",
            "...",
            "{}.{}.{}",
            "null",
            "AA.AA.AA",
            &header,
            &format!("{header}.."),
            &format!("..{}", real.text(2)),
        ]
        .map(str::to_owned)
        .into()
    })
    .await;
}
