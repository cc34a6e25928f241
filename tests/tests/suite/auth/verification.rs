//! `/api/v1/auth/email`: whose an address is, another address, and the mails about it.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Answer, Api, User, token_in};

use super::{
    PASSWORD, login, me,
    passwords::{no_token, reset, reset_token},
    refresh::refresh,
    refused, register,
};

async fn post(api: &Api, what: &str, body: Value) -> Answer {
    api.post(&format!("/api/v1/auth/email/{what}"), &body).await
}

pub async fn verify(api: &Api, token: &str) -> Answer {
    post(api, "verify", json!({ "token": token })).await
}

async fn change(user: &User, new: &str, password: &str) -> Answer {
    user.post("/api/v1/auth/email/change", &json!({ "new_email": new, "password": password })).await
}

/// Brings the token of a mail to a new address in a session of the account.
async fn confirm(user: &User, token: &str) -> Answer {
    user.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await
}

/// The token of the mail that registering or resending brought.
pub async fn verify_token(api: &Api, email: &str) -> String {
    token_in(&api.provider.mail_about(email, "Confirm your e-mail address").await)
}

async fn view(user: &User) -> (Value, Value) {
    let (status, me) = user.get("/api/v1/auth/me").await.json().await;
    assert_eq!(status, 200, "{me}");
    (me["email"].clone(), me["email_verified"].clone())
}

async fn refreshed(user: &User) -> User {
    let (status, tokens) = refresh(&user.api, user.tokens["refresh_token"].as_str().unwrap()).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    User { tokens, ..user.clone() }
}

#[tokio::test]
async fn registering_mails_a_token_that_proves_the_address_once() {
    let api = Api::start().await;
    let user = api.user().await;
    assert_eq!(view(&user).await, (json!(user.email), json!(false)));
    let token = verify_token(&api, &user.email).await;
    let answer = verify(&api, &token).await;
    assert_eq!(answer.status, 204);
    assert!(answer.bytes().await.is_empty());
    // A token says what the user was when it was made: the next refresh brings one that is up to date.
    let outdated = "This access token is outdated. Refresh and try again.";
    refused(user.get("/api/v1/auth/me").await, "token_outdated", outdated).await;
    assert_eq!(view(&refreshed(&user).await).await, (json!(user.email), json!(true)));
    no_token(verify(&api, &token).await).await;
    no_token(verify(&api, "x").await).await;
}

#[tokio::test]
async fn a_token_of_an_address_counts_for_a_day() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = verify_token(&api, &user.email).await;
    if !api.pass(Duration::from_hours(24)) {
        return println!("not here: a running host has its own clock");
    }
    no_token(verify(&api, &token).await).await;
    post(&api, "resend", json!({ "email": user.email })).await;
    let token = verify_token(&api, &user.email).await;
    api.pass(Duration::from_hours(23));
    assert_eq!(verify(&api, &token).await.status, 204);
}

#[tokio::test]
async fn a_country_that_was_not_seen_before_is_told_and_a_known_one_forgotten() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let told = async || {
        let mails = api.provider.mails_to(&user.email).await;
        mails.iter().filter(|mail| mail["subject"] == "A new device signed in").count()
    };
    if !api.call_from("203.0.113.9", Some("IS")) {
        return println!("not here: a running host's platform says where its callers are");
    }
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    let mail = api.provider.mail_about(&user.email, "A new device signed in").await;
    assert!(mail["text"].as_str().unwrap().contains("Place: IS\n"), "{mail}");
    api.pass(Duration::from_hours(89 * 24));
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    api.pass(Duration::from_hours(91 * 24));
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    api.provider.mail_about(&user.email, "A new device signed in").await;
    assert_eq!(told().await, 2);
}

#[tokio::test]
async fn the_mail_can_be_asked_for_again_until_the_address_is_proved() {
    let api = Api::start().await;
    let user = api.user().await;
    verify_token(&api, &user.email).await;
    assert_eq!(post(&api, "resend", json!({ "email": user.email.to_uppercase() })).await.status, 202);
    assert_eq!(verify(&api, &verify_token(&api, &user.email).await).await.status, 204);
    assert_eq!(post(&api, "resend", json!({ "email": user.email })).await.status, 202);
    // Another user's mail came later than that would have.
    reset_token(&api, &api.user().await.email).await;
    assert_eq!(api.provider.mails_to(&user.email).await.len(), 2);
}

#[tokio::test]
async fn another_address_counts_when_it_is_confirmed_and_the_old_one_is_told() {
    let api = Api::start().await;
    let (user, new) = (api.user().await, Api::fresh_email());
    assert_eq!(verify(&api, &verify_token(&api, &user.email).await).await.status, 204);
    let user = refreshed(&user).await;
    assert_eq!(change(&user, &new, PASSWORD).await.status, 202);
    let token = token_in(&api.provider.mail_about(&new, "Confirm your new e-mail address").await);
    assert_eq!(view(&user).await, (json!(user.email), json!(true)));
    no_token(verify(&api, &token).await).await;
    // What was mailed to the old address permits nothing afterwards.
    let resets = reset_token(&api, &user.email).await;

    // Who only reads the mail, or is somebody else, gives the account nothing: the link may have been asked for by a stranger.
    assert_eq!(post(&api, "confirm", json!({ "token": token })).await.status, 401);
    no_token(confirm(&api.user().await, &token).await).await;
    assert_eq!(view(&user).await, (json!(user.email), json!(true)));
    assert_eq!(confirm(&user, &token).await.status, 204);
    assert_eq!(view(&user).await, (json!(new), json!(true)));
    let told = api.provider.mail_about(&user.email, "Your e-mail address was changed").await;
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("u…@example.com") && !text.contains(&new), "{text}");
    no_token(confirm(&user, &token).await).await;
    no_token(reset(&api, &resets, "canary-Passw0rd-8").await).await;
    assert_eq!(login(&api, &new, PASSWORD).await.status, 200);
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 401);
    // The old one is free again.
    assert_eq!(register(&api, &user.email).await.status, 201);
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_asked_for() {
    let api = Api::start().await;
    for by_mail in [true, false] {
        let (user, thiefs) = (api.user().await, Api::fresh_email());
        // Somebody who knows the password asks for an address of their own.
        assert_eq!(change(&user, &thiefs, PASSWORD).await.status, 202);
        let token = token_in(&api.provider.mail_about(&thiefs, "Confirm your new").await);
        if by_mail {
            let reset_token = reset_token(&api, &user.email).await;
            assert_eq!(reset(&api, &reset_token, "canary-Passw0rd-8").await.status, 204);
        } else {
            let body = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
            assert_eq!(user.post("/api/v1/auth/password/change", &body).await.status, 204);
        }
        let user = api.sign_in(&user.email, "canary-Passw0rd-8").await;
        no_token(confirm(&user, &token).await).await;
    }
}

#[tokio::test]
async fn another_address_wants_the_password_and_must_be_another() {
    let api = Api::start().await;
    let user = api.user().await;
    let (status, body) = change(&user, &Api::fresh_email(), "canary-Passw0rd-8").await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("wrong_password")), "{body}");
    let (status, body) = change(&user, &user.email.to_uppercase(), PASSWORD).await.json().await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/new_email")), "{body}");
}

#[tokio::test]
async fn an_address_that_is_somebodys_is_told_to_that_somebody_alone() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let fresh = change(&user, &Api::fresh_email(), PASSWORD).await;
    let known = change(&user, &other.email, PASSWORD).await;
    assert_eq!((known.status, known.text().await), (fresh.status, fresh.text().await));
    api.provider.mail_about(&other.email, "You already have an account").await;
    assert_eq!(view(&user).await.0, json!(user.email));

    // Taken between the mail and its token: the token is as good as none, and nobody loses anything.
    let wanted = Api::fresh_email();
    assert_eq!(change(&user, &wanted, PASSWORD).await.status, 202);
    let token = token_in(&api.provider.mail_about(&wanted, "Confirm your new").await);
    assert_eq!(register(&api, &wanted).await.status, 201);
    no_token(confirm(&user, &token).await).await;
    assert_eq!(view(&user).await.0, json!(user.email));
    assert_eq!(login(&api, &wanted, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_device_that_was_not_seen_before_is_told_to_the_user() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let on = async |name: &str| {
        let headers = [("content-type", "application/json"), ("x-device-name", name), ("x-device-platform", "ios")];
        let body = json!({ "email": user.email, "password": PASSWORD }).to_string();
        assert_eq!(api.send(Method::POST, "/api/v1/auth/login", &headers, body.into()).await.status, 200);
    };
    // The device that registered is known.
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    on("Ada's phone").await;
    let mail = api.provider.mail_about(&user.email, "A new device signed in").await;
    assert!(mail["text"].as_str().unwrap().contains("Device: Ada's phone\n"), "{mail}");
    on("Ada's phone").await;
    on("Another phone").await;
    let mail = api.provider.mail_about(&user.email, "A new device signed in").await;
    assert!(mail["text"].as_str().unwrap().contains("Device: Another phone\n"), "{mail}");
    let all = api.provider.mails_to(&user.email).await;
    assert_eq!(all.iter().filter(|mail| mail["subject"] == "A new device signed in").count(), 2);
}

#[tokio::test]
async fn what_a_device_calls_itself_does_not_make_it_known() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let told = async || {
        let mails = api.provider.mails_to(&user.email).await;
        mails.iter().filter(|mail| mail["subject"] == "A new device signed in").count()
    };
    let on = async |program: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("x-device-name", "iPhone"),
            ("x-device-platform", "ios"),
            ("user-agent", program),
        ];
        let body = json!({ "email": user.email, "password": PASSWORD }).to_string();
        assert_eq!(api.send(Method::POST, "/api/v1/auth/login", &headers, body.into()).await.status, 200);
    };
    on("App/7 CFNetwork/1568 Darwin/24.0").await;
    api.provider.mail_about(&user.email, "A new device signed in").await;
    // Another version of the app is the same app; another program of the same name is another device.
    on("App/8 CFNetwork/1600 Darwin/25.0").await;
    on("curl/8.5.0").await;
    api.provider.mail_about(&user.email, "A new device signed in").await;
    on("curl/8.6.0").await;
    if api.call_from("203.0.113.9", None) {
        on("App/7 CFNetwork/1568 Darwin/24.0").await;
        api.provider.mail_about(&user.email, "A new device signed in").await;
        // Another address of the same network is no news.
        api.call_from("203.0.200.200", None);
        on("App/7 CFNetwork/1568 Darwin/24.0").await;
        api.call_from("198.51.100.7", None);
        on("App/7 CFNetwork/1568 Darwin/24.0").await;
        api.provider.mail_about(&user.email, "A new device signed in").await;
        assert_eq!(told().await, 4);
    } else {
        assert_eq!(told().await, 2);
    }
}

#[tokio::test]
async fn an_address_that_nobody_proved_gets_no_letters_about_what_a_stranger_does() {
    let api = Api::start().await;
    let user = api.user().await;
    let headers = [("content-type", "application/json"), ("x-device-name", "Call evil.example")];
    let body = json!({ "email": user.email, "password": PASSWORD }).to_string();
    assert_eq!(api.send(Method::POST, "/api/v1/auth/login", &headers, body.into()).await.status, 200);
    assert_eq!(user.post("/api/v1/auth/api-keys", &json!({ "name": "evil.example" })).await.status, 201);
    assert_eq!(user.delete("/api/v1/users/me").await.status, 202);
    let body = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
    assert_eq!(user.post("/api/v1/auth/password/change", &body).await.status, 204);
    // Another user's mail came later than these would have.
    reset_token(&api, &api.user().await.email).await;
    let subjects: Vec<_> =
        api.provider.mails_to(&user.email).await.iter().map(|mail| mail["subject"].clone()).collect();
    assert_eq!(subjects, ["Confirm your e-mail address"]);
}

#[tokio::test]
async fn letters_of_a_kind_are_limited_and_hold_no_words_that_look_like_a_host() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    for _ in 0..8 {
        assert_eq!(user.post("/api/v1/auth/api-keys", &json!({ "name": "evil.example/x" })).await.status, 201);
    }
    let mail = api.provider.mail_about(&user.email, "A new API key").await;
    assert!(mail["text"].as_str().unwrap().contains("evil example x ("), "{mail}");
    assert!(!mail.to_string().contains("evil.example"), "{mail}");
    // A letter of another kind comes through, and later than those would have.
    reset_token(&api, &user.email).await;
    let all = api.provider.mails_to(&user.email).await;
    assert_eq!(all.iter().filter(|mail| mail["subject"] == "A new API key").count(), 5);
}

#[tokio::test]
async fn a_mail_service_that_fails_fails_no_registration() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    api.provider.script_mail(&email, Script::error(500, "server_error", "tired")).await;
    let (status, tokens) = register(&api, &email).await.json().await;
    assert_eq!(status, 201, "{tokens}");
    assert_eq!(me(&api, tokens["access_token"].as_str().unwrap()).await.status, 200);
}

mod private {
    use super::*;

    #[tokio::test]
    async fn where_it_is_asked_for_only_who_confirmed_may_chat() {
        let api = Api::with_profile("private").await;
        // Who signs up has confirmed already; whom an admin signs up has not.
        let (admin, email) = (api.admin().await, Api::fresh_email());
        let account = json!({ "email": email, "password": PASSWORD });
        assert_eq!(admin.post("/api/v1/admin/users", &account).await.status, 201);
        let user = api.sign_in(&email, PASSWORD).await;
        let chats = [
            ("/api/v1/chat/conversations", json!({ "title": "x" })),
            ("/api/v1/ai/complete", json!({ "prompt": "x", "model": "littoral-offline" })),
        ];
        for (path, body) in &chats {
            let (status, body) = user.post(path, body).await.json().await;
            assert_eq!((status, &body["code"]), (403, &json!("email_not_verified")), "{path}");
        }
        assert_eq!(view(&user).await, (json!(email), json!(false)));
        assert_eq!(post(&api, "resend", json!({ "email": email })).await.status, 202);
        assert_eq!(verify(&api, &verify_token(&api, &user.email).await).await.status, 204);
        let user = refreshed(&user).await;
        for (path, body) in &chats {
            let answer = user.post(path, body).await;
            assert!(answer.status.is_success(), "{path}");
        }
    }
}

mod guarded {
    use super::*;
    use crate::auth::captcha::{send, vouched_for};

    #[tokio::test]
    async fn with_mail_switched_off_nothing_is_sent() {
        let api = Api::with_profile("guarded").await;
        let email = Api::fresh_email();
        for (path, status) in [("register", 201), ("password/forgot", 202), ("login", 200)] {
            assert_eq!(send(&api, path, &email, Some(&vouched_for(&api).await)).await.status, status, "{path}");
        }
        assert!(api.provider.mails_to(&email).await.is_empty());
    }
}
