//! Step-up: what is sensitive wants a user who proved a moment ago to be there. Tokens of long ago are made with the key of the
//! settings.

use std::time::Duration;

use gateway::Access;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api, PASSWORD, User, authenticator::Protected};

use super::{
    oidc,
    tokens::{claims, resigned},
};

/// The user with an access token that is good, of a session that was opened an hour ago.
pub fn hour_old(user: &User) -> User {
    let at = claims(user.access_token())["auth_time"].as_i64().unwrap();
    with_token(user, &resigned(user.access_token(), &json!({ "auth_time": at - 3600 })))
}

pub fn with_token(user: &User, token: &str) -> User {
    let mut user = user.clone();
    user.tokens["access_token"] = json!(token);
    user
}

pub async fn step_up(user: &User, evidence: &Value) -> Answer {
    user.post("/api/v1/auth/step-up", evidence).await
}

/// Something sensitive.
pub async fn begin(user: &User) -> Answer {
    user.post("/api/v1/auth/api-keys", &json!({ "name": "x", "scopes": ["chat"] })).await
}

#[tokio::test]
async fn what_is_sensitive_says_what_to_do_and_works_afterwards() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let old = hour_old(&user);
    assert_eq!(old.get("/api/v1/auth/factors").await.status, 200, "reading is not sensitive");
    let (status, body) = begin(&old).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_required")), "{body}");
    for told in ["your password", "a code", "id_token", "/api/v1/auth/step-up"] {
        assert!(body["detail"].as_str().unwrap().contains(told), "{told}: {body}");
    }

    let (status, renewed) = step_up(&old, &json!({ "password": PASSWORD })).await.json().await;
    assert_eq!(status, 200, "{renewed}");
    let token = renewed["access_token"].as_str().unwrap();
    assert_eq!(renewed, json!({ "access_token": token, "token_type": "bearer", "expires_in": 900 }));
    assert_eq!(begin(&with_token(&user, token)).await.status, 201);
    assert_eq!(begin(&old).await.status, 403, "the old token does not know of it");

    // The same session, and the next refresh knows as well.
    let (before, after) = (claims(old.access_token()), claims(token));
    assert_eq!(before["sid"], after["sid"]);
    assert!(after["auth_time"].as_i64() > before["auth_time"].as_i64());
    let refresh = json!({ "refresh_token": user.tokens["refresh_token"] });
    let (_, tokens) = api.post("/api/v1/auth/refresh", &refresh).await.json().await;
    assert_eq!(claims(tokens["access_token"].as_str().unwrap())["auth_time"], after["auth_time"]);
}

#[tokio::test]
async fn every_sensitive_operation_asks_for_it() {
    let api = oidc::start().await;
    let id = api.user().await.id().await;
    let user = hour_old(&api.user().await);
    let admin = hour_old(&api.admin().await);
    // Who has no password, and who has a second factor besides.
    let provided = hour_old(&oidc::fresh_user(&api).await);
    let protected = hour_old(&Protected::new(&api).await.user);
    let new_email = Api::fresh_email();
    let asked = [
        (&protected, "POST", "/api/v1/auth/factors/totp", json!({})),
        (&user, "DELETE", "/api/v1/auth/factors/{id}", json!({})),
        (&user, "POST", "/api/v1/auth/recovery-codes", json!({})),
        (&user, "POST", "/api/v1/auth/identities/{provider}", json!({ "id_token": "x" })),
        (&user, "DELETE", "/api/v1/auth/identities/{provider}", json!({})),
        (&user, "POST", "/api/v1/auth/api-keys", json!({ "name": "x" })),
        (&provided, "POST", "/api/v1/auth/email/change", json!({ "new_email": new_email })),
        (&protected, "POST", "/api/v1/auth/email/change", json!({ "new_email": new_email, "password": PASSWORD })),
        (
            &protected,
            "POST",
            "/api/v1/auth/password/change",
            json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" }),
        ),
        (&user, "DELETE", "/api/v1/users/me", json!({ "mode": "immediate" })),
        (&user, "DELETE", "/api/v1/users/me", json!({ "mode": "scheduled" })),
        (&user, "GET", "/api/v1/users/me/export", Value::Null),
        (
            &admin,
            "POST",
            "/api/v1/admin/users",
            json!({ "email": Api::fresh_email(), "role": "admin", "email_verified": true }),
        ),
        (&admin, "PATCH", "/api/v1/admin/users/{id}", json!({ "role": "admin", "email_verified": true })),
        (&admin, "DELETE", "/api/v1/admin/users/{id}", Value::Null),
        (&admin, "DELETE", "/api/v1/admin/users/{id}/factors", Value::Null),
    ];
    for (user, method, path, body) in &asked {
        let (method, path) =
            (method.parse::<Method>().unwrap(), path.replace("{id}", &id).replace("{provider}", "test"));
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) = user.send(method.clone(), &path, &[], body).await.json().await;
        assert_eq!((status, &answer["code"]), (403, &json!("step_up_required")), "{method} {path}: {answer}");
    }
    // Those that ask for something else: a proof itself, the first code of an app, and guests, who have no proof to show.
    let others = ["/api/v1/auth/step-up", "/api/v1/auth/factors/totp/confirm", "/api/v1/auth/guest/upgrade"];
    for route in gateway::routes().iter().filter(|route| matches!(route.access, Access::Sensitive(_))) {
        let is_asked = asked.iter().any(|(_, method, path, _)| route.method == *method && route.path == *path);
        assert!(is_asked || others.contains(&route.path), "{} {} is not in the list", route.method, route.path);
    }
}

#[tokio::test]
async fn a_wrong_password_does_not_do_and_guessing_ends() {
    let api = Api::start().await;
    let user = api.user().await;
    let wrong = json!({ "password": "wrong-Passw0rd-7" });
    for _ in 0..10 {
        let (status, body) = step_up(&user, &wrong).await.json().await;
        assert_eq!((status, &body["code"]), (403, &json!("step_up_failed")), "{body}");
    }
    let locked = step_up(&user, &json!({ "password": PASSWORD })).await;
    assert!(locked.header("retry-after").is_some());
    assert_eq!(locked.status, 429);
    let (_, told) = user.get("/api/v1/auth/events?limit=100").await.json().await;
    let locks = told["events"].as_array().unwrap().iter().filter(|event| event["action"] == "second_factor_locked");
    assert_eq!(locks.count(), 1, "{told}");
}

#[tokio::test]
async fn who_has_a_second_factor_shows_that() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let old = hour_old(&protected.user);
    let (status, body) = step_up(&old, &json!({ "password": PASSWORD })).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("second_factor_required")), "{body}");
    let (status, body) = step_up(&old, &json!({ "code": protected.app.wrong() })).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_failed")), "{body}");
    let next = json!({ "code": protected.app.next() });
    assert_eq!(step_up(&old, &next).await.status, 200);
    assert_eq!(step_up(&old, &next).await.status, 403, "a code counts once, here as well");
    let (status, renewed) = step_up(&old, &json!({ "recovery_code": protected.codes[0] })).await.json().await;
    assert_eq!(status, 200, "{renewed}");
    let fresh = with_token(&old, renewed["access_token"].as_str().unwrap());
    assert_eq!(fresh.send(Method::POST, "/api/v1/auth/recovery-codes", &[], None).await.status, 201);
}

#[tokio::test]
async fn one_thing_is_shown_and_not_two() {
    let api = Api::start().await;
    let user = api.user().await;
    for evidence in [
        json!({}),
        json!({ "password": PASSWORD, "code": "123456" }),
        json!({ "password": PASSWORD, "code": "123456", "recovery_code": "abcde-fghij" }),
        json!({ "password": PASSWORD, "provider": "test", "id_token": "x" }),
        json!({ "password": [PASSWORD] }),
        json!({ "nonce": "x" }),
    ] {
        let (status, body) = step_up(&user, &evidence).await.json().await;
        assert_eq!((status, &body["code"]), (422, &json!("validation_failed")), "{body}");
        assert!(!body.to_string().contains(PASSWORD));
    }
}

#[tokio::test]
async fn a_session_that_has_ended_cannot_be_renewed() {
    let api = Api::start().await;
    let user = api.user().await;
    user.post("/api/v1/auth/logout", &json!({})).await;
    assert_eq!(step_up(&user, &json!({ "password": PASSWORD })).await.status, 401);
}

#[tokio::test]
async fn a_proof_counts_for_ten_minutes() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    if !api.pass(Duration::from_mins(9)) {
        return println!("a running host has a clock of its own");
    }
    assert_eq!(begin(&user).await.status, 201);
    api.pass(Duration::from_secs(61));
    assert_eq!(begin(&user).await.status, 403);
    assert_eq!(begin(&user.refreshed().await).await.status, 403, "a refresh proves nothing");
    let (_, renewed) = step_up(&user, &json!({ "password": PASSWORD })).await.json().await;
    let fresh = with_token(&user, renewed["access_token"].as_str().unwrap());
    api.pass(Duration::from_mins(9));
    assert_eq!(begin(&fresh).await.status, 201);
}
