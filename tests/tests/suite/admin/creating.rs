//! Accounts that an admin makes.

use serde_json::{Value, json};
use tests::{Api, PASSWORD, token_in};

use super::{USERS, login, refused};

#[tokio::test]
async fn an_account_with_a_password_can_be_used() {
    let api = Api::start().await;
    let (admin, email) = (api.admin().await, Api::fresh_email());
    let body = json!({ "email": email.to_uppercase(), "password": PASSWORD, "email_verified": true });
    let (status, made) = admin.post(USERS, &body).await.json().await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["email"], &made["email_verified"], &made["role"], &made["has_password"], &made["sessions"]),
        (&json!(email), &json!(true), &json!("user"), &json!(true), &json!(0))
    );
    assert_eq!(made["last_sign_in_at"], Value::Null);
    let user = api.sign_in(&email, PASSWORD).await;
    assert_eq!(user.id().await, made["user_id"].as_str().unwrap());
}

#[tokio::test]
async fn the_owner_of_an_account_without_a_password_gets_a_mail_to_choose_one() {
    let api = Api::start().await;
    let (admin, email) = (api.admin().await, Api::fresh_email());
    let (status, made) = admin.post(USERS, &json!({ "email": email })).await.json().await;
    assert_eq!((status, &made["has_password"], &made["email_verified"]), (201, &json!(false), &json!(false)), "{made}");
    refused(login(&api, &email).await, 401, "invalid_credentials").await;
    refused(admin.post(USERS, &json!({ "email": email })).await, 400, "email_already_registered").await;
    let mail = api.provider.mail_to(&email).await;
    let reset = json!({ "token": token_in(&mail), "new_password": PASSWORD });
    assert_eq!(api.post("/api/v1/auth/password/reset", &reset).await.status, 204);
    assert_eq!(api.sign_in(&email, PASSWORD).await.id().await, made["user_id"].as_str().unwrap());
}

#[tokio::test]
async fn an_admins_address_must_be_vouched_for() {
    let api = Api::start().await;
    let (admin, email) = (api.admin().await, Api::fresh_email());
    let body = json!({ "email": email, "password": PASSWORD, "role": "admin" });
    refused(admin.post(USERS, &body).await, 409, "email_not_verified").await;
    refused(login(&api, &email).await, 401, "invalid_credentials").await;
}

#[tokio::test]
async fn wrong_fields_are_named_together() {
    let api = Api::start().await;
    let admin = api.admin().await;
    let body = json!({ "email": "canary", "password": "Mk7-", "role": "guest", "email_verified": "canary" });
    let refusal = refused(admin.post(USERS, &body).await, 422, "validation_failed").await;
    let pointers: Vec<_> = refusal["errors"].as_array().unwrap().iter().map(|entry| &entry["pointer"]).collect();
    assert_eq!(pointers, ["/email", "/password", "/role", "/email_verified"]);
    assert!(!refusal.to_string().contains("canary"), "{refusal}");
    let refusal = refused(admin.post(USERS, &json!({})).await, 422, "validation_failed").await;
    assert_eq!(refusal["errors"][0]["pointer"], "/email");
}
