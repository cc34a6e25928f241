//! `DELETE …/conversations/{id}`: everything goes with it, also a reply that is being written.

use serde_json::json;
use testkit::upstream::Script;
use tests::Api;

use super::{LIST, column, get, messages_of, say, say_offline};

#[tokio::test]
async fn deleting_takes_messages_and_runs_along() {
    let api = Api::start().await;
    let user = api.user().await;
    let (id, kept) = (user.conversation().await, user.conversation().await);
    let exchange = say_offline(&user, &id, "Hi").await;
    let remaining = say_offline(&user, &kept, "Hi").await;
    let run = exchange["run_id"].as_str().unwrap();

    let answer = user.delete(&format!("{LIST}/{id}")).await;
    assert_eq!(answer.status, 204);
    assert!(answer.bytes().await.is_empty());

    for (path, what) in [
        (format!("{LIST}/{id}"), "Conversation"),
        (messages_of(&id), "Conversation"),
        (format!("/api/v1/runs/{run}"), "Run"),
        (format!("/api/v1/runs/{run}/stream"), "Run"),
    ] {
        let (status, body) = user.get(&path).await.json().await;
        assert_eq!((status, &body["detail"]), (404, &json!(format!("{what} not found"))), "{path}");
    }
    assert_eq!(user.post(&format!("/api/v1/runs/{run}/stop"), &json!({})).await.status, 404);
    assert_eq!(user.patch(&format!("{LIST}/{id}"), &json!({ "title": "x" })).await.status, 404);
    assert_eq!(user.post(&messages_of(&id), &json!({ "content": "Hi" })).await.status, 404);
    assert_eq!(user.delete(&format!("{LIST}/{id}")).await.status, 404, "gone is gone");

    assert_eq!(column(&get(&user, LIST).await["conversations"], "id"), [kept.as_str()]);
    assert_eq!(user.messages(&kept).await.len(), 2);
    get(&user, &format!("/api/v1/runs/{}", remaining["run_id"].as_str().unwrap())).await;
}

#[tokio::test]
async fn a_message_to_a_deleted_conversation_never_reaches_the_provider() {
    let api = Api::start().await;
    let user = api.user().await;
    let id = user.conversation().await;
    user.delete(&format!("{LIST}/{id}")).await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    let (status, body) = user.post(&messages_of(&id), &json!({ "content": "Hi", "model": model })).await.json().await;
    assert_eq!((status, &body["detail"]), (404, &json!("Conversation not found")));
    assert_eq!(api.provider.count(&model).await, 0);
}

#[tokio::test]
async fn deleting_while_a_reply_is_written_leaves_the_provider() {
    let api = Api::start().await;
    let user = api.user().await;
    let id = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).drip(&": quiet\n\n".repeat(1_000), 9, 100)).await;
    let mut frames = user.stream(&id, &model).await;
    let run = frames.next().await.expect("the first event").run;
    assert_eq!(user.delete(&format!("{LIST}/{id}")).await.status, 204);

    let call = api.provider.closed(&model, 5_000).await;
    assert_eq!(call["closed_early"], true, "{call}");
    // The reader is not told that the reply is whole. It comes back and finds nothing.
    while let Some(frame) = frames.next().await {
        assert_ne!((frame.event.as_str(), &frame.json()["status"]), ("end", &json!("completed")));
    }
    assert_eq!(user.get(&format!("/api/v1/runs/{run}")).await.status, 404);
    assert_eq!(user.get(&format!("/api/v1/runs/{run}/stream")).await.status, 404);
    assert_eq!(user.get(&messages_of(&id)).await.status, 404);
    assert_eq!(get(&user, LIST).await["conversations"], json!([]));
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn a_whole_reply_whose_conversation_is_deleted_is_an_error() {
    let api = Api::start().await;
    let user = api.user().await;
    let id = user.conversation().await;
    let model =
        api.provider.script(Script::new().head(200).delta("Hel").drip(&": quiet\n\n".repeat(1_000), 9, 100)).await;
    let body = json!({ "content": "Hello", "model": model });
    let deleting = async {
        api.provider.counted(&model, 1).await;
        user.delete(&format!("{LIST}/{id}")).await.status
    };
    let path = messages_of(&id);
    let (answer, deleted) = tokio::join!(user.post(&path, &body), deleting);
    assert_eq!(deleted, 204);
    let (status, body) = answer.json().await;
    assert_eq!((status, &body["detail"]), (404, &json!("Conversation not found")), "{body}");
    assert_eq!(api.provider.closed(&model, 5_000).await["closed_early"], true);
}

#[tokio::test]
async fn a_stream_that_has_not_begun_and_whose_conversation_is_deleted_is_an_error() {
    // Waits for the first output for longer than it takes to find that the conversation is gone.
    let Some(api) = Api::with_settings(&[("LITTORAL_HOLD_MS", "10000")]).await else { return };
    let user = api.user().await;
    let id = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).drip(&": quiet\n\n".repeat(1_000), 9, 100)).await;
    let body = json!({ "content": "Hello", "model": model, "stream": true });
    let deleting = async {
        api.provider.counted(&model, 1).await;
        user.delete(&format!("{LIST}/{id}")).await.status
    };
    let path = messages_of(&id);
    let (answer, deleted) = tokio::join!(user.post(&path, &body), deleting);
    assert_eq!(deleted, 204);
    let (status, body) = answer.json().await;
    assert_eq!((status, &body["detail"]), (404, &json!("Conversation not found")), "{body}");
}

#[tokio::test]
async fn an_idempotency_key_of_a_deleted_conversation_is_free_again() {
    let api = Api::start().await;
    let user = api.user().await;
    let (one, two) = (user.conversation().await, user.conversation().await);
    let body = json!({ "content": "Hello", "model": "littoral-offline" });
    let key = [("idempotency-key", "k")];
    assert_eq!(user.send(http::Method::POST, &messages_of(&one), &key, Some(&body)).await.status, 200);
    user.delete(&format!("{LIST}/{one}")).await;
    assert_eq!(user.send(http::Method::POST, &messages_of(&two), &key, Some(&body)).await.status, 200);
    say(&user, &two, &body).await;
}
