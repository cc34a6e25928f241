//! Deleting one's account. What is left of it afterwards is tested where time can pass, in `erasure`.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Api, PASSWORD, User};

use super::ME;
use crate::auth::step_up::hour_old;

async fn leave(user: &User, body: &Value) -> (u16, Value) {
    user.send(Method::DELETE, ME, &[], Some(body)).await.json().await
}

async fn sign_in_again(user: &User) -> (u16, Value) {
    user.api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": PASSWORD })).await.json().await
}

#[tokio::test]
async fn leaving_can_be_planned_and_taken_back() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let elsewhere = User { tokens: sign_in_again(&user).await.1, ..user.clone() };
    let (status, planned) = user.delete(ME).await.json().await;
    assert_eq!((status, &planned["mode"]), (202, &json!("scheduled")), "{planned}");
    let day = planned["deletion_scheduled_at"].as_str().unwrap().to_owned();
    assert!(day.as_str() > planned["deletion_requested_at"].as_str().unwrap(), "{planned}");

    let mail = api.provider.mail_about(&user.email, "will be deleted").await;
    assert!(mail["text"].as_str().unwrap().contains(&day), "{mail}");
    assert_eq!(elsewhere.get(ME).await.status, 401, "other sessions end");
    assert_eq!(user.get(ME).await.json().await.1["deletion_scheduled_at"], json!(day));
    let (_, again) = leave(&user, &json!({ "mode": "scheduled" })).await;
    assert_eq!(again, planned, "asking again moves nothing");
    let (_, log) = user.get("/api/v1/auth/events?limit=100").await.json().await;
    let events = log["events"].as_array().unwrap().iter().filter(|event| event["action"] == "deletion_scheduled");
    assert_eq!(events.count(), 1, "who asks again plans nothing: {log}");

    let back = User { tokens: sign_in_again(&user).await.1, ..user.clone() };
    assert_eq!(back.get(ME).await.json().await.1["deletion_scheduled_at"], json!(day), "signing in does not cancel");
    let (status, profile) = back.post("/api/v1/users/me/deletion/cancel", &json!({})).await.json().await;
    assert_eq!(
        (status, &profile["deletion_scheduled_at"], &profile["deletion_requested_at"]),
        (200, &Value::Null, &Value::Null)
    );
    let (status, same) = back.post("/api/v1/users/me/deletion/cancel", &json!({})).await.json().await;
    assert_eq!((status, same), (200, profile));
    let told = api.provider.mails_to(&user.email).await;
    assert_eq!(told.iter().filter(|mail| mail["subject"] == "Your account will be deleted").count(), 1, "{told:?}");
}

#[tokio::test]
async fn who_has_not_proved_to_be_there_plans_nothing_and_signs_nobody_out() {
    let api = Api::start().await;
    let user = api.user().await;
    let elsewhere = User { tokens: sign_in_again(&user).await.1, ..user.clone() };
    let refused = async || {
        let (status, body) = leave(&hour_old(&user), &json!({ "mode": "scheduled" })).await;
        assert_eq!((status, &body["code"]), (403, &json!("step_up_required")), "{body}");
    };
    refused().await;
    let (status, profile) = elsewhere.get(ME).await.json().await;
    assert_eq!((status, &profile["deletion_scheduled_at"]), (200, &Value::Null), "{profile}");

    // Nor does asking again, once it is planned.
    assert_eq!(user.delete(ME).await.status, 202);
    let back = User { tokens: sign_in_again(&user).await.1, ..user.clone() };
    refused().await;
    assert_eq!(back.get(ME).await.status, 200);
}

#[tokio::test]
async fn a_guest_plans_to_leave_without_a_proof() {
    let api = Api::start().await;
    let (_, tokens) = api.post("/api/v1/auth/guest", &json!({})).await.json().await;
    let guest = User { api, email: String::new(), tokens };
    let (status, planned) = hour_old(&guest).delete(ME).await.json().await;
    assert_eq!((status, &planned["mode"]), (202, &json!("scheduled")), "{planned}");
}

#[tokio::test]
async fn leaving_at_once_ends_everything_and_frees_address_and_name() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let name = user.email.split('@').next().unwrap();
    assert_eq!(user.patch(ME, &json!({ "username": name })).await.status, 200);
    let conversation = user.conversation().await;
    let elsewhere = User { tokens: sign_in_again(&user).await.1, ..user.clone() };
    let (status, done) = leave(&user, &json!({ "mode": "immediate" })).await;
    assert_eq!((status, &done["mode"]), (202, &json!("immediate")), "{done}");

    for gone in [&user, &elsewhere] {
        assert_eq!(gone.get(ME).await.status, 401);
        assert_eq!(gone.get("/api/v1/chat/conversations").await.status, 401);
        let refresh = json!({ "refresh_token": gone.tokens["refresh_token"] });
        assert_eq!(api.post("/api/v1/auth/refresh", &refresh).await.status, 401);
    }
    assert_eq!(sign_in_again(&user).await.0, 401);
    let registration = json!({ "email": user.email, "password": PASSWORD });
    let (status, tokens) = api.post("/api/v1/auth/register", &registration).await.json().await;
    assert_eq!(status, 201, "the address is free: {tokens}");
    let anew = User { tokens, ..user.clone() };
    assert_eq!(anew.get(&format!("/api/v1/chat/conversations/{conversation}")).await.status, 404);
    assert_eq!(anew.get(ME).await.json().await.1["username"], Value::Null);
    assert_eq!(other.patch(ME, &json!({ "username": name })).await.status, 200, "the name is free");
    assert_eq!(other.get(ME).await.status, 200);
}

#[tokio::test]
async fn the_day_is_as_many_days_away_as_the_settings_say() {
    let Some(api) = Api::with_settings(&[("LITTORAL_DELETION_DAYS", "3")]).await else {
        return println!("not here: a running host has its own settings");
    };
    let user = api.user().await;
    let (status, planned) = user.delete(ME).await.json().await;
    assert_eq!(status, 202, "{planned}");
    api.pass(Duration::from_hours(3 * 24 - 1));
    api.erase_due().await;
    assert_eq!(sign_in_again(&user).await.0, 200);
    api.pass(Duration::from_hours(1));
    api.erase_due().await;
    assert_eq!(sign_in_again(&user).await.0, 401);
}

#[tokio::test]
async fn only_two_ways_to_leave_are_known() {
    let api = Api::start().await;
    let user = api.user().await;
    for mode in [json!("now"), json!(""), json!(7)] {
        let (status, refused) = leave(&user, &json!({ "mode": mode })).await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/mode")), "{refused}");
    }
    assert_eq!(user.get(ME).await.json().await.1["deletion_scheduled_at"], Value::Null);
}

mod tight {
    use std::time::{Duration, SystemTime};

    use domain::Timestamp;

    use super::*;

    #[tokio::test]
    async fn the_day_that_is_told_is_the_one_that_the_settings_say() {
        let api = Api::with_profile("tight").await;
        let user = api.user().await;
        let in_two_days = || {
            let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
            let now = Timestamp::from_millis(i64::try_from(now).expect("a time"));
            now.plus(Duration::from_hours(48)).to_string()
        };
        let earliest = in_two_days();
        let (status, planned) = user.delete(ME).await.json().await;
        assert_eq!(status, 202, "{planned}");
        let day = planned["deletion_scheduled_at"].as_str().unwrap();
        assert!((earliest.as_str()..=in_two_days().as_str()).contains(&day), "{planned}");
    }
}
