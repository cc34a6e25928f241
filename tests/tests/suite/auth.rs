//! `/api/v1/auth`: registering, signing in and out, who am I.

mod access_tokens;
mod api_keys;
mod captcha;
mod events;
mod guests;
mod jwks;
mod jwt_attacks;
mod lockout;
mod network_lock;
mod oidc;
mod passwords;
mod recovery_codes;
mod refresh;
mod restoration;
mod sensitive;
mod sessions;
mod sign_up;
pub mod step_up;
mod tokens;
mod totp;
mod trusted_devices;
mod verification;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use gateway::Access;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api};

const PASSWORD: &str = "canary-Passw0rd-7";
const SOME_ID: &str = "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e";

async fn register(api: &Api, email: &str) -> Answer {
    api.post("/api/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await
}

async fn login(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
}

/// Exactly the four members that seed 004's clients know, and `expires_in`.
fn check_tokens(tokens: &Value) {
    let members: BTreeSet<_> = tokens.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "token_type"].into());
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(900)));
    assert!(tokens["access_token"].as_str().is_some_and(|token| token.split('.').count() == 3));
    assert!(tokens["refresh_token"].as_str().is_some_and(|token| token.len() > 40));
}

/// What an access token is told whose time is over.
const EXPIRED: &str = "This access token has expired. Refresh and try again.";
/// What an access token that is not genuine is told.
const NOT_GENUINE: &str = "This access token is not valid. Refresh, or sign in again.";

/// 401 in the envelope, with the challenge of RFC 6750: what is wrong is said of an access token or API key, and of nothing else.
async fn refused(answer: Answer, code: &str, detail: &str) {
    let bearer = [
        "invalid_token",
        "token_expired",
        "token_outdated",
        "session_ended",
        "user_not_found",
        "invalid_api_key",
        "api_key_expired",
    ];
    let challenge = if bearer.contains(&code) {
        format!("Bearer error=\"invalid_token\", error_description=\"{detail}\"")
    } else {
        "Bearer".to_owned()
    };
    assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()), "{code}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let (status, body) = answer.json().await;
    assert_eq!((status, &body["code"], &body["detail"]), (401, &json!(code), &json!(detail)), "{body}");
}

async fn me(api: &Api, access: &str) -> Answer {
    api.send(Method::GET, "/api/v1/auth/me", &[("authorization", &format!("Bearer {access}"))], Vec::new()).await
}

#[tokio::test]
async fn registering_returns_tokens_that_work() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    let (status, tokens) = register(&api, &email).await.json().await;
    assert_eq!(status, 201);
    check_tokens(&tokens);
    let (status, me) = me(&api, tokens["access_token"].as_str().unwrap()).await.json().await;
    assert_eq!((status, &me["email"]), (200, &json!(email)));
    assert!(me["id"].as_i64().is_some_and(|id| id > 0), "seed 004's ids are integers: {me}");
    assert!(!me.to_string().contains("argon2"), "{me}");
}

#[tokio::test]
async fn two_users_have_different_ids() {
    let api = Api::start().await;
    let (one, two) = (api.user().await, api.user().await);
    let (one, two) = (one.get("/api/v1/auth/me").await.json().await.1, two.get("/api/v1/auth/me").await.json().await.1);
    assert_ne!(one["id"], two["id"]);
    assert_ne!(one["user_id"], two["user_id"]);
}

#[tokio::test]
async fn a_known_address_is_refused_in_every_spelling() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    assert_eq!(register(&api, &email).await.status, 201);
    for again in [email.clone(), email.to_uppercase(), format!("  {email}\t"), email.replace("user", "User")] {
        let (status, body) = register(&api, &again).await.json().await;
        assert_eq!(
            (status, &body["detail"], &body["code"]),
            (400, &json!("Email already registered"), &json!("email_already_registered")),
            "{again}"
        );
    }
}

#[tokio::test]
async fn of_many_who_register_one_address_at_once_one_gets_it() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    let answers = join_all((0..6).map(|_| register(&api, &email))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400, 400, 400]);
}

#[tokio::test]
async fn signing_in_takes_the_address_in_every_spelling() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    register(&api, &email).await;
    for spelling in [email.clone(), email.to_uppercase(), format!(" {email} ")] {
        let (status, tokens) = login(&api, &spelling, PASSWORD).await.json().await;
        assert_eq!(status, 200, "{spelling}: {tokens}");
        check_tokens(&tokens);
        assert_eq!(me(&api, tokens["access_token"].as_str().unwrap()).await.status, 200);
    }
}

#[tokio::test]
async fn a_password_counts_as_it_is() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    let password = "  Pässwörter 🌊 42 ";
    let body = json!({ "email": email, "password": password });
    assert_eq!(api.post("/api/v1/auth/register", &body).await.status, 201);
    assert_eq!(login(&api, &email, password).await.status, 200);
    for wrong in [password.trim(), &password.to_lowercase(), "  Passworter 🌊 42 ", &format!("{password}x")] {
        assert_eq!(login(&api, &email, wrong).await.status, 401, "{wrong:?}");
        // A right one makes the wrong ones forgotten.
        assert_eq!(login(&api, &email, password).await.status, 200);
    }
}

#[tokio::test]
async fn a_known_and_an_unknown_address_are_refused_alike() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    register(&api, &email).await;
    let mut bodies = BTreeSet::new();
    for (email, password) in [
        (email.as_str(), "a wrong password"),
        (&Api::fresh_email(), PASSWORD),
        (&Api::fresh_email(), "x"),
        ("no address at all", PASSWORD),
    ] {
        let headers = [("content-type", "application/json"), ("x-request-id", "same")];
        let body = json!({ "email": email, "password": password }).to_string();
        let answer = api.send(Method::POST, "/api/v1/auth/login", &headers, body.into()).await;
        assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, Some("Bearer")));
        bodies.insert(answer.text().await);
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(bodies.first().unwrap().contains("\"Invalid email or password\""), "{bodies:?}");
}

#[tokio::test]
async fn short_and_endless_passwords_are_refused() {
    let api = Api::start().await;
    let long = "Amber-Boat+Candle_Dune=Eagle-Fjord+Grove_Hazel=Inlet-Jetty+Kelp_Lagoon=Marsh-North+Otter_Pebble=Quay-Reed+Shoal_Tide=Umber-Vale+".to_owned();
    assert_eq!(long.len(), 128);
    for (password, fits) in [
        ("Mk7-dLo9+".to_owned(), false),
        ("Mk7-dLo9+h".into(), true),
        (long.clone(), true),
        (format!("{long}é"), false),
    ] {
        let answer =
            api.post("/api/v1/auth/register", &json!({ "email": Api::fresh_email(), "password": password })).await;
        let (status, body) = answer.json().await;
        if fits {
            assert_eq!(status, 201, "{body}");
        } else {
            assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/password")), "{body}");
        }
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let api = Api::start().await;
    let long = format!("{}@example.com", "x".repeat(65));
    for email in [
        "",
        " ",
        "ada",
        "@example.com",
        "ada@",
        "ada@host",
        "a b@c.de",
        "a@b@c.de",
        "a@b..de",
        "<a@b.de>",
        "a\u{0}@b.de",
        "a@b.de\r\nbcc: x@y.de",
        &long,
    ] {
        let (status, body) = register(&api, email).await.json().await;
        assert_eq!(status, 422, "{email:?}: {body}");
        let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert!(!pointers.is_empty() && pointers.iter().all(|pointer| **pointer == "/email"), "{email:?}: {body}");
    }
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let api = Api::start().await;
    let user = api.user().await;
    let (_, other) = login(&api, &user.email, PASSWORD).await.json().await;
    let answer = user.post("/api/v1/auth/logout", &json!({})).await;
    assert_eq!(answer.status, 204);
    assert!(answer.bytes().await.is_empty());

    let ended = "This session has ended. Sign in again.";
    refused(user.get("/api/v1/auth/me").await, "session_ended", ended).await;
    refused(user.get("/api/v1/chat/conversations").await, "session_ended", ended).await;
    refused(user.post("/api/v1/auth/logout", &json!({})).await, "session_ended", ended).await;
    let (status, _) = refresh::refresh(&api, user.tokens["refresh_token"].as_str().unwrap()).await.json().await;
    assert_eq!(status, 401);

    assert_eq!(me(&api, other["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(refresh::refresh(&api, other["refresh_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn every_operation_of_a_user_is_closed_to_everybody_else() {
    let api = Api::start().await;
    let closed: Vec<_> = gateway::routes().into_iter().filter(|route| route.access.permission().is_some()).collect();
    assert!(closed.len() >= 13, "the list of routes is too short: {}", closed.len());
    for route in closed {
        let path = route.path.replace("{id}", SOME_ID).replace("{message_id}", SOME_ID).replace("{provider}", "test");
        let body = if route.method == Method::GET { Vec::new() } else { b"{}".to_vec() };
        let answer = api.send(route.method, &path, &[("content-type", "application/json")], body).await;
        refused(answer, "not_authenticated", "Not authenticated").await;
    }
}

mod guarded {
    use super::*;

    #[tokio::test]
    async fn every_way_to_sign_in_is_limited_by_address() {
        let (api, routes) = (Api::with_profile("guarded").await, gateway::routes());
        for route in routes.iter().filter(|route| route.access == Access::SignIn) {
            let path = &route.path.replace("{provider}", "test");
            let api = api.elsewhere();
            let body = json!({ "email": "nobody@example.com", "password": "x", "refresh_token": "x" });
            for _ in 0..3 {
                assert_ne!(api.post(path, &body).await.status, 429, "{path}");
            }
            let answer = api.post(path, &body).await;
            let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
            assert!((1..=20).contains(&wait), "{wait}");
            let (status, body) = answer.json().await;
            assert_eq!((status, &body["code"]), (429, &json!("rate_limited")), "{path}");
            // Whoever is limited there can still ask whether the server lives.
            assert_eq!(api.get("/api/v1/health").await.status, 200);
        }
    }
}
