//! Who may sign up: privately, so that nobody learns which addresses are known, or nobody at all. These are settings, so this is
//! tried in process.

use http::Method;
use serde_json::json;
use tests::{Api, User, token_in};

use super::{
    PASSWORD, check_tokens, login, me,
    passwords::{no_token, reset, reset_token},
    register,
    verification::{verify, verify_token},
};

const ACCEPTED: &str = r#"{"status":"accepted"}"#;
const OTHER: &str = "canary-Passw0rd-8";

async fn private() -> Option<Api> {
    let api = Api::with_settings(&[("LITTORAL_SIGN_UP", "private")]).await;
    if api.is_none() {
        println!("not here: a running host has its own settings");
    }
    api
}

async fn accepted(api: &Api, email: &str, password: &str) {
    let answer = api.post("/api/v1/auth/register", &json!({ "email": email, "password": password })).await;
    assert_eq!((answer.status.as_u16(), answer.text().await.as_str()), (202, ACCEPTED));
}

#[tokio::test]
async fn an_account_can_be_used_when_its_address_is_proved() {
    let Some(api) = private().await else { return };
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    let token = verify_token(&api, &email).await;
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
    let (status, tokens) = verify(&api, &token).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    check_tokens(&tokens);
    let (_, me) = me(&api, tokens["access_token"].as_str().unwrap()).await.json().await;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(email), &json!(true)));
    no_token(verify(&api, &token).await).await;
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_known_address_is_told_to_its_owner_alone() {
    let Some(api) = private().await else { return };
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    assert_eq!(verify(&api, &verify_token(&api, &email).await).await.status, 200);
    accepted(&api, &email.to_uppercase(), OTHER).await;
    api.provider.mail_about(&email, "You already have an account").await;
    assert_eq!(login(&api, &email, OTHER).await.status, 401);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn if_two_people_asked_with_one_address_neither_password_counts() {
    let Some(api) = private().await else { return };
    let email = Api::fresh_email();
    // Somebody else asks for an account with the address first. The letters look alike.
    accepted(&api, &email, OTHER).await;
    let others = verify_token(&api, &email).await;
    accepted(&api, &email, PASSWORD).await;
    let own = verify_token(&api, &email).await;
    assert_eq!(verify(&api, &others).await.status, 200, "who reads the mail is the owner");
    for password in [OTHER, PASSWORD] {
        assert_eq!(login(&api, &email, password).await.status, 401);
    }
    assert_eq!(verify(&api, &own).await.status, 204);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
    assert_eq!(reset(&api, &reset_token(&api, &email).await, PASSWORD).await.status, 204);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_mail_can_be_asked_for_again_and_brings_the_password_along() {
    let Some(api) = private().await else { return };
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    verify_token(&api, &email).await;
    assert_eq!(api.post("/api/v1/auth/email/resend", &json!({ "email": email })).await.status, 202);
    assert_eq!(verify(&api, &verify_token(&api, &email).await).await.status, 200);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_reset_proves_the_address_too() {
    let Some(api) = private().await else { return };
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    let verifies = token_in(&api.provider.mail_about(&email, "Confirm").await);
    let token = reset_token(&api, &email).await;
    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
    assert_eq!(login(&api, &email, OTHER).await.status, 200);
    // The password of the first mail comes too late.
    assert_eq!(verify(&api, &verifies).await.status, 204);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_guest_becomes_a_user_when_the_address_is_confirmed() {
    let settings = [("LITTORAL_SIGN_UP", "private"), ("LITTORAL_GUESTS", "allow")];
    let Some(api) = Api::with_settings(&settings).await else {
        return println!("not here: a running host has its own settings");
    };
    let known = Api::fresh_email();
    accepted(&api, &known, PASSWORD).await;
    assert_eq!(verify(&api, &verify_token(&api, &known).await).await.status, 200);

    let (_, tokens) = api.send(Method::POST, "/api/v1/auth/guest", &[], Vec::new()).await.json().await;
    let guest = User { api: api.clone(), email: String::new(), tokens };
    let conversation = guest.conversation().await;
    let email = Api::fresh_email();
    for address in [&known, &email] {
        let body = json!({ "email": address, "password": PASSWORD });
        let answer = guest.post("/api/v1/auth/guest/upgrade", &body).await;
        assert_eq!((answer.status.as_u16(), answer.text().await.as_str()), (202, ACCEPTED));
    }
    api.provider.mail_about(&known, "You already have an account").await;
    let token = token_in(&api.provider.mail_about(&email, "Confirm your new e-mail address").await);
    assert_eq!(guest.get("/api/v1/auth/me").await.json().await.1["role"], "guest");
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);

    let confirm = async || api.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await;
    assert_eq!(confirm().await.status, 204);
    no_token(confirm().await).await;
    let (status, tokens) = login(&api, &email, PASSWORD).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let user = User { tokens, ..guest };
    let (_, me) = user.get("/api/v1/auth/me").await.json().await;
    assert_eq!((&me["role"], &me["email_verified"]), (&json!("user"), &json!(true)));
    let (status, _) = user.get(&format!("/api/v1/chat/conversations/{conversation}")).await.json().await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn where_sign_up_is_closed_nobody_gets_an_account() {
    let Some(api) = Api::with_settings(&[("LITTORAL_SIGN_UP", "closed")]).await else {
        return println!("not here: a running host has its own settings");
    };
    let (status, body) = register(&api, &Api::fresh_email()).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("sign_up_closed")), "{body}");
}

#[tokio::test]
async fn accounts_from_one_address_of_the_network_are_limited() {
    let Some(api) = Api::with_settings(&[("LITTORAL_SIGN_UP_LIMIT", "2/3600")]).await else {
        return println!("not here: a running host has its own settings");
    };
    for _ in 0..2 {
        assert_eq!(register(&api, &Api::fresh_email()).await.status, 201);
    }
    let (status, body) = register(&api, &Api::fresh_email()).await.json().await;
    assert_eq!((status, &body["code"]), (429, &json!("rate_limited")), "{body}");
}

#[tokio::test]
async fn requests_about_accounts_have_a_limit_of_their_own() {
    let Some(api) = Api::with_settings(&[("LITTORAL_RECOVERY_LIMIT", "2/60")]).await else {
        return println!("not here: a running host has its own settings");
    };
    let email = Api::fresh_email();
    for path in ["password/forgot", "email/resend"] {
        assert_eq!(api.post(&format!("/api/v1/auth/{path}"), &json!({ "email": email })).await.status, 202);
    }
    for (path, body) in [
        ("password/forgot", json!({ "email": email })),
        ("password/reset", json!({ "token": "x", "new_password": OTHER })),
        ("email/verify", json!({ "token": "x" })),
        ("email/resend", json!({ "email": email })),
        ("email/confirm", json!({ "token": "x" })),
    ] {
        let (status, body) = api.post(&format!("/api/v1/auth/{path}"), &body).await.json().await;
        assert_eq!((status, &body["code"]), (429, &json!("rate_limited")), "{path}");
    }
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
}
