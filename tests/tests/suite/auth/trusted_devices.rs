//! Trusted devices: where a second factor was proved once, it need not be for a while.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Api, PASSWORD, User,
    authenticator::{Protected, codes, factors},
};

use super::check_tokens;

async fn trusted(protected: &Protected, code: usize) -> String {
    let tokens = protected.sign_in(&json!({ "recovery_code": protected.codes[code], "trust_device": true })).await;
    tokens["trusted_device_token"].as_str().unwrap_or_else(|| panic!("no token: {tokens}")).to_owned()
}

async fn login(protected: &Protected, token: &str) -> Value {
    protected.login(&json!({ "trusted_device_token": token })).await.json().await.1
}

#[tokio::test]
async fn a_trusted_device_signs_in_with_the_password_alone() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let token = trusted(&protected, 0).await;
    assert_eq!(factors(&protected.user).await["trusted_devices"], 1);
    for _ in 0..2 {
        check_tokens(&login(&protected, &token).await);
    }
    // The password is still asked for, and other devices are asked for more.
    let wrong = json!({ "email": protected.user.email, "password": "wrong-Passw0rd-7", "trusted_device_token": token });
    assert_eq!(api.post("/api/v1/auth/login", &wrong).await.status, 401);
    protected.challenge().await;
}

#[tokio::test]
async fn the_one_that_was_used_last_the_longest_ago_makes_room() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let (first, second) = (trusted(&protected, 0).await, trusted(&protected, 1).await);
    check_tokens(&login(&protected, &first).await);
    // 18 more are as many as there may be, and the next takes the place of the second.
    let renew = || async {
        let (status, body) = protected.user.post("/api/v1/auth/recovery-codes", &json!({})).await.json().await;
        assert_eq!(status, 201, "{body}");
        codes(&body)
    };
    let mut left = Vec::new();
    for _ in 0..19 {
        if left.is_empty() {
            left = renew().await;
        }
        let body = json!({ "recovery_code": left.pop(), "trust_device": true });
        protected.sign_in(&body).await;
    }
    assert_eq!(factors(&protected.user).await["trusted_devices"], 20);
    check_tokens(&login(&protected, &first).await);
    assert_eq!(login(&protected, &second).await["second_factor_required"], true);
}

#[tokio::test]
async fn what_is_sensitive_asks_for_the_factor_on_a_trusted_device_too() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let token = trusted(&protected, 0).await;
    let user = User { tokens: login(&protected, &token).await, ..protected.user.clone() };
    let (status, body) = user.post("/api/v1/auth/recovery-codes", &json!({})).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_required")), "{body}");
}

#[tokio::test]
async fn a_new_password_ends_the_trust() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let token = trusted(&protected, 0).await;
    let body = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
    assert_eq!(protected.user.post("/api/v1/auth/password/change", &body).await.status, 204);
    let body = json!({ "email": protected.user.email, "password": "canary-Passw0rd-8", "trusted_device_token": token });
    let (status, asked) = api.post("/api/v1/auth/login", &body).await.json().await;
    assert_eq!((status, &asked["second_factor_required"]), (200, &json!(true)), "{asked}");
}

#[tokio::test]
async fn only_who_asks_for_it_is_trusted() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    for (at, trust) in [json!(false), Value::Null].into_iter().enumerate() {
        let tokens = protected.sign_in(&json!({ "recovery_code": protected.codes[at], "trust_device": trust })).await;
        check_tokens(&tokens);
    }
    assert_eq!(factors(&protected.user).await["trusted_devices"], 0);
}

#[tokio::test]
async fn no_other_token_is_trusted() {
    let api = Api::start().await;
    let (protected, other) = (Protected::new(&api).await, Protected::new(&api).await);
    let (token, theirs) = (trusted(&protected, 0).await, trusted(&other, 0).await);
    let (id, secret) = token.split_once('.').unwrap();
    let refresh = protected.user.tokens["refresh_token"].as_str().unwrap();
    let swapped = format!("{id}.{}", theirs.split_once('.').unwrap().1);
    for bad in [&theirs, &swapped, &format!("{id}."), &format!("{token}A"), secret, refresh, "ltd_x.y", "x"] {
        assert_eq!(login(&protected, bad).await["second_factor_required"], true, "{bad}");
    }
    let (status, _) = protected.login(&json!({ "trusted_device_token": "x".repeat(200) })).await.json().await;
    assert_eq!(status, 422);
    check_tokens(&login(&protected, &token).await);
}

#[tokio::test]
async fn trust_ends_when_its_user_says_so() {
    let api = Api::start().await;
    let (protected, other) = (Protected::new(&api).await, Protected::new(&api).await);
    let (one, two) = (trusted(&protected, 0).await, trusted(&protected, 1).await);
    let theirs = trusted(&other, 0).await;
    assert_eq!(factors(&protected.user).await["trusted_devices"], 2);
    assert_eq!(protected.user.delete("/api/v1/auth/trusted-devices").await.status, 204);
    assert_eq!(factors(&protected.user).await["trusted_devices"], 0);
    for token in [one, two] {
        assert_eq!(login(&protected, &token).await["second_factor_required"], true);
    }
    check_tokens(&login(&other, &theirs).await);
}

#[tokio::test]
async fn trust_ends_with_the_factor_it_stands_for() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let token = trusted(&protected, 0).await;
    let listed = factors(&protected.user).await;
    let path = format!("/api/v1/auth/factors/{}", listed["factors"][0]["id"].as_str().unwrap());
    assert_eq!(protected.user.delete(&path).await.status, 204);
    let app = tests::authenticator::begin(&protected.user).await;
    assert_eq!(tests::authenticator::confirm(&protected.user, &app.now()).await.status, 200);
    assert_eq!(login(&protected, &token).await["second_factor_required"], true);
}

#[tokio::test]
async fn trust_ends_after_thirty_days() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let token = trusted(&protected, 0).await;
    if !api.pass(Duration::from_hours(30 * 24 - 1)) {
        return println!("a running host has a clock of its own");
    }
    check_tokens(&login(&protected, &token).await);
    api.pass(Duration::from_hours(1));
    assert_eq!(login(&protected, &token).await["second_factor_required"], true, "also of who used it in between");
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn trust_can_be_switched_off() {
        let api = Api::with_profile("tight").await;
        let protected = Protected::new(&api).await;
        check_tokens(&protected.sign_in(&json!({ "recovery_code": protected.codes[0], "trust_device": true })).await);
    }
}
