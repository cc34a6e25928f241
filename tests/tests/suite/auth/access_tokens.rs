//! Access tokens that are none: missing, forged, expired. The key is the one of the settings, so that every forgery but one
//! thing is right.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, digest::Digest};
use tests::{Api, settings::SETTINGS};

use super::{me, refused};

/// The key of the host under test.
pub fn key() -> Vec<u8> {
    let (_, ring) = SETTINGS.iter().find(|(name, _)| *name == "LITTORAL_JWT_KEYS").expect("a key");
    URL_SAFE_NO_PAD.decode(ring.strip_prefix("test:").expect("its id")).expect("base64url")
}

pub fn part(text: &str, at: usize) -> Value {
    let part = text.split('.').nth(at).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

pub fn sign(header: &Value, claims: &Value, key: &[u8]) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A copy of an object with some members replaced; null takes a member away.
pub fn with(object: &Value, changes: &Value) -> Value {
    let mut object = object.as_object().expect("an object").clone();
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    object.into()
}

#[tokio::test]
async fn a_token_says_what_rfc_9068_asks_and_nothing_secret() {
    let api = Api::start().await;
    let user = api.user().await;
    let (header, claims) = (part(user.access_token(), 0), part(user.access_token(), 1));
    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "HS256", "kid": "test" }));
    let mut members: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["aud", "auth_time", "exp", "gen", "iat", "iss", "role", "sid", "sub"]);
    assert_eq!((&claims["role"], &claims["gen"]), (&json!("user"), &json!(0)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(claims["sub"], user.get("/api/v1/auth/me").await.json().await.1["user_id"]);
    // The forge below works: with the right key and claims it is the real thing.
    assert_eq!(me(&api, &sign(&header, &claims, &key())).await.status, 200);
}

#[tokio::test]
async fn forged_and_expired_tokens_are_refused() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = user.access_token();
    let (header, claims) = (part(token, 0), part(token, 1));
    let now = claims["iat"].as_i64().unwrap();
    let (other, key) = (api.user().await, key());
    let head = |changes: Value| sign(&with(&header, &changes), &claims, &key);
    let body = |changes: Value| sign(&header, &with(&claims, &changes), &key);
    let signature = token.rsplit('.').next().unwrap();
    let mut tampered = token.to_owned();
    let at = token.len() - 10;
    tampered.replace_range(at..=at, if &token[at..=at] == "A" { "B" } else { "A" });
    let unsigned = |alg: &str| {
        let header = URL_SAFE_NO_PAD.encode(with(&header, &json!({ "alg": alg })).to_string());
        format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
    };
    let sha384 = {
        let header = with(&header, &json!({ "alg": "HS384" }));
        let text =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut mac = Hmac::<Sha384>::new_from_slice(&key).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let others_claims = token
        .split('.')
        .enumerate()
        .map(|(at, part)| if at == 1 { other.access_token().split('.').nth(1).unwrap() } else { part });
    for (what, forged) in [
        ("tampered signature", tampered),
        ("another's claims", others_claims.collect::<Vec<_>>().join(".")),
        ("no signature", unsigned("HS256")),
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg none with a signature", head(json!({ "alg": "none" }))),
        ("another algorithm", sha384),
        ("an algorithm that is a lie", head(json!({ "alg": "RS256" }))),
        ("no algorithm", head(json!({ "alg": null }))),
        ("another key", sign(&header, &claims, &Sha256::digest(b"another"))),
        ("the empty key", sign(&header, &claims, b"")),
        ("no key id", head(json!({ "kid": null }))),
        ("an unknown key id", head(json!({ "kid": "../../etc/passwd" }))),
        ("the type of an id token", head(json!({ "typ": "JWT" }))),
        ("no type", head(json!({ "typ": null }))),
        ("expired a second ago", body(json!({ "iat": now - 901, "exp": now - 1 }))),
        ("expired long ago", body(json!({ "iat": 0, "exp": 1 }))),
        ("no expiry", body(json!({ "exp": null }))),
        ("an expiry that is a text", body(json!({ "exp": "9999999999" }))),
        ("issued in the future", body(json!({ "iat": now + 3600, "exp": now + 7200 }))),
        ("no time of issue", body(json!({ "iat": null }))),
        ("another audience", body(json!({ "aud": "somebody-else" }))),
        ("no audience", body(json!({ "aud": null }))),
        ("another issuer", body(json!({ "iss": "https://evil.example.com" }))),
        ("no issuer", body(json!({ "iss": null }))),
        ("no subject", body(json!({ "sub": null }))),
        ("a subject that is no id", body(json!({ "sub": "1" }))),
        ("a subject that is a number", body(json!({ "sub": 1 }))),
        ("no session", body(json!({ "sid": null }))),
        ("a session that is no id", body(json!({ "sid": "1" }))),
        ("a fourth part", format!("{token}.{signature}")),
        ("two parts", token.rsplit_once('.').unwrap().0.to_owned()),
        ("garbage", "x".to_owned()),
        ("three empty parts", "..".to_owned()),
        ("JSON", "{}.{}.{}".to_owned()),
        ("padding", format!("{token}=")),
        ("much", "A".repeat(7_000)),
    ] {
        let answer = me(&api, &forged).await;
        assert_eq!(answer.status, 401, "{what}");
        refused(answer, "invalid_token", "Invalid or expired token").await;
    }
    assert_eq!(me(&api, token).await.status, 200);
}

#[tokio::test]
async fn a_token_of_a_user_who_is_gone_is_refused() {
    let api = Api::start().await;
    let user = api.user().await;
    let claims = with(&part(user.access_token(), 1), &json!({ "sub": "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e" }));
    let token = sign(&part(user.access_token(), 0), &claims, &key());
    refused(me(&api, &token).await, "user_not_found", "User not found").await;
}

#[tokio::test]
async fn only_a_bearer_token_in_the_header_counts() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = user.access_token();
    for authorization in [
        token.to_owned(),
        format!("Token {token}"),
        format!("Basic {token}"),
        "Bearer".into(),
        format!("Bearer: {token}"),
        format!("Bearer={token}"),
    ] {
        let headers = [("authorization", authorization.as_str())];
        let answer = api.send(Method::GET, "/api/v1/auth/me", &headers, Vec::new()).await;
        refused(answer, "not_authenticated", "Not authenticated").await;
    }
    for path in [format!("/api/v1/auth/me?access_token={token}"), format!("/api/v1/auth/me?token={token}")] {
        assert_eq!(api.get(&path).await.status, 401);
    }
    let cookie = format!("access_token={token}");
    assert_eq!(api.send(Method::GET, "/api/v1/auth/me", &[("cookie", &cookie)], Vec::new()).await.status, 401);
    // The scheme's name knows no case (RFC 9110, 11.1).
    for scheme in ["bearer", "BEARER"] {
        let authorization = format!("{scheme} {token}");
        let headers = [("authorization", authorization.as_str())];
        assert_eq!(api.send(Method::GET, "/api/v1/auth/me", &headers, Vec::new()).await.status, 200);
    }
}
