//! ID tokens that are none: forged, stolen from another app, expired.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    super::{
        refused,
        tokens::{self, with},
    },
    claims, fresh_subject, jwk, now, present, sign, sign_as, signed_in, start,
};

pub const SIGNATURE: &str = "The ID token is not signed by this provider.";
const FORM: &str = "This is no ID token. Send the JWT that the provider gave to your app.";
const ISSUER: &str = "The ID token is of another issuer than this provider.";
const AUDIENCE: &str = "The ID token was made for another app. If it is yours, have the operator add its client id.";
const TIME: &str = "The ID token has expired or is not valid yet. Sign in at the provider again.";
const NONCE: &str = "The nonce is not the ID token's. Send the one that the sign-in was begun with.";

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn hmac(header: &Value, claims: &Value, key: &[u8]) -> String {
    let text = format!("{}.{}", encoded(header), encoded(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn claims_that_do_not_fit_are_refused() {
    let api = start().await;
    let subject = fresh_subject();
    for (change, why) in [
        (json!({ "iss": "https://other.example.com" }), ISSUER),
        (json!({ "iss": "https://test.example.com/" }), ISSUER),
        (json!({ "iss": null }), ISSUER),
        (json!({ "aud": "somebody-else" }), AUDIENCE),
        (json!({ "aud": ["somebody-else"] }), AUDIENCE),
        (json!({ "aud": ["app-ios", "somebody-else"] }), AUDIENCE),
        (json!({ "aud": null }), AUDIENCE),
        (json!({ "aud": "littoral" }), AUDIENCE),
        (json!({ "exp": now() - 1 }), TIME),
        (json!({ "exp": null }), TIME),
        (json!({ "iat": now() + 3600 }), TIME),
        (json!({ "iat": null }), TIME),
        (json!({ "nbf": now() + 3600 }), TIME),
        (json!({ "nonce": "somebody-elses" }), NONCE),
        (json!({ "sub": null }), FORM),
        (json!({ "sub": 7 }), FORM),
        (json!({ "events": {} }), FORM),
    ] {
        let token = sign(&claims("test", &subject, &change), "ed25519");
        refused(present(&api, "test", &token).await, "invalid_id_token", why).await;
    }
    signed_in(&api, "test", &sign(&claims("test", &subject, &json!({})), "ed25519"), 201).await;
}

#[tokio::test]
async fn forged_signatures_are_refused() {
    let api = start().await;
    let subject = fresh_subject();
    let claims = claims("test", &subject, &json!({}));
    let good = sign(&claims, "rsa");
    let (message, signature) = good.rsplit_once('.').unwrap();
    let head = |alg: &str, kid: Value| json!({ "typ": "JWT", "alg": alg, "kid": kid });
    let (rsa, ed) = (jwk("rsa"), jwk("ed25519"));
    let modulus = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
    let others = with(&claims, &json!({ "sub": "somebody-else" }));
    let mut tampered = good.clone();
    let at = good.len() - 10;
    tampered.replace_range(at..=at, if &good[at..=at] == "A" { "B" } else { "A" });
    for (what, forged) in [
        ("alg none", format!("{}.{}.", encoded(&head("none", json!("rsa"))), encoded(&claims))),
        (
            "alg none with a signature",
            format!("{}.{}.{signature}", encoded(&head("none", json!("rsa"))), encoded(&claims)),
        ),
        ("the modulus as an HMAC secret", hmac(&head("HS256", json!("rsa")), &claims, &modulus)),
        ("the JWK as an HMAC secret", hmac(&head("HS256", json!("rsa")), &claims, rsa.to_string().as_bytes())),
        ("an HMAC key of the set", hmac(&head("HS256", json!("hmac")), &claims, &[0, 0, 0])),
        ("an HMAC called RSA", hmac(&head("RS256", json!("rsa")), &claims, &modulus)),
        ("our own key", hmac(&head("HS256", json!("test")), &claims, &tokens::key("test"))),
        ("another algorithm of the same key", sign_as(&head("PS256", json!("rsa")), &claims, "rsa")),
        ("another kind of key", sign_as(&head("RS256", json!("ed25519")), &claims, "rsa")),
        ("an unknown key", sign_as(&head("EdDSA", json!("other")), &claims, "other")),
        ("another provider's key under a known id", sign_as(&head("EdDSA", json!("ed25519")), &claims, "other")),
        ("a path as the key's id", sign_as(&head("EdDSA", json!("../ed25519")), &claims, "ed25519")),
        ("no key's id", sign_as(&json!({ "alg": "EdDSA" }), &claims, "ed25519")),
        ("a key of its own", sign_as(&with(&head("EdDSA", Value::Null), &json!({ "jwk": ed })), &claims, "ed25519")),
        ("another's claims", format!("{}.{}.{signature}", message.split('.').next().unwrap(), encoded(&others))),
        ("a tampered signature", tampered),
        ("no signature", format!("{message}.")),
        ("half a signature", good[..good.len() - 100].to_owned()),
        ("padding", format!("{good}=")),
    ] {
        let answer = present(&api, "test", &forged).await;
        assert_eq!(answer.status, 401, "{what}");
        refused(answer, "invalid_id_token", SIGNATURE).await;
    }
    signed_in(&api, "test", &good, 201).await;
}

#[tokio::test]
async fn what_is_no_id_token_is_refused() {
    let api = start().await;
    let claims = claims("test", &fresh_subject(), &json!({}));
    let head =
        |changes: Value| sign_as(&with(&json!({ "alg": "EdDSA", "kid": "ed25519" }), &changes), &claims, "ed25519");
    let good = head(json!({}));
    let raw =
        |payload: &[u8]| format!("{}.{}.AAAA", encoded(&json!({ "alg": "EdDSA" })), URL_SAFE_NO_PAD.encode(payload));
    for (what, token) in [
        ("an access token of the provider", head(json!({ "typ": "at+jwt" }))),
        ("a logout token", head(json!({ "typ": "logout+jwt" }))),
        ("something critical", head(json!({ "crit": ["exp"] }))),
        ("a key's id that is a number", head(json!({ "kid": 5 }))),
        ("no algorithm", head(json!({ "alg": null }))),
        ("an algorithm that is a list", head(json!({ "alg": ["EdDSA"] }))),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("a fourth part", format!("x.{good}")),
        ("garbage", "x".into()),
        ("dots", "...".into()),
        ("JSON", "{}.{}.{}".into()),
        ("no claims", raw(b"")),
        ("claims that are no object", raw(b"[]")),
        ("claims that are no UTF-8", raw(b"{\"sub\":\"\xff\"}")),
        ("deep claims", raw(&b"[".repeat(5_000))),
        ("much", "A".repeat(8_192)),
    ] {
        let answer = present(&api, "test", &token).await;
        assert_eq!(answer.status, 401, "{what}");
        refused(answer, "invalid_id_token", FORM).await;
    }
    assert_eq!(present(&api, "test", &"A".repeat(8_193)).await.status, 422);
    signed_in(&api, "test", &good, 201).await;
}
