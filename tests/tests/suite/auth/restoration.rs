//! `POST /api/v1/auth/email/restore`: taking a change of address back.

use serde_json::json;
use tests::{Answer, Api, PASSWORD, User, token_in};

use super::{
    login,
    passwords::{no_token, reset},
    register,
};

const OTHER: &str = "canary-Passw0rd-8";

async fn restore(api: &Api, token: &str) -> Answer {
    api.post("/api/v1/auth/email/restore", &json!({ "token": token })).await
}

/// Gives an account another address. Returns it, and the token that the one before was mailed.
async fn changed(user: &User) -> (String, String) {
    let (api, old, new) = (&user.api, user.email.clone(), Api::fresh_email());
    let asked = user.post("/api/v1/auth/email/change", &json!({ "new_email": new, "password": PASSWORD })).await;
    assert_eq!(asked.status, 202);
    let token = token_in(&api.provider.mail_about(&new, "Confirm your new e-mail address").await);
    assert_eq!(user.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await.status, 204);
    (new, token_in(&api.provider.mail_about(&old, "Your e-mail address was changed").await))
}

#[tokio::test]
async fn who_reads_the_mail_of_the_old_address_takes_the_change_back() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let (new, way_back) = changed(&user).await;
    let with_key = user.with_key(&["chat"]).await;
    assert_eq!(user.delete("/api/v1/users/me").await.status, 202);

    assert_eq!(restore(&api, &way_back).await.status, 204);
    assert_eq!(user.get("/api/v1/auth/me").await.status, 401);
    assert_eq!(with_key.get("/api/v1/chat/conversations").await.status, 401);
    assert_eq!(login(&api, &new, PASSWORD).await.status, 401);
    let (status, body) = login(&api, &user.email, PASSWORD).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("password_change_required")), "{body}");
    api.provider.mail_about(&new, "Your address was taken back").await;
    no_token(restore(&api, &way_back).await).await;

    let proof = token_in(&api.provider.mail_about(&user.email, "Reset your password").await);
    assert_eq!(reset(&api, &proof, OTHER).await.status, 204);
    let owner = api.sign_in(&user.email, OTHER).await;
    let (_, me) = owner.get("/api/v1/users/me").await.json().await;
    assert_eq!((&me["email"], &me["deletion_scheduled_at"]), (&json!(user.email), &json!(null)), "{me}");
    let (_, told) = owner.get("/api/v1/auth/events").await.json().await;
    let events = told["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["action"] == "email_restored").count(), 1, "{told}");
}

#[tokio::test]
async fn a_second_change_does_not_outlive_the_way_back_from_the_first() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let (second, way_back) = changed(&user).await;
    let (_, thiefs) = changed(&User { email: second, ..user.clone() }).await;
    assert_eq!(restore(&api, &way_back).await.status, 204);
    no_token(restore(&api, &thiefs).await).await;
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 403);
}

#[tokio::test]
async fn an_account_that_took_the_old_address_keeps_it_only_if_it_is_proved() {
    let api = Api::start().await;
    for proved in [false, true] {
        let user = api.verified_user().await;
        let (_, way_back) = changed(&user).await;
        assert_eq!(register(&api, &user.email).await.status, 201);
        if proved {
            let token = token_in(&api.provider.mail_about(&user.email, "Confirm your e-mail address").await);
            assert_eq!(api.post("/api/v1/auth/email/verify", &json!({ "token": token })).await.status, 204);
            let (status, body) = restore(&api, &way_back).await.json().await;
            assert_eq!((status, &body["code"]), (409, &json!("email_in_use")), "{body}");
            assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
        } else {
            assert_eq!(restore(&api, &way_back).await.status, 204);
            assert_eq!(login(&api, &user.email, PASSWORD).await.status, 403);
        }
    }
}

#[tokio::test]
async fn an_address_that_was_never_proved_has_no_way_back() {
    let api = Api::start().await;
    let (user, new) = (api.user().await, Api::fresh_email());
    let asked = user.post("/api/v1/auth/email/change", &json!({ "new_email": new, "password": PASSWORD })).await;
    assert_eq!(asked.status, 202);
    let token = token_in(&api.provider.mail_about(&new, "Confirm your new e-mail address").await);
    assert_eq!(user.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await.status, 204);
    super::passwords::reset_token(&api, &new).await;
    let mails = api.provider.mails_to(&user.email).await;
    assert!(mails.iter().all(|mail| mail["subject"] != "Your e-mail address was changed"), "{mails:?}");
}
