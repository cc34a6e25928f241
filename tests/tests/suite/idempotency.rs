//! The same request twice runs once.

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Answer, Api, User};

async fn send(user: &User, conversation: &str, key: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    user.send(Method::POST, &path, &[("idempotency-key", key)], Some(body)).await
}

fn slow() -> Script {
    Script::new().head(200).delta("Hel").pause(200).delta("lo").finish("stop").done()
}

#[tokio::test]
async fn the_same_key_at_once_and_later_runs_once_with_identical_bytes() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let body = json!({ "content": "Hello", "model": model, "stream": true });
    let streams =
        (0..5).map(|_| async { send(&user, &conversation, "\"k-1\"", &body).await.frames().await.rest().await });
    let streams = futures_util::future::join_all(streams).await;
    assert!(streams.iter().all(|frames| *frames == streams[0]), "{streams:?}");
    let later = send(&user, &conversation, "k-1", &body).await.frames().await.rest().await;
    assert_eq!(later, streams[0]);
    assert_eq!(api.provider.count(&model).await, 1);
    assert_eq!(user.messages(&conversation).await.len(), 2);
}

#[tokio::test]
async fn a_stream_and_its_json_retry_are_one_run() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let mut frames = send(&user, &conversation, "k", &json!({ "content": "Hello", "model": model, "stream": true }))
        .await
        .frames()
        .await;
    frames.next().await;
    drop(frames);
    let (status, reply) =
        send(&user, &conversation, "k", &json!({ "content": "Hello", "model": model })).await.json().await;
    assert_eq!((status, &reply["model_message"]["content"]), (200, &json!("Hello")));
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    send(&user, &conversation, "k", &json!({ "content": "Hello", "model": model })).await.json().await;
    let (status, body) =
        send(&user, &conversation, "k", &json!({ "content": "Bye", "model": model })).await.json().await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn keys_of_two_users_have_nothing_to_do_with_each_other() {
    let api = Api::start().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    for _ in 0..2 {
        let user = api.user().await;
        let conversation = user.conversation().await;
        let (status, _) =
            send(&user, &conversation, "k", &json!({ "content": "Hello", "model": model })).await.json().await;
        assert_eq!(status, 200);
    }
    assert_eq!(api.provider.count(&model).await, 2);
}
