//! `POST /api/v1/chat/conversations/{id}/messages/{message_id}/regenerate`: one more reply beside the earlier ones.

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, User, joined};

use super::{messages_of, say};

fn path(conversation: &str, message: &Value) -> String {
    format!("{}/{}/regenerate", messages_of(conversation), message.as_str().expect("an id"))
}

/// A conversation whose one reply failed: its id, the question and the reply.
async fn failed(user: &User) -> (String, Value, Value) {
    let conversation = user.conversation().await;
    let failing = user.api.provider.script(Script::new().head(200).delta("Hel").close()).await;
    let body = json!({ "content": "one", "model": failing });
    assert_eq!(user.post(&messages_of(&conversation), &body).await.status, 502);
    let mut messages = user.messages(&conversation).await.into_iter();
    (conversation, messages.next().unwrap(), messages.next().unwrap())
}

async fn sent(api: &Api, model: &str) -> Value {
    api.provider.requests(model).await.pop().expect("a call")["messages"].clone()
}

#[tokio::test]
async fn a_failed_reply_gets_a_sibling_and_the_conversation_goes_on_there() {
    let api = Api::start().await;
    let user = api.user().await;
    let (conversation, question, reply) = failed(&user).await;
    let model = api.provider.script(Script::reply(&["eins"])).await;
    let answer = user.post(&path(&conversation, &reply["id"]), &json!({ "model": model })).await;
    let (status, exchange) = answer.json().await;
    assert_eq!(status, 200, "{exchange}");
    assert_eq!(exchange["user_message"], question);
    let again = &exchange["model_message"];
    assert_eq!((&again["parent_id"], &again["content"]), (&question["id"], &json!("eins")));
    assert_ne!(again["id"], reply["id"]);
    assert_eq!(sent(&api, &model).await, json!([{ "role": "user", "content": "one" }]));

    let messages = user.messages(&conversation).await;
    assert_eq!(messages, [question, reply, again.clone()]);
    let model = api.provider.script(Script::reply(&["zwei"])).await;
    let next = say(&user, &conversation, &json!({ "content": "two", "model": model })).await;
    assert_eq!(next["user_message"]["parent_id"], again["id"]);
    let turns = json!([
        { "role": "user", "content": "one" }, { "role": "assistant", "content": "eins" }, { "role": "user", "content": "two" },
    ]);
    assert_eq!(sent(&api, &model).await, turns);
}

#[tokio::test]
async fn a_question_can_be_named_as_well_and_the_reply_streamed_once() {
    let api = Api::start().await;
    let user = api.user().await;
    let (conversation, question, _) = failed(&user).await;
    let model = api.provider.script(Script::reply(&["eins"])).await;
    let (path, body) = (path(&conversation, &question["id"]), json!({ "model": model, "stream": true }));
    let send = async || {
        let answer = user.send(Method::POST, &path, &[("idempotency-key", "again")], Some(&body)).await;
        answer.frames().await.rest().await
    };
    let first = send().await;
    assert_eq!(joined(&first), "eins");
    assert_eq!(first[0].json()["user_message_id"], question["id"]);
    assert_eq!(send().await, first);
    assert_eq!(api.provider.count(&model).await, 1);
    assert_eq!(user.messages(&conversation).await.len(), 3);
}

#[tokio::test]
async fn a_body_is_not_needed() {
    let api = Api::start().await;
    let user = api.user().await;
    let (conversation, _, reply) = failed(&user).await;
    let answer = user.send(Method::POST, &path(&conversation, &reply["id"]), &[], None).await;
    assert_eq!(answer.json().await.1["model_message"]["model"], "default");
}

#[tokio::test]
async fn what_is_not_there_or_somebody_elses_is_not_found() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let (conversation, question, _) = failed(&user).await;
    let own = other.conversation().await;
    let body = json!({ "model": "littoral-offline" });
    assert_eq!(other.post(&path(&conversation, &question["id"]), &body).await.status, 404);
    assert_eq!(other.post(&path(&own, &question["id"]), &body).await.status, 404);
    for id in ["x", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(user.post(&path(&conversation, &json!(id)), &body).await.status, 404);
    }
    assert_eq!(user.messages(&conversation).await.len(), 2);
    assert!(other.messages(&own).await.is_empty());
}

#[tokio::test]
async fn a_reply_beyond_the_budget_is_refused_and_nothing_is_stored() {
    let api = Api::start().await;
    let user = api.user().await;
    let (conversation, _, reply) = failed(&user).await;
    let (status, problem) =
        user.post(&path(&conversation, &reply["id"]), &json!({ "model": "pricey" })).await.json().await;
    assert_eq!((status, &problem["code"]), (429, &json!("budget_exceeded")));
    assert_eq!(user.messages(&conversation).await.len(), 2);
}
