//! `/api/v1/auth/password`: which may be chosen, changing one, resetting one that is forgotten.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api, User, token_in};

use super::{PASSWORD, lockout::lock, login, me, refresh::refresh, refused};

const OTHER: &str = "canary-Passw0rd-8";
const ENDED: &str = "This session has ended. Sign in again.";
const FORGOT: &str = "/api/v1/auth/password/forgot";

pub async fn forgot(api: &Api, email: &str) -> Answer {
    api.post(FORGOT, &json!({ "email": email })).await
}

pub async fn reset(api: &Api, token: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/password/reset", &json!({ "token": token, "new_password": password })).await
}

async fn change(user: &User, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    user.post("/api/v1/auth/password/change", &body).await
}

/// Asks for a reset and returns the token of the mail.
pub async fn reset_token(api: &Api, email: &str) -> String {
    assert_eq!(forgot(api, email).await.status, 202);
    token_in(&api.provider.mail_about(email, "Reset your password").await)
}

/// The token is none.
pub async fn no_token(answer: Answer) {
    let (status, body) = answer.json().await;
    assert_eq!((status, &body["code"]), (400, &json!("invalid_token")), "{body}");
}

/// A password field was refused; the sentences that say why.
async fn rules(answer: Answer, pointer: &str) -> Vec<String> {
    let (status, body) = answer.json().await;
    assert_eq!(status, 422, "{body}");
    let entries = body["errors"].as_array().expect("entries");
    assert!(entries.iter().all(|entry| entry["pointer"] == pointer), "{body}");
    entries.iter().map(|entry| entry["detail"].as_str().expect("a sentence").to_owned()).collect()
}

#[tokio::test]
async fn every_rule_that_a_password_breaks_is_named_and_nothing_echoed() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    let name = email.split('@').next().unwrap();
    for (password, count) in [
        ("canary", 1),
        ("aaaaaaaa", 2),
        ("canaryabc", 1),
        ("kumquatkumquat", 1),
        ("abcdef-7-4321", 1),
        (name, 1),
        (&email, 1),
        (&format!("{name}-2024!"), 1),
        ("Passw0rd-2024!", 1),
    ] {
        let body = json!({ "email": email, "password": password });
        let rules = rules(api.post("/api/v1/auth/register", &body).await, "/password").await;
        assert_eq!(rules.len(), count, "{password}: {rules:?}");
        assert!(!rules.concat().contains("canary") && !rules.concat().contains(name), "{rules:?}");
    }
}

#[tokio::test]
async fn a_good_password_needs_no_mixture_of_characters() {
    let api = Api::start().await;
    for password in
        ["Thirsty-Student-77!Z", "First-Harbour-2024!x", "SecurePass123!", "quiet amber lanterns", "kumquatjar"]
    {
        let body = json!({ "email": Api::fresh_email(), "password": password });
        assert_eq!(api.post("/api/v1/auth/register", &body).await.status, 201, "{password}");
    }
}

#[tokio::test]
async fn a_new_password_is_not_mostly_what_its_owner_is_called() {
    let api = Api::start().await;
    let user = api.user().await;
    let name = json!({ "display_name": "Wilhelmina Featherstone" });
    assert_eq!(user.patch("/api/v1/users/me", &name).await.status, 200);
    let own = ["Must not consist mostly of your own e-mail address or name."];
    let token = reset_token(&api, &user.email).await;
    for bad in [user.email.as_str(), "Featherstone-7", "wilhelmina.featherstone"] {
        assert_eq!(rules(change(&user, PASSWORD, bad).await, "/new_password").await, own, "{bad}");
        assert_eq!(rules(reset(&api, &token, bad).await, "/new_password").await, own, "{bad}");
    }
    assert_eq!(change(&user, PASSWORD, "featherstones-of-the-far-north").await.status, 204);
}

#[tokio::test]
async fn a_change_ends_the_other_sessions_and_keeps_this_one() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let (_, other) = login(&api, &user.email, PASSWORD).await.json().await;
    assert_eq!(change(&user, PASSWORD, OTHER).await.status, 204);

    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);
    assert_eq!(refresh(&api, user.tokens["refresh_token"].as_str().unwrap()).await.status, 200);
    refused(me(&api, other["access_token"].as_str().unwrap()).await, "session_ended", ENDED).await;
    assert_eq!(refresh(&api, other["refresh_token"].as_str().unwrap()).await.status, 401);

    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 401);
    assert_eq!(login(&api, &user.email, OTHER).await.status, 200);
    api.provider.mail_about(&user.email, "Your password was changed").await;
}

#[tokio::test]
async fn a_change_wants_the_present_password() {
    let api = Api::start().await;
    let user = api.user().await;
    let (status, body) = change(&user, OTHER, OTHER).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("wrong_password")), "{body}");
    assert_eq!(rules(change(&user, PASSWORD, "canary").await, "/new_password").await.len(), 1);
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_last_five_passwords_cannot_come_back() {
    let api = Api::start().await;
    let user = api.user().await;
    let passwords: Vec<String> =
        std::iter::once(PASSWORD.to_owned()).chain((1..=5).map(|n| format!("canary-Next-{n}-{n}"))).collect();
    for pair in passwords[..5].windows(2) {
        assert_eq!(change(&user, &pair[0], &pair[1]).await.status, 204, "{pair:?}");
    }
    for old in &passwords[..5] {
        let rules = rules(change(&user, &passwords[4], old).await, "/new_password").await;
        assert_eq!(rules, ["Must not be one of your last 5 passwords."], "{old}");
    }
    assert_eq!(change(&user, &passwords[4], &passwords[5]).await.status, 204);
    assert_eq!(change(&user, &passwords[5], &passwords[0]).await.status, 204, "the sixth last");
}

#[tokio::test]
async fn a_reset_takes_the_token_once_and_ends_every_session() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = reset_token(&api, &user.email).await;
    // What is refused for the password uses nothing up.
    assert_eq!(rules(reset(&api, &token, "canary").await, "/new_password").await.len(), 1);
    let again = rules(reset(&api, &token, PASSWORD).await, "/new_password").await;
    assert_eq!(again, ["Must not be one of your last 5 passwords."]);
    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);

    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
    refused(user.get("/api/v1/auth/me").await, "session_ended", ENDED).await;
    assert_eq!(refresh(&api, user.tokens["refresh_token"].as_str().unwrap()).await.status, 401);
    no_token(reset(&api, &token, "canary-Passw0rd-9").await).await;
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 401);
    let (status, tokens) = login(&api, &user.email, OTHER).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    api.provider.mail_about(&user.email, "Your password was changed").await;
    // Who reads the mail to an address has proved it.
    let (_, me) = me(&api, tokens["access_token"].as_str().unwrap()).await.json().await;
    assert_eq!(me["email_verified"], true);
}

#[tokio::test]
async fn a_password_that_an_admin_demands_is_set_by_mail() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let (_, seen) = user.get("/api/v1/auth/me").await.json().await;
    let path = format!("/api/v1/admin/users/{}", seen["user_id"].as_str().unwrap());
    let (status, body) = admin.patch(&path, &json!({ "must_change_password": true })).await.json().await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = login(&api, &user.email, PASSWORD).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("password_change_required")), "{body}");
    let token = reset_token(&api, &user.email).await;
    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
    assert_eq!(login(&api, &user.email, OTHER).await.status, 200);
}

#[tokio::test]
async fn an_api_key_changes_no_password_and_ends_with_a_reset() {
    let api = Api::start().await;
    // Also of a proved address: who made the account may not be who reads its mail.
    let user = api.verified_user().await;
    let (status, made) =
        user.post("/api/v1/auth/api-keys", &json!({ "name": "x", "scopes": ["chat"] })).await.json().await;
    assert_eq!(status, 201, "{made}");
    let with_key = User { tokens: json!({ "access_token": made["key"] }), ..user.clone() };
    assert_eq!(with_key.get("/api/v1/chat/conversations").await.status, 200);
    assert_eq!(change(&with_key, PASSWORD, OTHER).await.status, 403);
    let token = reset_token(&api, &user.email).await;
    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
    assert_eq!(with_key.get("/api/v1/chat/conversations").await.status, 401);
    let mail = api.provider.mail_about(&user.email, "Your password was changed").await;
    assert!(mail["text"].as_str().unwrap().contains("all your API keys were revoked"), "{mail}");
    let user = api.sign_in(&user.email, OTHER).await;
    let (_, events) = user.get("/api/v1/auth/events").await.json().await;
    let told =
        |action: &str| events["events"].as_array().unwrap().iter().filter(|event| event["action"] == action).count();
    assert_eq!((told("password_reset"), told("api_keys_revoked")), (1, 1), "{events}");
    // A change by who knows the password is none of a reset.
    let with_key = user.with_key(&["chat"]).await;
    assert_eq!(change(&user, OTHER, "canary-Passw0rd-9").await.status, 204);
    assert_eq!(with_key.get("/api/v1/chat/conversations").await.status, 200);
}

#[tokio::test]
async fn of_many_resets_with_one_token_one_does_something() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = reset_token(&api, &user.email).await;
    let passwords: Vec<String> = (0..6).map(|n| format!("canary-At-0nce-{n}")).collect();
    let answers = join_all(passwords.iter().map(|password| reset(&api, &token, password))).await;
    let won: Vec<_> = answers.iter().zip(&passwords).filter(|(answer, _)| answer.status == 204).collect();
    assert_eq!(won.len(), 1);
    let winner = won[0].1.clone();
    for answer in answers.into_iter().filter(|answer| answer.status != 204) {
        no_token(answer).await;
    }
    assert_eq!(login(&api, &user.email, &winner).await.status, 200);
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_reset_makes_the_other_tokens_worthless() {
    let api = Api::start().await;
    let user = api.user().await;
    let (one, two) = (reset_token(&api, &user.email).await, reset_token(&api, &user.email).await);
    assert_eq!(reset(&api, &two, OTHER).await.status, 204);
    no_token(reset(&api, &one, "canary-Passw0rd-9").await).await;
    // So does a change.
    let three = reset_token(&api, &user.email).await;
    let (_, tokens) = login(&api, &user.email, OTHER).await.json().await;
    let user = User { tokens, ..user };
    assert_eq!(change(&user, OTHER, "canary-Passw0rd-9").await.status, 204);
    no_token(reset(&api, &three, "canary-Passw0rd-6").await).await;
}

#[tokio::test]
async fn a_token_of_a_reset_counts_for_an_hour() {
    let api = Api::start().await;
    let user = api.user().await;
    let (early, late) = (reset_token(&api, &user.email).await, reset_token(&api, &user.email).await);
    if !api.pass(Duration::from_hours(1)) {
        return println!("not here: a running host has its own clock");
    }
    no_token(reset(&api, &early, OTHER).await).await;
    no_token(reset(&api, &late, OTHER).await).await;
    let fresh = reset_token(&api, &user.email).await;
    api.pass(Duration::from_mins(59));
    assert_eq!(reset(&api, &fresh, OTHER).await.status, 204);
}

#[tokio::test]
async fn a_reset_lifts_a_lock() {
    let api = Api::start().await;
    let user = api.user().await;
    lock(&api, &user.email).await;
    let token = reset_token(&api, &user.email).await;
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 429);
    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
    assert_eq!(login(&api, &user.email, OTHER).await.status, 200);
}

#[tokio::test]
async fn what_is_no_token_of_a_reset_is_refused() {
    let api = Api::start().await;
    let user = api.user().await;
    let verifies = token_in(&api.provider.mail_about(&user.email, "Confirm").await);
    let token = reset_token(&api, &user.email).await;
    for bad in [
        "x".to_owned(),
        "A".repeat(43),
        token[..42].to_owned(),
        format!("{token}A"),
        token.to_lowercase(),
        format!(" {token}"),
        verifies,
    ] {
        no_token(reset(&api, &bad, OTHER).await).await;
    }
    no_token(api.post("/api/v1/auth/email/verify", &json!({ "token": token })).await).await;
    no_token(user.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await).await;
    assert_eq!(reset(&api, &token, OTHER).await.status, 204);
}

#[tokio::test]
async fn whether_an_address_is_known_is_told_to_nobody_who_forgot() {
    let api = Api::start().await;
    let (user, unknown) = (api.user().await, Api::fresh_email());
    let mut answers = BTreeSet::new();
    for path in [FORGOT, "/api/v1/auth/email/resend"] {
        for email in [&unknown, &user.email, &user.email.to_uppercase()] {
            let headers = [("content-type", "application/json"), ("x-request-id", "same")];
            let body = json!({ "email": email }).to_string();
            let answer = api.send(Method::POST, path, &headers, body.into()).await;
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names.retain(|name| name != "date");
            answers.insert((answer.status.as_u16(), names, answer.text().await));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let (status, _, body) = answers.first().unwrap();
    assert_eq!((*status, serde_json::from_str::<Value>(body).unwrap()), (202, json!({ "status": "accepted" })));
    api.provider.mail_about(&user.email, "Reset").await;
    api.provider.mail_about(&user.email, "Reset").await;
    assert!(api.provider.mails_to(&unknown).await.is_empty());
}

#[tokio::test]
async fn beyond_the_limit_no_mail_is_sent_and_nobody_is_told() {
    let api = Api::start().await;
    let user = api.user().await;
    for _ in 0..5 {
        reset_token(&api, &user.email).await;
    }
    for _ in 0..3 {
        assert_eq!(forgot(&api, &user.email).await.status, 202);
    }
    // Another user's mail came later than these would have.
    reset_token(&api, &api.user().await.email).await;
    let resets = api.provider.mails_to(&user.email).await;
    assert_eq!(resets.iter().filter(|mail| mail["subject"] == "Reset your password").count(), 5);
}

mod private {
    use super::*;
    use crate::auth::sign_up::private::{accepted, user};

    #[tokio::test]
    async fn the_settings_say_what_a_password_must_have() {
        let api = Api::with_profile("private").await;
        for password in ["canaryyy", "abc-canary-789", "CANARYYY"] {
            accepted(&api, &Api::fresh_email(), password).await;
        }
        let register = async |password: &str| {
            let body = json!({ "email": Api::fresh_email(), "password": password });
            rules(api.post("/api/v1/auth/register", &body).await, "/password").await
        };
        assert_eq!(register("canaryy").await, ["Must have at least 8 characters."]);
        // The commonest are refused whatever the settings allow.
        let runs = ["12345678", "abcdefgh", "aaabbbab", "1q2w3e4r", "01011990", "qwertyui", &"ab".repeat(64)];
        for common in runs.into_iter().chain(["password1"]) {
            let rule = "Must not be one of the commonest passwords, also not with digits or signs around it, nor a mere run or repetition.";
            assert_eq!(register(common).await, [rule], "{common}");
        }
    }

    #[tokio::test]
    async fn without_a_history_the_same_password_may_be_chosen_again() {
        let api = Api::with_profile("private").await;
        let user = user(&api).await;
        for (current, new) in [(PASSWORD, PASSWORD), (PASSWORD, "canaryyy"), ("canaryyy", PASSWORD)] {
            assert_eq!(change(&user, current, new).await.status, 204, "{current} {new}");
        }
        assert_eq!(reset(&api, &reset_token(&api, &user.email).await, PASSWORD).await.status, 204);
        assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    }
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn a_strict_policy_wants_every_class_and_no_run() {
        let api = Api::with_profile("tight").await;
        let register = async |password: &str| {
            let body = json!({ "email": Api::fresh_email(), "password": password });
            rules(api.post("/api/v1/auth/register", &body).await, "/password").await
        };
        for (password, count) in [
            ("canary", 2),
            ("canary-abcd", 3),
            ("canaryPassword", 1),
            ("CANARY-PASSW0RD-7", 1),
            ("canary-Passw0rd-7777", 1),
            ("canary-qwer-Passw0rd", 1),
            ("Passw0rd-2024!", 1),
        ] {
            let rules = register(password).await;
            assert_eq!(rules.len(), count, "{password}: {rules:?}");
        }
        // Good by every rule of seed 002, runs of three included.
        let body = json!({ "email": Api::fresh_email(), "password": "SecurePass123!" });
        assert_eq!(api.post("/api/v1/auth/register", &body).await.status, 201);
    }
}
