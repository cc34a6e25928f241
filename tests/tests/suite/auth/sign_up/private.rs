//! Private sign-up: an account can be used when its address is proved, and whether an address is known is told to its owner alone.

use http::Method;
use serde_json::json;
use tests::{Answer, Api, User, token_in};

use crate::auth::{
    PASSWORD, check_tokens, login, me,
    passwords::{no_token, reset, reset_token},
    verification::{verify, verify_token},
};

const ACCEPTED: &str = r#"{"status":"accepted"}"#;
const OTHER: &str = "canary-Passw0rd-8";

pub async fn accepted(api: &Api, email: &str, password: &str) {
    let answer = api.post("/api/v1/auth/register", &json!({ "email": email, "password": password })).await;
    assert_eq!((answer.status.as_u16(), answer.text().await.as_str()), (202, ACCEPTED));
}

/// Confirms an address and chooses the password of its account.
async fn choose(api: &Api, token: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/email/verify", &json!({ "token": token, "password": password })).await
}

/// A fresh user, who proved an address.
pub async fn user(api: &Api) -> User {
    let email = Api::fresh_email();
    accepted(api, &email, PASSWORD).await;
    let (status, tokens) = choose(api, &verify_token(api, &email).await, PASSWORD).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    User { api: api.clone(), email, tokens }
}

#[tokio::test]
async fn an_account_can_be_used_when_its_address_is_proved() {
    let api = Api::with_profile("private").await;
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    let token = verify_token(&api, &email).await;
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
    let (status, problem) = verify(&api, &token).await.json().await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/password")), "{problem}");
    let (status, problem) = choose(&api, &token, "canaryy").await.json().await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/password")), "{problem}");
    let (status, problem) = choose(&api, &token, &email).await.json().await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/password")), "{problem}");
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("e-mail address"), "{problem}");
    // What is refused for the password uses nothing up.
    let (status, tokens) = choose(&api, &token, PASSWORD).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    check_tokens(&tokens);
    let (_, me) = me(&api, tokens["access_token"].as_str().unwrap()).await.json().await;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(email), &json!(true)));
    no_token(choose(&api, &token, OTHER).await).await;
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_known_address_is_told_to_its_owner_alone() {
    let api = Api::with_profile("private").await;
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    assert_eq!(choose(&api, &verify_token(&api, &email).await, PASSWORD).await.status, 200);
    accepted(&api, &email.to_uppercase(), OTHER).await;
    api.provider.mail_about(&email, "You already have an account").await;
    assert_eq!(login(&api, &email, OTHER).await.status, 401);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_strangers_password_never_counts() {
    let api = Api::with_profile("private").await;
    for asks_too in [false, true] {
        let email = Api::fresh_email();
        // Somebody else asks for an account with the address first. The letters look alike.
        accepted(&api, &email, OTHER).await;
        let others = verify_token(&api, &email).await;
        if asks_too {
            accepted(&api, &email, PASSWORD).await;
            verify_token(&api, &email).await;
        }
        assert_eq!(verify(&api, &others).await.status, 422);
        assert_eq!(login(&api, &email, OTHER).await.status, 401);
        assert_eq!(choose(&api, &others, PASSWORD).await.status, 200, "who reads the mail is the owner");
        assert_eq!(login(&api, &email, OTHER).await.status, 401);
        assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn the_mail_can_be_asked_for_again() {
    let api = Api::with_profile("private").await;
    let email = Api::fresh_email();
    accepted(&api, &email, OTHER).await;
    let first = verify_token(&api, &email).await;
    assert_eq!(api.post("/api/v1/auth/email/resend", &json!({ "email": email })).await.status, 202);
    assert_eq!(choose(&api, &verify_token(&api, &email).await, PASSWORD).await.status, 200);
    // The first one confirms what is confirmed, and chooses nothing.
    assert_eq!(choose(&api, &first, OTHER).await.status, 204);
    assert_eq!(login(&api, &email, OTHER).await.status, 401);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_reset_proves_the_address_too() {
    let api = Api::with_profile("private").await;
    let email = Api::fresh_email();
    accepted(&api, &email, PASSWORD).await;
    let verifies = token_in(&api.provider.mail_about(&email, "Confirm").await);
    let token = reset_token(&api, &email).await;
    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
    assert_eq!(login(&api, &email, OTHER).await.status, 200);
    // The first mail comes too late to choose one.
    assert_eq!(choose(&api, &verifies, PASSWORD).await.status, 204);
    assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_guest_becomes_a_user_when_the_address_is_confirmed() {
    let api = Api::with_profile("private").await;
    let known = Api::fresh_email();
    accepted(&api, &known, PASSWORD).await;
    assert_eq!(choose(&api, &verify_token(&api, &known).await, PASSWORD).await.status, 200);

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

    let confirm = async |user: &User| user.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await;
    assert_eq!(confirm(&guest).await.status, 204);
    let (status, tokens) = login(&api, &email, PASSWORD).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let user = User { tokens, ..guest };
    no_token(confirm(&user).await).await;
    let (_, me) = user.get("/api/v1/auth/me").await.json().await;
    assert_eq!((&me["role"], &me["email_verified"]), (&json!("user"), &json!(true)));
    let (status, _) = user.get(&format!("/api/v1/chat/conversations/{conversation}")).await.json().await;
    assert_eq!(status, 200);
}
