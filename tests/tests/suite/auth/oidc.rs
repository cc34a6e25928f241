//! Signing in by another provider's ID token. The tests play the provider: its keys are fixtures, and the scripted upstream
//! has their public halves.

mod attacks;
mod linking;
mod step_up;

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, crypto::rust_crypto::DEFAULT_PROVIDER, jwk::Jwk};
use serde_json::{Value, json};
use std::time::SystemTime;
use testkit::upstream::Script;
use tests::{Answer, Api, User};

use super::{
    NOT_GENUINE, check_tokens, refused,
    tokens::{signed, with},
};

/// The three algorithms, each with the key of its file's name as the key's id; `other` is not the provider's.
fn key(id: &str) -> (EncodingKey, Algorithm) {
    let (pem, algorithm) = match id {
        "rsa" => (include_str!("../../../fixtures/oidc/rsa.pem"), Algorithm::RS256),
        "p256" => (include_str!("../../../fixtures/oidc/p256.pem"), Algorithm::ES256),
        "ed25519" => (include_str!("../../../fixtures/oidc/ed25519.pem"), Algorithm::EdDSA),
        "other" => (include_str!("../../../fixtures/oidc/other.pem"), Algorithm::EdDSA),
        _ => panic!("no key {id}"),
    };
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(text).expect("base64");
    let key = match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_der(&der),
        Algorithm::ES256 => EncodingKey::from_ec_der(&der),
        _ => EncodingKey::from_ed_der(&der),
    };
    (key, algorithm)
}

/// The public half, as a provider shows it.
pub fn jwk(id: &str) -> Value {
    let (key, algorithm) = key(id);
    let jwk = if algorithm == Algorithm::RS256 {
        let parts = DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_private_key;
        let (n, e) = parts(key.as_bytes()).expect("a public half");
        let [n, e] = [n, e].map(|part| URL_SAFE_NO_PAD.encode(part));
        json!({ "kty": "RSA", "alg": "RS256", "n": n, "e": e })
    } else {
        serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).expect("a public half")).expect("JSON")
    };
    with(&jwk, &json!({ "kid": id, "use": "sig" }))
}

fn jwks(ids: &[&str]) -> Script {
    let foreign = [json!({ "kty": "oct", "k": "AAAA", "kid": "hmac" }), json!({ "kty": "new" }), json!(5)];
    let keys: Vec<Value> = ids.iter().map(|id| jwk(id)).chain(foreign).collect();
    Script::json(200, &json!({ "keys": keys }))
}

/// The API, and the providers `test` and `other` as they always are.
pub async fn start() -> Api {
    let api = Api::start().await;
    api.provider.play("jwks-test", jwks(&["rsa", "p256", "ed25519"])).await;
    api.provider.play("jwks-other", jwks(&["other"])).await;
    api
}

fn now() -> i64 {
    i64::try_from(SystemTime::UNIX_EPOCH.elapsed().expect("a time").as_secs()).expect("a time")
}

/// A subject that no other test has.
fn fresh_subject() -> String {
    Api::fresh_email().split('@').next().expect("a name").to_owned()
}

/// What a token of a provider says; null takes a claim away.
fn claims(provider: &str, subject: &str, changes: &Value) -> Value {
    let plain = json!({
        "iss": format!("https://{provider}.example.com"), "aud": "app-ios", "sub": subject, "iat": now(), "exp": now() + 600,
    });
    with(&plain, changes)
}

fn sign_as(header: &Value, claims: &Value, id: &str) -> String {
    let (key, algorithm) = key(id);
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = signed(&text, &key, algorithm);
    format!("{text}.{signature}")
}

fn sign(claims: &Value, id: &str) -> String {
    sign_as(&json!({ "typ": "JWT", "alg": key(id).1, "kid": id }), claims, id)
}

/// A good token of a provider.
fn token(provider: &str, subject: &str, changes: &Value) -> String {
    sign(&claims(provider, subject, changes), if provider == "test" { "ed25519" } else { "other" })
}

/// What a provider says of an address that it vouches for.
fn verified(email: &str) -> Value {
    json!({ "email": email, "email_verified": true })
}

async fn present(api: &Api, provider: &str, token: &str) -> Answer {
    api.post(&format!("/api/v1/auth/oidc/{provider}"), &json!({ "id_token": token })).await
}

/// Signs in, with the status that tells whether the account is new.
async fn signed_in(api: &Api, provider: &str, token: &str, expected: u16) -> User {
    let (status, tokens) = present(api, provider, token).await.json().await;
    assert_eq!(status, expected, "{tokens}");
    check_tokens(&tokens);
    User { api: api.clone(), email: String::new(), tokens }
}

/// A user without a password, signed in by the provider `test`.
pub async fn fresh_user(api: &Api) -> User {
    signed_in(api, "test", &token("test", &fresh_subject(), &json!({})), 201).await
}

async fn me(user: &User) -> Value {
    let (status, me) = user.get("/api/v1/auth/me").await.json().await;
    assert_eq!(status, 200, "{me}");
    me
}

async fn identities(user: &User) -> Vec<Value> {
    let (status, list) = user.get("/api/v1/auth/identities").await.json().await;
    assert_eq!(status, 200, "{list}");
    list["identities"].as_array().expect("identities").clone()
}

#[tokio::test]
async fn a_first_token_makes_an_account_and_the_next_signs_in_to_it() {
    let api = start().await;
    for id in ["rsa", "p256", "ed25519"] {
        let (subject, email) = (fresh_subject(), Api::fresh_email());
        let said =
            json!({ "email": email.to_uppercase(), "email_verified": "true", "name": "Ada", "aud": ["app-android"] });
        let user = signed_in(&api, "test", &sign(&claims("test", &subject, &said), id), 201).await;
        let first = me(&user).await;
        assert_eq!((&first["email"], &first["email_verified"]), (&json!(email), &json!(true)), "{id}");
        assert_eq!(first["role"], "user");
        // Later tokens may say less, as Apple's do.
        let again = signed_in(&api, "test", &sign(&claims("test", &subject, &json!({})), id), 200).await;
        assert_eq!(me(&again).await, first);
        let list = identities(&again).await;
        assert_eq!(list.len(), 1);
        assert_eq!((&list[0]["provider"], &list[0]["email"]), (&json!("test"), &json!(email)));
        assert_eq!(list[0]["name"], "Ada");
        // There is no password that signs in to it.
        for password in ["", "x", "guest"] {
            let body = json!({ "email": email, "password": password });
            assert_ne!(api.post("/api/v1/auth/login", &body).await.status, 200);
        }
    }
}

#[tokio::test]
async fn google_vouches_only_for_addresses_that_it_hosts() {
    let api = start().await;
    api.provider.play("jwks-workspace", jwks(&["other"])).await;
    let of_google = |changes: &Value| {
        let issued = json!({ "iss": "https://accounts.google.com", "email_verified": true });
        token("workspace", &fresh_subject(), &with(&issued, changes))
    };
    let (hosted, foreign) = (Api::fresh_email(), Api::fresh_email());
    let gmail = hosted.replace("@example.com", "@gmail.com");
    for (said, email) in [
        (json!({ "email": hosted, "hd": "example.com" }), json!(hosted)),
        (json!({ "email": gmail }), json!(gmail)),
        (json!({ "email": foreign }), Value::Null),
    ] {
        let user = signed_in(&api, "workspace", &of_google(&said), 201).await;
        let me = me(&user).await;
        assert_eq!((&me["email"], &me["email_verified"]), (&email, &json!(email.is_string())), "{said}");
        assert_eq!(identities(&user).await[0]["email"], said["email"], "it is shown");
    }
    // Nor does such an address join an account.
    let owner = api.verified_user().await;
    let stranger = signed_in(&api, "workspace", &of_google(&json!({ "email": owner.email })), 201).await;
    assert_ne!(stranger.id().await, owner.id().await);
}

#[tokio::test]
async fn a_name_that_only_the_app_was_told_is_kept() {
    let api = start().await;
    let body = json!({ "id_token": token("test", &fresh_subject(), &json!({})), "name": " Ada\u{7} Lovelace " });
    let (status, tokens) = api.post("/api/v1/auth/oidc/test", &body).await.json().await;
    assert_eq!(status, 201, "{tokens}");
    let user = User { api, email: String::new(), tokens };
    assert_eq!(identities(&user).await[0]["name"], "Ada Lovelace");
}

#[tokio::test]
async fn a_provider_that_says_no_address_makes_an_account_without_one() {
    let api = start().await;
    let user = signed_in(&api, "test", &token("test", &fresh_subject(), &json!({})), 201).await;
    let me = me(&user).await;
    assert_eq!((&me["email"], &me["email_verified"], &me["role"]), (&Value::Null, &json!(false), &json!("user")));
}

#[tokio::test]
async fn the_same_subject_of_two_providers_is_two_people() {
    let api = start().await;
    let subject = fresh_subject();
    let one = signed_in(&api, "test", &token("test", &subject, &json!({})), 201).await;
    let two = signed_in(&api, "other", &token("other", &subject, &json!({})), 201).await;
    assert_ne!(me(&one).await["user_id"], me(&two).await["user_id"]);
}

#[tokio::test]
async fn a_nonce_is_asked_for_in_the_clear_or_hashed() {
    let api = start().await;
    // SHA-256.
    let hashed = "200651a8b2d5912f692db89468a7d47d86a3ed6844f48f1b15f2be1d9c9a7e5e";
    let subject = fresh_subject();
    let with_nonce = |nonce: &str| token("test", &subject, &json!({ "nonce": nonce }));
    let plain = token("test", &subject, &json!({}));
    for (token, nonce, status) in [
        (with_nonce("once"), Some("once"), 201),
        (with_nonce(hashed), Some("once"), 200),
        (with_nonce("once"), Some("twice"), 401),
        (with_nonce("once"), None, 401),
        (with_nonce("once"), Some(hashed), 401),
        (plain.clone(), Some("once"), 401),
        (plain, None, 200),
    ] {
        let body = json!({ "id_token": token, "nonce": nonce });
        let (found, body) = api.post("/api/v1/auth/oidc/test", &body).await.json().await;
        assert_eq!(found, status, "{nonce:?}: {body}");
    }
}

#[tokio::test]
async fn of_many_first_sign_ins_at_once_one_makes_the_account() {
    let api = start().await;
    for said in [json!({}), verified(&Api::fresh_email())] {
        let subject = fresh_subject();
        let tokens: Vec<_> = (0..5).map(|_| token("test", &subject, &said)).collect();
        let answers = join_all(tokens.iter().map(|token| present(&api, "test", token))).await;
        let (mut statuses, mut users) = (Vec::new(), Vec::new());
        for answer in answers {
            let (status, tokens) = answer.json().await;
            let user = User { api: api.clone(), email: String::new(), tokens };
            statuses.push(status);
            users.push(me(&user).await["user_id"].clone());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 201]);
        assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
    }
}

#[tokio::test]
async fn new_keys_of_a_provider_are_looked_up_and_not_more_often_than_once_a_minute() {
    let api = Api::start().await;
    let id = "jwks-rotating";
    api.provider.play(id, jwks(&["ed25519"]).then(jwks(&["ed25519", "other"]))).await;
    let subject = fresh_subject();
    let token = |id: &str| sign(&claims("rotating", &subject, &json!({})), id);
    signed_in(&api, "rotating", &token("ed25519"), 201).await;
    signed_in(&api, "rotating", &token("ed25519"), 200).await;
    signed_in(&api, "rotating", &token("other"), 200).await;
    signed_in(&api, "rotating", &token("ed25519"), 200).await;
    // The next unknown one has to wait for its look.
    refused(present(&api, "rotating", &token("p256")).await, "invalid_id_token", attacks::SIGNATURE).await;
    if api.base_url().is_none() {
        assert_eq!(api.provider.count(id).await, 2);
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_no_fault_of_the_token() {
    let api = Api::start().await;
    let token = sign(&claims("down", &fresh_subject(), &json!({})), "ed25519");
    for script in [
        Script::error(500, "server_error", "down"),
        Script::json(404, &json!({})),
        Script::json(302, &json!({})).header("location", "/play/jwks-test"),
        Script::new().head(200).content_type("text/html").send("<h1>Hello</h1>"),
        Script::json(200, &json!({ "keys": [] })),
        Script::json(200, &json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "ed25519" }] })),
        Script::json(200, &json!({ "keys": [jwk("ed25519")], "pad": "x".repeat(70_000) })),
        jwks(&["ed25519"]).cut_at(50),
        Script::new().reset(),
    ] {
        api.provider.play("jwks-down", script.clone()).await;
        let answer = present(&api, "down", &token).await;
        assert!(answer.header("retry-after").is_some(), "{script:?}");
        let (status, problem) = answer.json().await;
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{script:?}: {problem}");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_configured_is_not_found() {
    let api = start().await;
    let token = token("test", &fresh_subject(), &json!({}));
    for name in ["google", "apple", "nobody", "Test", "%00", "%ff", "test%20", "..%2Ftest"] {
        let (status, problem) = present(&api, name, &token).await.json().await;
        let found = (status, &problem["code"], &problem["detail"]);
        assert_eq!(found, (404, &json!("not_found"), &json!("Identity provider not found")), "{name}");
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let api = start().await;
    let token = token("test", &fresh_subject(), &json!({}));
    signed_in(&api, "test", &token, 201).await;
    refused(super::me(&api, &token).await, "invalid_token", NOT_GENUINE).await;
}

#[tokio::test]
async fn tokens_nonces_and_people_do_not_get_into_errors_or_the_log() {
    let api = start().await;
    let (subject, email) = (format!("canary-{}", fresh_subject()), format!("canary-{}", Api::fresh_email()));
    let said = with(&verified(&email), &json!({ "nonce": "canary-nonce", "name": "canary-name" }));
    let token = token("test", &subject, &said);
    let bad = token.replace('.', ".A");
    let mut texts = Vec::new();
    for (token, nonce) in [(&token, "canary-nonce"), (&token, "canary-wrong"), (&bad, "canary-nonce")] {
        let body = json!({ "id_token": token, "nonce": nonce });
        let answer = api.post("/api/v1/auth/oidc/test", &body).await;
        if answer.status != 201 {
            texts.push(answer.text().await);
        }
    }
    assert_eq!(texts.len(), 2);
    texts.extend(api.log_lines().unwrap_or_default());
    for secret in ["canary", &token, token.rsplit('.').next().unwrap()] {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{texts:?}");
    }
}

#[tokio::test]
async fn admins_see_who_vouches_for_an_account_and_a_deleted_one_is_vouched_for_no_more() {
    let api = start().await;
    let (admin, email) = (api.admin().await, Api::fresh_email());
    let token = token("test", &fresh_subject(), &verified(&email));
    let user = signed_in(&api, "test", &token, 201).await;
    let path = format!("/api/v1/admin/users/{}", user.id().await);
    let (_, seen) = admin.get(&path).await.json().await;
    assert_eq!((&seen["identities"], &seen["has_password"]), (&json!(["test"]), &json!(false)), "{seen}");
    // The provider proved the address: nobody needs to vouch for it.
    assert_eq!(admin.patch(&path, &json!({ "role": "admin" })).await.status, 200);
    assert_eq!(admin.patch(&path, &json!({ "standing": "suspended" })).await.status, 200);
    let (status, body) = present(&api, "test", &token).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("account_suspended")));

    assert_eq!(admin.delete(&path).await.status, 204);
    let new = signed_in(&api, "test", &token, 201).await;
    assert_eq!(me(&new).await["role"], "user");
    assert_ne!(new.id().await, user_id(&seen));
}

fn user_id(account: &Value) -> &str {
    account["user_id"].as_str().expect("an id")
}

/// Asks with a method, for what needs no token of a provider.
async fn unlink(user: &User, provider: &str) -> (u16, Value) {
    user.send(Method::DELETE, &format!("/api/v1/auth/identities/{provider}"), &[], None).await.json().await
}
