//! Attacks on access tokens, one test each. Whatever is wrong with a token, the answer is the same: 401 `invalid_token`, but for a
//! genuine one whose time is over (`token_expired`); and the genuine token goes on working. They stand in modules by their kind; here is what these have in common.

mod algorithms;
mod claims;
mod forms;
mod headers;
mod keys;

use serde_json::{Value, json};
use tests::Api;

use super::{
    EXPIRED, NOT_GENUINE, me, refused,
    tokens::{Genuine, key, message, sign, sign_with, with},
};

/// Every one of these tokens is refused.
async fn refuse(forge: impl Fn(&Genuine) -> Vec<String>) {
    refuse_as("invalid_token", NOT_GENUINE, forge).await;
}

/// The same, with this code and sentence.
async fn refuse_as(code: &str, detail: &str, forge: impl Fn(&Genuine) -> Vec<String>) {
    let api = Api::start().await;
    let user = api.user().await;
    for forged in forge(&Genuine::of(&user)) {
        let answer = me(&api, &forged).await;
        assert_eq!(answer.status, 401, "{forged}");
        refused(answer, code, detail).await;
    }
    assert_eq!(me(&api, user.access_token()).await.status, 200);
}

/// A token without a signature, or with another's.
fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{signature}", message(&header.to_string(), &claims.to_string()))
}

/// The other side of all this: the forges are right but for one thing.
#[tokio::test]
async fn a_right_token_of_every_key_of_the_ring_is_accepted() {
    let api = Api::start().await;
    let user = api.user().await;
    let real = Genuine::of(&user);
    for (id, alg) in [("ed", "EdDSA"), ("es", "ES256")] {
        let header = with(&real.header, &json!({ "kid": id, "alg": alg }));
        assert_eq!(me(&api, &sign_with(id, &header, &real.claims)).await.status, 200, "{id}");
    }
    assert_eq!(me(&api, &sign(&real.header, &real.claims, &key("test"))).await.status, 200);
}
