//! `GET /.well-known/jwks.json`: what others can verify access tokens with.

use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use tests::Api;

use super::{me, tokens};

#[tokio::test]
async fn the_public_keys_of_the_ring_are_published_and_no_secret() {
    let api = Api::start().await;
    let answer = api.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let (status, body) = answer.json().await;
    assert_eq!(status, 200);
    let (ed, (x, y)) = (tokens::public("ed").0, tokens::public("es"));
    let wanted = json!({ "keys": [
        { "kid": "ed", "use": "sig", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": ed },
        { "kid": "es", "use": "sig", "alg": "ES256", "kty": "EC", "crv": "P-256", "x": x, "y": y },
    ] });
    assert_eq!(body, wanted);
}

#[tokio::test]
async fn without_a_key_pair_there_are_no_public_keys() {
    let ring = "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let Some(api) = Api::with_settings(&[("LITTORAL_JWT_KEYS", ring)]).await else {
        return println!("not here: a running host has its own settings");
    };
    assert_eq!(api.get("/.well-known/jwks.json").await.json().await, (200, json!({ "keys": [] })));
}

#[tokio::test]
async fn whoever_has_the_public_keys_can_verify_a_token() {
    for ring in [
        "new:ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "new:es256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ] {
        let Some(api) = Api::with_settings(&[("LITTORAL_JWT_KEYS", ring)]).await else {
            return println!("not here: a running host has its own settings");
        };
        let user = api.user().await;
        assert_eq!(me(&api, user.access_token()).await.status, 200);
        let (_, keys) = api.get("/.well-known/jwks.json").await.json().await;
        let keys: JwkSet = serde_json::from_value(keys).unwrap();
        let header = jsonwebtoken::decode_header(user.access_token()).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).expect("the key that signed");
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&["littoral"]);
        let key = DecodingKey::from_jwk(key).unwrap();
        let claims = jsonwebtoken::decode::<Value>(user.access_token(), &key, &validation).unwrap().claims;
        assert_eq!(claims["role"], "user");
    }
}
