//! Headers that say another type, another key, or where to find one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tests::Api;

use super::{
    super::{
        NOT_GENUINE, me, refused,
        tokens::{Genuine, public, sign, sign_with, with},
    },
    refuse,
};

#[tokio::test]
async fn a_wrong_type() {
    refuse(|real| {
        ["JWT", "at+JWT", "application/at+jwt", "id+jwt", "rt+jwt", ""]
            .map(|typ| real.with_header(&json!({ "typ": typ })))
            .into()
    })
    .await;
}

#[tokio::test]
async fn no_type() {
    refuse(|real| vec![real.with_header(&json!({ "typ": null }))]).await;
}

#[tokio::test]
async fn an_unknown_key_id() {
    refuse(|real| ["other", "TEST", "test ", "", "test,ed"].map(|kid| real.with_header(&json!({ "kid": kid }))).into())
        .await;
}

#[tokio::test]
async fn a_key_id_with_a_path() {
    refuse(|real| {
        let paths = ["../../etc/passwd", "/dev/null", "./test", "test/../test", "..%2ftest", "file:///dev/null"];
        // A server that reads `/dev/null` has the empty key.
        paths
            .into_iter()
            .flat_map(|kid| {
                let header = with(&real.header, &json!({ "kid": kid }));
                [sign(&header, &real.claims, &real.key), sign(&header, &real.claims, b"")]
            })
            .collect()
    })
    .await;
}

#[tokio::test]
async fn a_key_id_with_a_query() {
    refuse(|real| {
        ["' OR '1'='1", "x' UNION SELECT 'secret' --", "test'; DROP TABLE users; --", "*"]
            .into_iter()
            .flat_map(|kid| {
                let header = with(&real.header, &json!({ "kid": kid }));
                [sign(&header, &real.claims, &real.key), sign(&header, &real.claims, b"secret")]
            })
            .collect()
    })
    .await;
}

#[tokio::test]
async fn no_key_id() {
    refuse(|real| vec![real.with_header(&json!({ "kid": null })), real.with_header(&json!({ "kid": 1 }))]).await;
}

#[tokio::test]
async fn a_key_embedded_in_the_header() {
    refuse(|real| {
        // The attacker's own pair, and a secret as an octet key: the token is right by the key that it brings along.
        let secret = Sha256::digest(b"another");
        let octets = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) });
        let (x, _) = public("ed");
        let pair = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        vec![
            sign(&with(&real.header, &json!({ "jwk": octets })), &real.claims, &secret),
            sign(&with(&real.header, &json!({ "jwk": octets, "kid": null })), &real.claims, &secret),
            sign_with("ed", &with(&real.header, &json!({ "jwk": pair, "alg": "EdDSA" })), &real.claims),
            sign_with("ed", &with(&real.header, &json!({ "jwk": pair, "alg": "EdDSA", "kid": null })), &real.claims),
            // Not even a right signature makes up for it.
            real.with_header(&json!({ "jwk": octets })),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_url_of_keys_in_the_header() {
    let api = Api::start().await;
    let user = api.user().await;
    let real = Genuine::of(&user);
    // Where the keys would be: nobody may look there.
    let trap = api.provider.script(testkit::upstream::Script::reply(&["{\"keys\":[]}"])).await;
    let url = format!("{}/play/{trap}/keys", api.provider.url());
    for header in [json!({ "jku": url }), json!({ "jku": url, "kid": "far" }), json!({ "jku": "file:///dev/null" })] {
        let other = sign(&with(&real.header, &header), &real.claims, &Sha256::digest(b"another"));
        refused(me(&api, &other).await, "invalid_token", NOT_GENUINE).await;
        refused(me(&api, &real.with_header(&header)).await, "invalid_token", NOT_GENUINE).await;
    }
    assert_eq!(api.provider.count(&trap).await, 0);
}

#[tokio::test]
async fn a_certificate_in_the_header() {
    refuse(|real| {
        [
            json!({ "x5u": "https://evil.example.com/chain.pem" }),
            json!({ "x5c": ["MIIB"] }),
            json!({ "x5t": "AAAA" }),
            json!({ "x5t#S256": "AAAA" }),
        ]
        .map(|changes| real.with_header(&changes))
        .into()
    })
    .await;
}

#[tokio::test]
async fn a_critical_extension() {
    refuse(|real| {
        [
            json!({ "crit": ["b64"], "b64": false }),
            json!({ "crit": ["exp"] }),
            json!({ "crit": [] }),
            json!({ "zip": "DEF" }),
        ]
        .map(|changes| real.with_header(&changes))
        .into()
    })
    .await;
}
