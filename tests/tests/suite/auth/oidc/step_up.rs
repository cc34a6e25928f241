//! Step-up and sign-in by an ID token: whom it proves to be there, and how long ago.

use serde_json::{Value, json};
use tests::{PASSWORD, User, authenticator::Protected};

use super::{
    super::{
        step_up::{begin, hour_old, step_up, with_token},
        tokens::claims,
    },
    fresh_subject, fresh_user, now, present, signed_in, start, token,
};

fn shown(provider: &str, token: &str) -> Value {
    json!({ "provider": provider, "id_token": token })
}

/// Steps up, and tells what the new access token says of when the user was there.
async fn renewed(user: &User, evidence: &Value) -> (User, i64) {
    let (status, body) = step_up(user, evidence).await.json().await;
    assert_eq!(status, 200, "{body}");
    let user = with_token(user, body["access_token"].as_str().unwrap());
    let at = auth_time(&user);
    (user, at)
}

fn auth_time(user: &User) -> i64 {
    claims(user.access_token())["auth_time"].as_i64().unwrap()
}

async fn refused(user: &User, evidence: &Value, code: &str) -> Value {
    let (status, body) = step_up(user, evidence).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!(code)), "{body}");
    body
}

#[tokio::test]
async fn who_has_no_password_steps_up_with_an_id_token() {
    let api = start().await;
    let subject = fresh_subject();
    let user = signed_in(&api, "test", &token("test", &subject, &json!({})), 201).await;
    let old = hour_old(&user);
    assert_eq!(begin(&old).await.status, 403);
    let (fresh, _) = renewed(&old, &shown("test", &token("test", &subject, &json!({})))).await;
    assert_eq!(begin(&fresh).await.status, 201);
    let (_, told) = user.get("/api/v1/auth/events").await.json().await;
    let step = &told["events"].as_array().unwrap().iter().find(|event| event["action"] == "stepped_up").unwrap();
    assert_eq!((&step["outcome"], &step["detail"]), (&json!("success"), &json!("id_token")), "{told}");

    // With a nonce as in a sign-in.
    let bound = token("test", &subject, &json!({ "nonce": "once" }));
    let with_nonce = |nonce: &str| json!({ "provider": "test", "id_token": bound, "nonce": nonce });
    refused(&old, &shown("test", &bound), "invalid_id_token").await;
    refused(&old, &with_nonce("twice"), "invalid_id_token").await;
    renewed(&old, &with_nonce("once")).await;
}

#[tokio::test]
async fn who_has_no_password_is_told_so_and_counts_no_guess() {
    let api = start().await;
    let user = signed_in(&api, "test", &token("test", &fresh_subject(), &json!({})), 201).await;
    let body = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
    for _ in 0..6 {
        let (status, problem) = user.post("/api/v1/auth/password/change", &body).await.json().await;
        assert_eq!((status, &problem["code"]), (403, &json!("no_password")), "{problem}");
    }
}

#[tokio::test]
async fn a_linked_identity_does_for_who_has_a_password_too() {
    let api = start().await;
    let user = api.verified_user().await;
    let mine = token("test", &fresh_subject(), &json!({}));
    refused(&user, &shown("test", &mine), "step_up_failed").await;
    assert_eq!(user.post("/api/v1/auth/identities/test", &json!({ "id_token": mine })).await.status, 201);
    let (fresh, _) = renewed(&hour_old(&user), &shown("test", &mine)).await;
    assert_eq!(begin(&fresh).await.status, 201);
}

#[tokio::test]
async fn a_token_counts_from_when_it_says_however_often_it_is_shown() {
    let api = start().await;
    let (subject, now) = (fresh_subject(), now());
    let of = |said: Value| shown("test", &token("test", &subject, &said));
    signed_in(&api, "test", &token("test", &subject, &json!({})), 201).await;
    let user = signed_in(&api, "test", &token("test", &subject, &json!({ "iat": now - 500 })), 200).await;
    assert_eq!(auth_time(&user), now - 500);
    for (said, at) in [
        (json!({ "iat": now - 400 }), now - 400),
        // The provider may make a token long after its user was there.
        (json!({ "auth_time": now - 300 }), now - 300),
        (json!({ "auth_time": now - 300 }), now - 300),
        // What was proved later stays proved.
        (json!({ "iat": now - 400 }), now - 300),
    ] {
        assert_eq!(renewed(&user, &of(said.clone())).await.1, at, "{said}");
    }
}

#[tokio::test]
async fn an_old_token_proves_nothing_by_step_up_or_by_sign_in() {
    let api = start().await;
    let (subject, now) = (fresh_subject(), now());
    let first = signed_in(&api, "test", &token("test", &subject, &json!({})), 201).await;
    for said in [json!({ "iat": now - 700 }), json!({ "auth_time": now - 700 }), json!({ "auth_time": "now" })] {
        let stale = token("test", &subject, &said);
        let body = refused(&first, &shown("test", &stale), "id_token_too_old").await;
        assert!(body["detail"].as_str().unwrap().contains("Sign in at the provider anew"), "{body}");
        let user = signed_in(&api, "test", &stale, 200).await;
        let (status, body) = begin(&user).await.json().await;
        assert_eq!((status, &body["code"]), (403, &json!("step_up_required")), "{said}: {body}");
        let (fresh, _) = renewed(&user, &shown("test", &token("test", &subject, &json!({})))).await;
        assert_eq!(begin(&fresh).await.status, 201, "{said}");
    }
}

#[tokio::test]
async fn what_is_no_token_of_the_account_does_not_do_and_is_no_guess() {
    let api = start().await;
    let subject = fresh_subject();
    let user = signed_in(&api, "test", &token("test", &subject, &json!({})), 201).await;
    let stranger = token("test", &fresh_subject(), &json!({}));
    assert_eq!(present(&api, "test", &stranger).await.status, 201);
    for _ in 0..3 {
        for (evidence, code) in [
            (shown("test", &stranger), "step_up_failed"),
            (shown("other", &token("other", &subject, &json!({}))), "step_up_failed"),
            (shown("other", &token("test", &subject, &json!({}))), "invalid_id_token"),
            (shown("test", &token("test", &subject, &json!({ "aud": "another-app" }))), "invalid_id_token"),
            (shown("test", &token("test", &subject, &json!({ "exp": now() - 1 }))), "invalid_id_token"),
            (shown("test", "x"), "invalid_id_token"),
        ] {
            refused(&user, &evidence, code).await;
        }
    }
    renewed(&user, &shown("test", &token("test", &subject, &json!({})))).await;
    let (_, told) = user.get("/api/v1/auth/events?limit=100").await.json().await;
    let failed = told["events"].as_array().unwrap().iter().filter(|event| event["outcome"] == "failure").count();
    assert_eq!(failed, 18, "{told}");
}

#[tokio::test]
async fn a_token_and_its_provider_belong_together() {
    let api = start().await;
    let user = fresh_user(&api).await;
    let token = token("test", &fresh_subject(), &json!({}));
    for (evidence, pointer) in [
        (json!({ "id_token": token }), "/provider"),
        (json!({ "provider": "test" }), "/id_token"),
        (json!({ "provider": "nobody", "id_token": token }), "/provider"),
        (json!({ "provider": "test", "id_token": "x".repeat(8_193) }), "/id_token"),
        (json!({ "provider": "test", "id_token": token, "code": "123456" }), "/password"),
    ] {
        let (status, body) = step_up(&user, &evidence).await.json().await;
        assert_eq!((status, body["errors"].as_array().unwrap().len()), (422, 1), "{body}");
        assert_eq!(body["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn a_password_that_there_is_not_is_no_guess() {
    let api = start().await;
    let user = fresh_user(&api).await;
    for _ in 0..12 {
        let body = refused(&user, &json!({ "password": PASSWORD }), "no_password").await;
        for told in ["id_token", "/api/v1/auth/password/forgot"] {
            assert!(body["detail"].as_str().unwrap().contains(told), "{body}");
        }
    }
    let (status, tokens) = api.post("/api/v1/auth/guest", &json!({})).await.json().await;
    assert_eq!(status, 201, "{tokens}");
    let guest = User { tokens, ..user };
    let body = refused(&guest, &json!({ "password": PASSWORD }), "no_password").await;
    assert!(body["detail"].as_str().unwrap().contains("/api/v1/auth/guest/upgrade"), "{body}");
}

#[tokio::test]
async fn who_has_a_second_factor_shows_that_and_no_token() {
    let api = start().await;
    let subject = fresh_subject();
    let user = signed_in(&api, "test", &token("test", &subject, &json!({})), 201).await;
    let other = shown("test", &token("test", &fresh_subject(), &json!({})));
    let (status, body) = user.post("/api/v1/auth/factors/totp", &other).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_failed")), "{body}");
    let protected = Protected::by(user, &shown("test", &token("test", &subject, &json!({})))).await;
    let old = hour_old(&protected.user);
    refused(&old, &shown("test", &token("test", &subject, &json!({}))), "second_factor_required").await;
    refused(&old, &json!({ "password": PASSWORD }), "second_factor_required").await;
    renewed(&old, &json!({ "code": protected.app.next() })).await;
}
