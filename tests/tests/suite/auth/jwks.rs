//! `GET /.well-known/jwks.json`: what others can verify access tokens with.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use tests::{Api, User};

use super::{NOT_GENUINE, me, refused, tokens};

/// The tokens of a user are signed with this algorithm, whoever has the published keys can verify them, and they are good for
/// what tokens are good for.
async fn signs_with(api: &Api, user: &User, algorithm: Algorithm) {
    let (_, keys) = api.get("/.well-known/jwks.json").await.json().await;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    for user in [user.clone(), user.refreshed().await] {
        let token = user.access_token();
        assert_eq!(me(api, token).await.status, 200);
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.alg, algorithm);
        let key = keys.find(header.kid.as_deref().unwrap()).expect("the key that signed");
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&["littoral"]);
        let key = DecodingKey::from_jwk(key).unwrap();
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims;
        assert_eq!(claims["role"], "user");
        // Its signature is looked at: that of another token is none of this one.
        let (signed, _) = token.rsplit_once('.').unwrap();
        let wrong = format!("{signed}.{}", "A".repeat(86));
        refused(me(api, &wrong).await, "invalid_token", NOT_GENUINE).await;
    }
}

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

mod private {
    use super::*;
    use crate::auth::sign_up::private::user;

    #[tokio::test]
    async fn ed25519_signs_where_its_key_is_the_first() {
        let api = Api::with_profile("private").await;
        signs_with(&api, &user(&api).await, Algorithm::EdDSA).await;
    }

    #[tokio::test]
    async fn a_key_that_signs_no_more_still_verifies() {
        let api = Api::with_profile("private").await;
        let user = user(&api).await;
        let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": "test" });
        let older = tokens::sign(&header, &tokens::claims(user.access_token()), &tokens::key("test"));
        assert_eq!(me(&api, &older).await.status, 200);
    }
}

mod guarded {
    use super::*;
    use crate::auth::captcha::{send, vouched_for};

    #[tokio::test]
    async fn es256_signs_where_its_key_is_the_first() {
        let api = Api::with_profile("guarded").await;
        let email = Api::fresh_email();
        let (status, tokens) = send(&api, "register", &email, Some(&vouched_for(&api).await)).await.json().await;
        assert_eq!(status, 201, "{tokens}");
        signs_with(&api, &User { api: api.clone(), email, tokens }, Algorithm::ES256).await;
    }
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn without_a_key_pair_there_are_no_public_keys() {
        let api = Api::with_profile("tight").await;
        assert_eq!(api.get("/.well-known/jwks.json").await.json().await, (200, json!({ "keys": [] })));
    }
}
