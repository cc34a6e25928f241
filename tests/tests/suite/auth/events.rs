//! `GET /api/v1/auth/events`: what happened to an account.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Api, User};

use super::{PASSWORD, login};

async fn page(user: &User, query: &str) -> Value {
    let (status, body) = user.get(&format!("/api/v1/auth/events{query}")).await.json().await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn events(user: &User) -> Vec<Value> {
    let body = page(user, "?limit=100").await;
    assert_eq!((&body["has_more"], &body["next_cursor"]), (&json!(false), &json!(null)));
    body["events"].as_array().expect("a list").clone()
}

/// Action, outcome and detail of each, in an order that does not depend on two of them happening within a millisecond.
fn told(events: &[Value]) -> Vec<(&str, &str, Option<&str>)> {
    let told = events
        .iter()
        .map(|event| (event["action"].as_str().unwrap(), event["outcome"].as_str().unwrap(), event["detail"].as_str()));
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told
}

#[tokio::test]
async fn what_happens_to_an_account_is_told_to_its_user() {
    let api = Api::start().await;
    let user = api.user().await;
    assert_eq!(login(&api, &user.email, "a wrong password").await.status, 401);
    let (_, tokens) = login(&api, &user.email, PASSWORD).await.json().await;
    let other = User { tokens, ..user.clone() };
    assert_eq!(other.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    login(&api, &user.email, PASSWORD).await;
    // The second time there is no other session, so nothing is told.
    for _ in 0..2 {
        assert_eq!(user.post("/api/v1/auth/logout", &json!({ "scope": "others" })).await.status, 204);
    }

    let events = events(&user).await;
    let wanted = [
        ("registered", "success", Some("registration")),
        ("signed_in", "failure", Some("password")),
        ("signed_in", "success", Some("password")),
        ("signed_in", "success", Some("password")),
        ("signed_out", "success", Some("local")),
        ("signed_out", "success", Some("others")),
    ];
    assert_eq!(told(&events), wanted);
    let mut times: Vec<_> = events.iter().map(|event| event["created_at"].as_str().unwrap()).collect();
    times.reverse();
    assert!(times.is_sorted(), "the latest comes first: {times:?}");
    for event in &events {
        let mut members: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(
            members,
            [
                "action",
                "address",
                "by_operator",
                "country",
                "created_at",
                "detail",
                "device",
                "id",
                "outcome",
                "session_id"
            ]
        );
        assert_eq!(event["by_operator"], false);
        assert_eq!(event["session_id"].is_null(), event["outcome"] == "failure", "{event}");
    }
    let text = json!(events).to_string();
    assert!(!text.contains(PASSWORD) && !text.contains("a wrong password") && !text.contains("lrt_"), "{text}");
}

#[tokio::test]
async fn an_event_says_from_where_it_came() {
    let api = Api::start().await;
    let user = api.user().await;
    let from = api.call_from("203.0.113.9", Some("IS"));
    let body = json!({ "email": user.email, "password": "a wrong password" }).to_string();
    let headers = [("content-type", "application/json"), ("x-device-name", "Eve"), ("user-agent", "Eve/1")];
    api.send(http::Method::POST, "/api/v1/auth/login", &headers, body.into()).await;
    let events = events(&user).await;
    let event = events.iter().find(|event| event["outcome"] == "failure").expect("the failure");
    assert_eq!(event["device"], "Eve");
    if from {
        assert_eq!((&event["address"], &event["country"]), (&json!("203.0.113.9"), &json!("IS")));
    }
}

#[tokio::test]
async fn pages_of_events_follow_each_other_without_gaps() {
    let api = Api::start().await;
    let user = api.user().await;
    for password in ["a wrong password", "a wrong password", PASSWORD, PASSWORD] {
        login(&api, &user.email, password).await;
    }
    let all = events(&user).await;
    assert_eq!(all.len(), 5);
    // What happens in one millisecond has no order; what comes later does not share theirs.
    api.pass(Duration::from_secs(1));
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let body = page(&user, &query).await;
        let events = body["events"].as_array().unwrap();
        assert!((1..=2).contains(&events.len()), "{body}");
        seen.extend(events.clone());
        let Some(cursor) = body["next_cursor"].as_str() else {
            assert_eq!(body["has_more"], false);
            break;
        };
        assert_eq!(body["has_more"], true);
        query = format!("?limit=2&cursor={cursor}");
        // What comes in between does not shift the pages.
        login(&api, &user.email, "another wrong password").await;
    }
    assert_eq!(seen, all);
    for bad in ["?cursor=x", "?limit=many", "?cursor=MS5h"] {
        let (status, body) = user.get(&format!("/api/v1/auth/events{bad}")).await.json().await;
        assert_eq!(status, 422, "{bad}: {body}");
    }
}

#[tokio::test]
async fn nobody_sees_the_events_of_others() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    login(&api, &other.email, "a wrong password").await;
    login(&api, &Api::fresh_email(), "a wrong password").await;
    assert_eq!(told(&events(&user).await), [("registered", "success", Some("registration"))]);
    assert_eq!(events(&other).await.len(), 2);
    // A cursor is a place, not a permission.
    let theirs = page(&other, "?limit=1").await;
    let through = page(&user, &format!("?cursor={}", theirs["next_cursor"].as_str().unwrap())).await;
    assert!(through["events"].as_array().unwrap().iter().all(|event| event["action"] == "registered"), "{through}");
}

#[tokio::test]
async fn events_are_kept_for_their_retention() {
    let Some(api) = Api::with_settings(&[("LITTORAL_AUDIT_DAYS", "10")]).await else {
        return println!("not here: a running host has its own settings");
    };
    let user = api.user().await;
    api.pass(Duration::from_hours(10 * 24 - 1));
    let (_, tokens) = login(&api, &user.email, PASSWORD).await.json().await;
    let user = User { tokens, ..user };
    assert_eq!(events(&user).await.len(), 2);
    api.pass(Duration::from_hours(2));
    let (_, tokens) = login(&api, &user.email, PASSWORD).await.json().await;
    let user = User { tokens, ..user };
    let left = events(&user).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|event| event["action"] == "signed_in"), "{left:?}");
}
