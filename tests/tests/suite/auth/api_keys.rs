//! `/api/v1/auth/api-keys`: keys that act for a user, within their scopes.

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api, User};

use super::SOME_ID;

const KEYS: &str = "/api/v1/auth/api-keys";
const LIST: &str = "/api/v1/chat/conversations";

async fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let (found, body) = answer.json().await;
    assert_eq!((found, &body["code"]), (status, &json!(code)), "{body}");
    body
}

async fn create(user: &User, body: &Value) -> Value {
    let (status, made) = user.post(KEYS, body).await.json().await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn keys(user: &User) -> Vec<Value> {
    let (status, body) = user.get(KEYS).await.json().await;
    assert_eq!(status, 200, "{body}");
    body["api_keys"].as_array().unwrap().clone()
}

/// Sends a key in a header of one's choice.
async fn with(api: &Api, path: &str, header: (&str, &str)) -> Answer {
    api.send(Method::GET, path, &[header], Vec::new()).await
}

#[tokio::test]
async fn a_key_is_shown_once_and_known_again_by_its_beginning() {
    let api = Api::start().await;
    let user = api.user().await;
    let made = create(&user, &json!({ "name": "laptop", "expires_in_days": 30 })).await;
    let key = made["key"].as_str().unwrap();
    assert!(
        key.len() == 53 && key.starts_with("lit_") && key[4..].bytes().all(|c| c.is_ascii_alphanumeric()),
        "{made}"
    );
    assert_eq!(
        (&made["name"], &made["scopes"], &made["prefix"]),
        (&json!("laptop"), &json!(["chat"]), &json!(&key[..8]))
    );
    assert_eq!(made["last_used_at"], Value::Null);
    let days = |text: &Value| text.as_str().unwrap()[..10].to_owned();
    assert_ne!(days(&made["expires_at"]), days(&made["created_at"]));

    let other = create(&user, &json!({ "name": "phone" })).await;
    assert_eq!(other["expires_at"], Value::Null);
    let listed = keys(&user).await;
    assert_eq!(listed.len(), 2);
    let mut without = made.clone();
    without.as_object_mut().unwrap().remove("key");
    assert!(listed.contains(&without), "{listed:?}");
    assert!(!json!(listed).to_string().contains(&key[8..]), "{listed:?}");
}

#[tokio::test]
async fn of_many_who_revoke_at_once_it_is_told_once() {
    let api = Api::start().await;
    let user = api.user().await;
    let made = create(&user, &json!({ "name": "laptop" })).await;
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    let answers = futures_util::future::join_all((0..4).map(|_| user.delete(&path))).await;
    assert!(answers.iter().all(|answer| [204, 404].contains(&answer.status.as_u16())));
    assert!(answers.iter().any(|answer| answer.status == 204));
    let (_, events) = user.get("/api/v1/auth/events").await.json().await;
    let told = events["events"].as_array().unwrap().iter().filter(|event| event["action"] == "api_key_revoked").count();
    assert_eq!(told, 1, "{events}");
}

#[tokio::test]
async fn a_guest_has_no_keys() {
    let api = Api::start().await;
    let (_, tokens) = api.send(Method::POST, "/api/v1/auth/guest", &[], Vec::new()).await.json().await;
    let guest = User { tokens, ..api.user().await };
    refused(guest.post(KEYS, &json!({ "name": "x" })).await, 403, "permission_denied").await;
    assert_eq!(keys(&guest).await.len(), 0);
}

#[tokio::test]
async fn a_new_key_is_told_by_mail() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let body = json!({ "name": "CI https://evil.example" });
    let device = [("x-device-name", "Ada's phone")];
    let (status, made) = user.send(Method::POST, KEYS, &device, Some(&body)).await.json().await;
    assert_eq!(status, 201, "{made}");
    let mail = api.provider.mail_about(&user.email, "A new API key").await;
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    let prefix = made["prefix"].as_str().unwrap();
    let told = format!("A new API key: CI https evil example ({prefix}…) was made, on Ada's phone.\n");
    assert!(text.contains(&told), "{text}");
    for part in [text, html] {
        assert!(part.contains(prefix) && !part.contains(made["key"].as_str().unwrap()), "{part}");
    }
}

#[tokio::test]
async fn a_key_chats_in_every_header_that_carries_one() {
    let api = Api::start().await;
    let user = api.user().await;
    let key = user.with_key(&["chat"]).await;
    let conversation = key.conversation().await;
    let frames = key.stream(&conversation, "littoral-offline").await.rest().await;
    let run = key.ended(&frames[0].run).await;
    assert_eq!(run["status"], "completed");
    assert_eq!(key.messages(&conversation).await, user.messages(&conversation).await);
    let said = key.post("/api/v1/ai/complete", &json!({ "prompt": "x", "model": "littoral-offline" })).await;
    assert_eq!(said.status, 200);

    let text = key.access_token();
    for header in [("x-api-key", text), ("x-goog-api-key", text), ("authorization", &format!("bearer {text}"))] {
        let (status, body) = with(&api, LIST, header).await.json().await;
        assert_eq!((status, &body["conversations"][0]["id"]), (200, &json!(conversation)), "{}", header.0);
    }
}

#[tokio::test]
async fn a_use_is_noted() {
    let api = Api::start().await;
    let user = api.user().await;
    let key = user.with_key(&["chat"]).await;
    // It is noted beside the request that uses it.
    while keys(&user).await[0]["last_used_at"].is_null() {
        assert_eq!(key.get(LIST).await.status, 200);
        tokio::task::yield_now().await;
    }
    let listed = keys(&user).await;
    assert!(listed[0]["last_used_at"].as_str() >= listed[0]["created_at"].as_str(), "{listed:?}");
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_never_manages() {
    let api = Api::start().await;
    let user = api.user().await;
    let (chat, reader) = (user.with_key(&["chat"]).await, user.with_key(&["account:read"]).await);
    let both = user.with_key(&["account:read", "chat"]).await;
    for key in [&reader, &both] {
        assert_eq!(key.id().await, user.id().await);
    }
    refused(chat.get("/api/v1/auth/me").await, 403, "permission_denied").await;
    assert_eq!(both.get(LIST).await.status, 200);
    for path in [LIST.to_owned(), format!("/api/v1/runs/{SOME_ID}")] {
        refused(reader.get(&path).await, 403, "permission_denied").await;
    }
    let own = format!("{KEYS}/{}", both.tokens["id"].as_str().unwrap());
    for (method, path) in
        [(Method::POST, "/api/v1/auth/logout"), (Method::GET, KEYS), (Method::POST, KEYS), (Method::DELETE, &own)]
    {
        let body = json!({ "name": "more", "scopes": ["chat"] });
        refused(both.send(method, path, &[], Some(&body)).await, 403, "permission_denied").await;
    }
    assert_eq!(keys(&user).await.len(), 3);
}

#[tokio::test]
async fn no_key_gets_more_than_its_owner_may_give() {
    let api = Api::start().await;
    let user = api.user().await;
    for scopes in [
        json!(["users:read"]),
        json!(["audit:read", "chat"]),
        json!(["account:manage"]),
        json!(["users:manage"]),
        json!(["canary"]),
        json!([""]),
        json!([]),
        json!([5]),
        json!("chat"),
        json!(["chat", "chat", "chat", "chat", "chat", "chat", "chat"]),
    ] {
        let body =
            refused(user.post(KEYS, &json!({ "name": "x", "scopes": scopes })).await, 422, "validation_failed").await;
        assert_eq!(body["errors"][0]["pointer"], "/scopes", "{scopes}");
        assert!(!body.to_string().contains("canary"), "{body}");
    }
    let wrong = json!({ "name": "", "expires_in_days": 0 });
    let body = refused(user.post(KEYS, &wrong).await, 422, "validation_failed").await;
    let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|entry| &entry["pointer"]).collect();
    assert_eq!(pointers, ["/name", "/expires_in_days"]);
    assert!(keys(&user).await.is_empty());
}

#[tokio::test]
async fn what_is_no_key_opens_nothing() {
    let api = Api::start().await;
    let user = api.user().await;
    let key = user.with_key(&["chat"]).await;
    let text = key.access_token();
    let last = if text.ends_with('x') { "y" } else { "x" };
    let made_up = format!("lit_{}", "A".repeat(49));
    for wrong in
        [&text[..52], &format!("{}{last}", &text[..52]), &format!("{text}x"), "lit_", &made_up, &text.to_uppercase()]
    {
        let answer = with(&api, LIST, ("x-api-key", wrong)).await;
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\", "));
        let code = if wrong.starts_with("lit_") { "invalid_api_key" } else { "invalid_token" };
        refused(answer, 401, code).await;
    }
    refused(with(&api, LIST, ("authorization", text)).await, 401, "not_authenticated").await;
    refused(with(&api, LIST, ("authorization", &format!("Basic {text}"))).await, 401, "not_authenticated").await;
    refused(with(&api, &format!("{LIST}?key={text}"), ("accept", "*/*")).await, 401, "not_authenticated").await;
}

#[tokio::test]
async fn a_revoked_key_is_worth_nothing_at_once() {
    let api = Api::start().await;
    let user = api.user().await;
    let (key, other) = (user.with_key(&["chat"]).await, user.with_key(&["chat"]).await);
    assert_eq!(key.get(LIST).await.status, 200);
    let path = format!("{KEYS}/{}", key.tokens["id"].as_str().unwrap());
    let answer = user.delete(&path).await;
    assert_eq!(answer.status, 204);
    refused(key.get(LIST).await, 401, "invalid_api_key").await;
    assert_eq!(other.get(LIST).await.status, 200);
    refused(user.delete(&path).await, 404, "not_found").await;
    assert_eq!(keys(&user).await.len(), 1);
    // Signing out does not end it: it is a credential of its own.
    assert_eq!(user.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    assert_eq!(other.get(LIST).await.status, 200);
}

#[tokio::test]
async fn a_key_is_nobody_elses() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let key = owner.with_key(&["chat"]).await;
    let (theirs, nobodys) = (format!("{KEYS}/{}", key.tokens["id"].as_str().unwrap()), format!("{KEYS}/{SOME_ID}"));
    let same = [("x-request-id", "same")];
    let found = stranger.send(Method::DELETE, &theirs, &same, None).await;
    assert_eq!(found.status, 404);
    assert_eq!(found.text().await, stranger.send(Method::DELETE, &nobodys, &same, None).await.text().await);
    assert!(keys(&stranger).await.is_empty());
    let conversation = stranger.conversation().await;
    refused(key.get(&format!("{LIST}/{conversation}")).await, 404, "not_found").await;
}

#[tokio::test]
async fn a_user_has_at_most_fifty() {
    let api = Api::start().await;
    let user = api.user().await;
    for number in 0..50 {
        create(&user, &json!({ "name": format!("{number}") })).await;
    }
    refused(user.post(KEYS, &json!({ "name": "one too many" })).await, 409, "too_many_api_keys").await;
    let listed = keys(&user).await;
    assert_eq!(listed.len(), 50);
    assert_eq!(user.delete(&format!("{KEYS}/{}", listed[0]["id"].as_str().unwrap())).await.status, 204);
    create(&user, &json!({ "name": "fits again" })).await;
}
