//! `/api/v1/auth/sessions` and `/api/v1/auth/logout`: devices, and how sessions end.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api, User};

use super::{EXPIRED, PASSWORD, SOME_ID, login, me, refresh::refresh, refused};

const ENDED: &str = "This session has ended. Sign in again.";
const INVALID: &str = "Invalid or expired refresh token";
const DAY: Duration = Duration::from_hours(24);

const PHONE: [(&str, &str); 3] = [
    ("x-device-name", "Ada’s phone"),
    ("x-device-platform", "iOS"),
    ("user-agent", "Littoral/7 CFNetwork/1568 Darwin/24.0"),
];
const LAPTOP: [(&str, &str); 1] =
    [("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")];

async fn post(api: &Api, path: &str, device: &[(&str, &str)], body: &Value) -> Answer {
    let headers: Vec<_> = [("content-type", "application/json")].iter().chain(device).copied().collect();
    api.send(Method::POST, path, &headers, body.to_string().into()).await
}

/// Signs a user in on another device.
async fn sign_in(user: &User, device: &[(&str, &str)]) -> User {
    let body = json!({ "email": user.email, "password": PASSWORD });
    let (status, tokens) = post(&user.api, "/api/v1/auth/login", device, &body).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    User { tokens, ..user.clone() }
}

/// Refreshes in place.
async fn renew(user: &mut User) {
    let (status, tokens) = refresh(&user.api, refresh_token(user)).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    user.tokens = tokens;
}

fn refresh_token(user: &User) -> &str {
    user.tokens["refresh_token"].as_str().expect("a refresh token")
}

async fn sessions(user: &User) -> Vec<Value> {
    let (status, body) = user.get("/api/v1/auth/sessions").await.json().await;
    assert_eq!(status, 200, "{body}");
    body["sessions"].as_array().expect("a list").clone()
}

/// The id of the session that a user calls from.
async fn own(user: &User) -> String {
    let all = sessions(user).await;
    let mut current = all.iter().filter(|session| session["current"] == true);
    let id = current.next().expect("one's own")["id"].as_str().expect("an id").to_owned();
    assert_eq!(current.next(), None, "only one is one's own");
    id
}

/// Neither token of the session is worth anything.
async fn is_over(user: &User) {
    refused(user.get("/api/v1/auth/me").await, "session_ended", ENDED).await;
    refused(refresh(&user.api, refresh_token(user)).await, "invalid_refresh_token", INVALID).await;
}

async fn is_alive(user: &User) {
    assert_eq!(me(&user.api, user.access_token()).await.status, 200);
    assert_eq!(refresh(&user.api, refresh_token(user)).await.status, 200);
}

#[tokio::test]
async fn the_list_tells_devices_apart_and_marks_ones_own() {
    let api = Api::start().await;
    let user = api.user().await;
    let (phone, laptop) = (sign_in(&user, &PHONE).await, sign_in(&user, &LAPTOP).await);
    let all = sessions(&phone).await;
    assert_eq!(all.len(), 3, "{all:?}");
    let mut times: Vec<_> = all.iter().map(|session| session["last_used_at"].as_str().unwrap()).collect();
    times.reverse();
    assert!(times.is_sorted(), "the one used last comes first: {times:?}");
    let by = |program: &str| all.iter().find(|session| session["program"] == program).expect("the device");
    let (one, two) = (by("Littoral"), by("Firefox"));
    let members: BTreeSet<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = [
        "address",
        "country",
        "created_at",
        "current",
        "device_name",
        "expires_at",
        "id",
        "idle_expires_at",
        "last_used_at",
        "platform",
        "program",
    ];
    assert_eq!(members, wanted.into());
    assert_eq!((&one["device_name"], &one["platform"]), (&json!("Ada’s phone"), &json!("ios")));
    assert_eq!((&two["device_name"], &two["platform"]), (&json!(null), &json!("linux")));
    assert_eq!((&one["current"], &two["current"]), (&json!(true), &json!(false)));
    assert_eq!(own(&laptop).await, two["id"].as_str().unwrap());
    for session in &all {
        let address = &session["address"];
        assert!(address.is_null() || address.as_str().unwrap().parse::<IpAddr>().is_ok(), "{session}");
        assert!(session["created_at"].as_str() <= session["last_used_at"].as_str(), "{session}");
        assert!(session["last_used_at"].as_str() < session["idle_expires_at"].as_str(), "{session}");
        assert!(session["idle_expires_at"].as_str() <= session["expires_at"].as_str(), "{session}");
    }
}

#[tokio::test]
async fn a_refresh_tells_anew_where_the_device_is() {
    let api = Api::start().await;
    let first = api.user().await;
    let mut user = sign_in(&first, &PHONE).await;
    let before = sessions(&user).await;
    let there = api.call_from("203.0.113.7", Some("PT"));
    let update = [("user-agent", "Littoral/8 CFNetwork/1600"), ("x-device-name", "Ada’s new name")];
    let body = json!({ "refresh_token": refresh_token(&user) });
    let (status, tokens) = post(&api, "/api/v1/auth/refresh", &update, &body).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    user.tokens = tokens;
    let after = sessions(&user).await;
    let current = |all: &[Value]| all.iter().find(|session| session["current"] == true).unwrap().clone();
    let (was, is) = (current(&before), current(&after));
    assert_eq!((&is["id"], &is["current"]), (&was["id"], &json!(true)));
    assert_eq!((&is["device_name"], &is["platform"]), (&json!("Ada’s new name"), &json!("ios")));
    assert_eq!((&is["created_at"], &is["expires_at"]), (&was["created_at"], &was["expires_at"]));
    assert!(is["last_used_at"].as_str() >= was["last_used_at"].as_str());
    if there {
        assert_eq!((&is["address"], &is["country"]), (&json!("203.0.113.7"), &json!("PT")));
        // A country is never kept for an address that it was not said of.
        api.call_from("2001:db8::1", None);
        renew(&mut user).await;
        let is = current(&sessions(&user).await);
        assert_eq!((&is["address"], &is["country"]), (&json!("2001:db8::1"), &json!(null)));
        // What is not told stays.
        assert_eq!((&is["device_name"], &is["program"]), (&json!("Ada’s new name"), &json!("Littoral")));
    }
}

#[tokio::test]
async fn another_device_can_be_signed_out() {
    let api = Api::start().await;
    let user = api.user().await;
    let other = sign_in(&user, &PHONE).await;
    let path = format!("/api/v1/auth/sessions/{}", own(&other).await);
    let answer = user.delete(&path).await;
    assert_eq!(answer.status, 204);
    assert!(answer.bytes().await.is_empty());
    is_over(&other).await;
    assert_eq!(sessions(&user).await.len(), 1);
    assert_eq!(user.delete(&path).await.status, 404);
    is_alive(&user).await;
}

#[tokio::test]
async fn ones_own_session_can_be_ended_like_any_other() {
    let api = Api::start().await;
    let user = api.user().await;
    assert_eq!(user.delete(&format!("/api/v1/auth/sessions/{}", own(&user).await)).await.status, 204);
    is_over(&user).await;
}

#[tokio::test]
async fn somebody_elses_session_looks_like_none() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let theirs = own(&other).await;
    assert_eq!(sessions(&user).await.len(), 1);
    for id in [theirs.as_str(), SOME_ID, "x", "%00", "..", &"9".repeat(500), &theirs.to_uppercase()] {
        let (status, body) = user.delete(&format!("/api/v1/auth/sessions/{id}")).await.json().await;
        assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{id}: {body}");
    }
    is_alive(&other).await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_the_user() {
    let api = Api::start().await;
    let (user, stranger) = (api.user().await, api.user().await);
    let (one, two) = (sign_in(&user, &PHONE).await, sign_in(&user, &LAPTOP).await);
    assert_eq!(one.post("/api/v1/auth/logout", &json!({ "scope": "global" })).await.status, 204);
    for session in [&user, &one, &two] {
        is_over(session).await;
    }
    is_alive(&stranger).await;
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn signing_out_the_others_leaves_this_one() {
    let api = Api::start().await;
    let user = api.user().await;
    let (one, two) = (sign_in(&user, &PHONE).await, sign_in(&user, &LAPTOP).await);
    assert_eq!(one.post("/api/v1/auth/logout", &json!({ "scope": "others" })).await.status, 204);
    is_over(&user).await;
    is_over(&two).await;
    assert_eq!(sessions(&one).await.len(), 1);
    is_alive(&one).await;
}

#[tokio::test]
async fn signing_out_ends_this_session_alone_unless_it_says_otherwise() {
    let api = Api::start().await;
    let first = api.user().await;
    for body in [json!({}), json!({ "scope": "local" }), json!({ "scope": null })] {
        let user = sign_in(&first, &PHONE).await;
        assert_eq!(user.post("/api/v1/auth/logout", &body).await.status, 204, "{body}");
        is_over(&user).await;
    }
    let user = sign_in(&first, &PHONE).await;
    assert_eq!(user.send(Method::POST, "/api/v1/auth/logout", &[], None).await.status, 204);
    is_over(&user).await;
    is_alive(&first).await;
}

#[tokio::test]
async fn a_scope_in_the_query_counts_as_gotrues_clients_send_it() {
    let api = Api::start().await;
    let user = api.user().await;
    let other = sign_in(&user, &PHONE).await;
    assert_eq!(user.send(Method::POST, "/api/v1/auth/logout?scope=others", &[], None).await.status, 204);
    is_over(&other).await;
    let other = sign_in(&user, &PHONE).await;
    // The body wins.
    let body = json!({ "scope": "others" });
    assert_eq!(user.send(Method::POST, "/api/v1/auth/logout?scope=global", &[], Some(&body)).await.status, 204);
    is_over(&other).await;
    assert_eq!(user.send(Method::POST, "/api/v1/auth/logout?scope=global", &[], None).await.status, 204);
    is_over(&user).await;
}

#[tokio::test]
async fn a_scope_that_is_none_ends_nothing() {
    let api = Api::start().await;
    let user = api.user().await;
    for (path, body, pointer) in [
        ("/api/v1/auth/logout", json!({ "scope": "all" }), "/scope"),
        ("/api/v1/auth/logout", json!({ "scope": true }), "/scope"),
        ("/api/v1/auth/logout", json!({ "scope": "" }), "/scope"),
        ("/api/v1/auth/logout?scope=all", json!({}), "?scope"),
    ] {
        let (status, answer) = user.post(path, &body).await.json().await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}: {answer}");
    }
    is_alive(&user).await;
}

#[tokio::test]
async fn a_reused_token_says_which_device_it_was() {
    let api = Api::start().await;
    let first = api.user().await;
    for (device, name) in
        [(&PHONE[..], "“Ada’s phone”"), (&LAPTOP[..], "Firefox on linux"), (&[("user-agent", "curl/8.5")][..], "curl")]
    {
        let mut user = sign_in(&first, device).await;
        let stolen = refresh_token(&user).to_owned();
        let body = |token: &str| json!({ "refresh_token": token });
        for _ in 0..2 {
            let answer = post(&api, "/api/v1/auth/refresh", device, &body(refresh_token(&user))).await;
            user.tokens = answer.json().await.1;
        }
        let session = sessions(&user).await.into_iter().find(|session| session["current"] == true).unwrap();
        let detail = format!(
            "This refresh token was used before, so the session on {name} (last used {}) has been ended. Sign in again.",
            session["last_used_at"].as_str().unwrap()
        );
        // The thief's own device is not the one that is named.
        let thief = [("x-device-name", "Eve"), ("user-agent", "Eve/1")];
        let answer = post(&api, "/api/v1/auth/refresh", &thief, &body(&stolen)).await;
        refused(answer, "refresh_token_reused", &detail).await;
        is_over(&user).await;
        let (_, events) = first.get("/api/v1/auth/events").await.json().await;
        let about = |event: &&Value| event["session_id"] == session["id"] && event["action"] == "refresh_token_reused";
        let event = events["events"].as_array().unwrap().iter().find(about).expect("the event");
        assert_eq!(event["outcome"], "failure");
        assert_eq!((&event["detail"], &event["device"]), (&json!(name), &json!("Eve")), "{event}");
    }
    is_alive(&first).await;
}

#[tokio::test]
async fn a_session_that_is_not_refreshed_ends() {
    let api = Api::start().await;
    let mut user = api.user().await;
    if !api.pass(Duration::from_mins(30 * 24 * 60 - 1)) {
        return println!("not here: a running host has its own clock");
    }
    renew(&mut user).await;
    let before = user.clone();
    api.pass(Duration::from_mins(16));
    refused(user.get("/api/v1/auth/me").await, "token_expired", EXPIRED).await;
    renew(&mut user).await;
    assert_eq!(sessions(&user).await.len(), 1);
    // The refresh began the time anew; now it runs out.
    api.pass(30 * DAY);
    refused(refresh(&api, refresh_token(&user)).await, "invalid_refresh_token", INVALID).await;
    // Also with the token before, which is no theft: the session was over.
    refused(refresh(&api, refresh_token(&before)).await, "invalid_refresh_token", INVALID).await;
    let user = sign_in(&user, &PHONE).await;
    assert_eq!(sessions(&user).await.len(), 1, "only open sessions are listed");
    let (_, events) = user.get("/api/v1/auth/events").await.json().await;
    assert!(!events.to_string().contains("refresh_token_reused"), "{events}");
}

#[tokio::test]
async fn a_session_ends_however_often_it_is_refreshed() {
    let api = Api::start().await;
    let mut user = api.user().await;
    for _ in 0..18 {
        if !api.pass(20 * DAY) {
            return println!("not here: a running host has its own clock");
        }
        renew(&mut user).await;
    }
    let session = &sessions(&user).await[0];
    assert_eq!(session["idle_expires_at"], session["expires_at"], "{session}");
    api.pass(5 * DAY);
    refused(refresh(&api, refresh_token(&user)).await, "invalid_refresh_token", INVALID).await;
}

#[tokio::test]
async fn a_lost_response_can_be_repeated_for_a_week() {
    let api = Api::start().await;
    let user = api.user().await;
    let mut lost = user.clone();
    renew(&mut lost).await;
    if !api.pass(Duration::from_mins(7 * 24 * 60 - 1)) {
        return println!("not here: a running host has its own clock");
    }
    let (status, again) = refresh(&api, refresh_token(&user)).await.json().await;
    assert_eq!((status, &again["refresh_token"]), (200, &lost.tokens["refresh_token"]));
    api.pass(Duration::from_mins(2));
    let (status, body) = refresh(&api, refresh_token(&user)).await.json().await;
    assert_eq!((status, &body["code"]), (401, &json!("refresh_token_reused")), "{body}");
    refused(refresh(&api, refresh_token(&lost)).await, "invalid_refresh_token", INVALID).await;
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn one_session_too_many_ends_the_one_that_was_not_used_for_longest() {
        let api = Api::with_profile("tight").await;
        let mut first = api.user().await;
        // On a running host requests take as long as they take.
        let pass = || api.pass(Duration::from_secs(1));
        pass();
        let second = sign_in(&first, &PHONE).await;
        pass();
        let third = sign_in(&first, &PHONE).await;
        pass();
        renew(&mut first).await;
        pass();
        let fourth = sign_in(&first, &PHONE).await;
        is_over(&second).await;
        for user in [&first, &third, &fourth] {
            assert_eq!(me(&api, user.access_token()).await.status, 200);
        }
        assert_eq!(sessions(&first).await.len(), 3);
        let (_, events) = first.get("/api/v1/auth/events").await.json().await;
        let told: Vec<_> =
            events["events"].as_array().unwrap().iter().filter(|event| event["action"] == "session_ended").collect();
        assert_eq!(told.len(), 1, "{events}");
        assert_eq!(told[0]["detail"], "too_many_sessions");
        // Many at once leave no more than may be.
        let answers = futures_util::future::join_all((0..8).map(|_| login(&api, &first.email, PASSWORD))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let tokens = answers.into_iter().next().unwrap().json().await.1;
        let another = sign_in(&User { tokens, ..first }, &LAPTOP).await;
        assert_eq!(sessions(&another).await.len(), 3);
    }
}
