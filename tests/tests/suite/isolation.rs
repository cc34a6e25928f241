//! Two users never see each other: what is somebody else's looks exactly like what does not exist.

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, User};

const NOBODYS: &str = "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e";
const LIST: &str = "/api/v1/chat/conversations";

/// Status, headers that matter and whole body of a request with a fixed request id.
async fn answer(
    user: &User,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> (u16, Vec<(String, String)>, String) {
    let all: Vec<_> = [("x-request-id", "same")].into_iter().chain(headers.iter().copied()).collect();
    let answer = user.send(method.clone(), path, &all, body).await;
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    headers.sort();
    (answer.status.as_u16(), headers, answer.text().await)
}

/// Somebody else's thing and nobody's are refused with the same bytes.
async fn hidden(
    stranger: &User,
    method: Method,
    theirs: &str,
    id: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) {
    let found = answer(stranger, &method, theirs, headers, body.as_ref()).await;
    assert_eq!(found.0, 404, "{method} {theirs}: {}", found.2);
    assert!(!found.2.contains(id), "{method} {theirs}: {}", found.2);
    let nobodys = answer(stranger, &method, &theirs.replace(id, NOBODYS), headers, body.as_ref()).await;
    assert_eq!(found, nobodys, "{method} {theirs}");
}

#[tokio::test]
async fn a_conversation_is_nobody_elses() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let (_, created) = owner.post(LIST, &json!({ "title": "mine" })).await.json().await;
    let id = created["id"].as_str().unwrap();
    let own = stranger.conversation().await;
    let said =
        owner.post(&format!("{LIST}/{id}/messages"), &json!({ "content": "mine", "model": "littoral-offline" })).await;
    let said = said.json().await.1;
    let before = (owner.get(&format!("{LIST}/{id}")).await.json().await, owner.messages(id).await);
    let model = api.provider.script(Script::reply(&["never"])).await;

    let path = format!("{LIST}/{id}");
    let messages = format!("{path}/messages");
    let send = json!({ "content": "x", "model": model });
    hidden(&stranger, Method::GET, &path, id, &[], None).await;
    hidden(&stranger, Method::PATCH, &path, id, &[], Some(json!({ "title": "x" }))).await;
    hidden(&stranger, Method::DELETE, &path, id, &[], None).await;
    hidden(&stranger, Method::GET, &messages, id, &[], None).await;
    hidden(&stranger, Method::GET, &format!("{messages}?order=desc&limit=1"), id, &[], None).await;
    hidden(&stranger, Method::POST, &messages, id, &[], Some(send.clone())).await;
    hidden(&stranger, Method::POST, &messages, id, &[("accept", "text/event-stream")], Some(send.clone())).await;
    hidden(&stranger, Method::POST, &messages, id, &[("idempotency-key", "k")], Some(send.clone())).await;
    let with_parent = json!({ "content": "x", "model": model, "parent_id": said["user_message"]["id"] });
    hidden(&stranger, Method::POST, &messages, id, &[], Some(with_parent)).await;

    assert_eq!((owner.get(&path).await.json().await, owner.messages(id).await), before);
    assert_eq!(api.provider.count(&model).await, 0);
    let (_, list) = stranger.get(LIST).await.json().await;
    let ids: Vec<_> = list["conversations"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(own)]);
}

#[tokio::test]
async fn somebody_elses_message_is_no_parent() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let (theirs, own) = (owner.conversation().await, stranger.conversation().await);
    let path = |id: &str| format!("{LIST}/{id}/messages");
    let said =
        owner.post(&path(&theirs), &json!({ "content": "secret", "model": "littoral-offline" })).await.json().await.1;
    let id = said["model_message"]["id"].as_str().unwrap();
    let mut seen = Vec::new();
    for parent in [id, NOBODYS] {
        let body = json!({ "content": "repeat", "model": "littoral-offline", "parent_id": parent });
        seen.push(answer(&stranger, &Method::POST, &path(&own), &[], Some(&body)).await);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].0, 422);
    assert!(stranger.messages(&own).await.is_empty());
}

/// Reading, following, resuming and stopping a run as somebody else.
async fn run_is_hidden(stranger: &User, run: &str) {
    let path = format!("/api/v1/runs/{run}");
    let last = format!("{run}.1");
    hidden(stranger, Method::GET, &path, run, &[], None).await;
    hidden(stranger, Method::GET, &format!("{path}/stream"), run, &[], None).await;
    hidden(stranger, Method::GET, &format!("{path}/stream?after=1"), run, &[], None).await;
    let resumed = answer(stranger, &Method::GET, &format!("{path}/stream"), &[("last-event-id", &last)], None).await;
    assert_eq!(resumed.0, 404, "{}", resumed.2);
    hidden(stranger, Method::POST, &format!("{path}/stop"), run, &[], None).await;
    hidden(stranger, Method::POST, &format!("{path}/stop"), run, &[], Some(json!({ "seen": 1 }))).await;
}

#[tokio::test]
async fn a_run_under_way_is_nobody_elses() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let conversation = owner.conversation().await;
    let model =
        api.provider.script(Script::new().head(200).delta("Hel").pause(700).delta("lo").finish("stop").done()).await;
    let mut frames = owner.stream(&conversation, &model).await;
    let first = frames.until("delta").await;
    run_is_hidden(&stranger, &first[0].run).await;
    // Nobody stopped it.
    let rest = frames.rest().await;
    assert_eq!(rest.last().unwrap().json()["status"], "completed");
    assert_eq!(owner.messages(&conversation).await[1]["content"], "Hello");
}

#[tokio::test]
async fn a_run_that_is_over_is_nobody_elses() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let conversation = owner.conversation().await;
    let frames = owner.stream(&conversation, "littoral-offline").await.rest().await;
    let run = &frames[0].run;
    owner.ended(run).await;
    run_is_hidden(&stranger, run).await;
    assert_eq!(owner.get(&format!("/api/v1/runs/{run}")).await.status, 200);
}

#[tokio::test]
async fn a_run_that_is_not_stored_is_nobody_elses() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let model =
        api.provider.script(Script::new().head(200).delta("Hel").pause(700).delta("lo").finish("stop").done()).await;
    let body = json!({ "prompt": "Hello", "model": model, "stream": true });
    let mut frames = owner.post("/api/v1/ai/complete", &body).await.frames().await;
    let first = frames.until("delta").await;
    let run = first[0].run.clone();
    run_is_hidden(&stranger, &run).await;
    let rest = frames.rest().await;
    assert_eq!(rest.last().unwrap().json()["status"], "completed");
    // And while its log is kept for a reader who comes back: for its owner alone.
    run_is_hidden(&stranger, &run).await;
    let again = owner.resume(&run, 1).await.rest().await;
    assert_eq!(again.iter().map(tests::Frame::text).collect::<String>(), "Hello");
}

#[tokio::test]
async fn a_run_of_an_idempotency_key_is_nobody_elses() {
    let api = Api::start().await;
    let (owner, stranger) = (api.user().await, api.user().await);
    let body = json!({ "prompt": "secret", "model": "littoral-offline" });
    let key = [("idempotency-key", "shared")];
    let (_, mine) = owner.send(Method::POST, "/api/v1/ai/complete", &key, Some(&body)).await.json().await;
    let (_, theirs) = stranger.send(Method::POST, "/api/v1/ai/complete", &key, Some(&body)).await.json().await;
    assert_ne!(mine["run_id"], theirs["run_id"]);
    run_is_hidden(&stranger, mine["run_id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_token_of_one_user_shows_that_user_alone() {
    let api = Api::start().await;
    let (one, two) = (api.user().await, api.user().await);
    assert_eq!(one.get("/api/v1/auth/me").await.json().await.1["email"], json!(one.email));
    assert_eq!(two.get("/api/v1/auth/me").await.json().await.1["email"], json!(two.email));
    one.post("/api/v1/auth/logout", &json!({})).await;
    assert_eq!(one.get("/api/v1/auth/me").await.status, 401);
    assert_eq!(two.get("/api/v1/auth/me").await.status, 200);
}
