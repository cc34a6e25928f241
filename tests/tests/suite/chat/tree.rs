//! The tree: `parent_id` makes siblings, and the provider is sent the path from the root and nothing else.

use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, User};

use super::{column, get, messages_of, say};

/// What the newest call of a script was sent, as `role: content`.
async fn sent(api: &Api, model: &str) -> Vec<String> {
    let request = api.provider.requests(model).await.pop().expect("a call");
    let turn = |turn: &Value| format!("{}: {}", turn["role"].as_str().unwrap(), turn["content"].as_str().unwrap());
    request["messages"].as_array().expect("messages").iter().map(turn).collect()
}

/// Sends a message whose reply is `reply`, and returns the exchange and what the provider was sent.
async fn exchange(
    user: &User,
    conversation: &str,
    content: &str,
    reply: &str,
    parent: Option<&Value>,
) -> (Value, Vec<String>) {
    let model = user.api.provider.script(Script::reply(&[reply])).await;
    let mut body = json!({ "content": content, "model": model });
    if let Some(parent) = parent {
        body["parent_id"] = parent.clone();
    }
    let answer = say(user, conversation, &body).await;
    let sent = sent(&user.api, &model).await;
    (answer, sent)
}

#[tokio::test]
async fn the_provider_is_sent_the_conversation_so_far() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let (_, sent) = exchange(&user, &conversation, "one", "eins", None).await;
    assert_eq!(sent, ["user: one"]);
    let (_, sent) = exchange(&user, &conversation, "two", "zwei", None).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: two"]);
    let (_, sent) = exchange(&user, &conversation, "three", "drei", None).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: two", "assistant: zwei", "user: three"]);
}

#[tokio::test]
async fn a_parent_makes_a_sibling_and_the_provider_is_sent_its_path_alone() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let (first, _) = exchange(&user, &conversation, "one", "eins", None).await;
    let root = &first["model_message"]["id"];
    let (left, _) = exchange(&user, &conversation, "left", "links", None).await;
    let (right, sent) = exchange(&user, &conversation, "right", "rechts", Some(root)).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: right"]);
    assert_eq!(&left["user_message"]["parent_id"], root);
    assert_eq!(&right["user_message"]["parent_id"], root);
    assert_eq!(right["model_message"]["parent_id"], right["user_message"]["id"]);

    // Without a parent the talk goes on where it was last.
    let (_, sent) = exchange(&user, &conversation, "on", "weiter", None).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: right", "assistant: rechts", "user: on"]);
    // And with one, on the branch that it names.
    let (_, sent) = exchange(&user, &conversation, "back", "zurück", Some(&left["model_message"]["id"])).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: left", "assistant: links", "user: back"]);

    let contents = column(&get(&user, &messages_of(&conversation)).await["messages"], "content");
    assert_eq!(contents, ["one", "eins", "left", "links", "right", "rechts", "on", "weiter", "back", "zurück"]);
}

#[tokio::test]
async fn a_parent_must_be_a_message_of_this_conversation() {
    let api = Api::start().await;
    let (user, stranger) = (api.user().await, api.user().await);
    let (conversation, other, theirs) =
        (user.conversation().await, user.conversation().await, stranger.conversation().await);
    let (elsewhere, _) = exchange(&user, &other, "one", "eins", None).await;
    let (foreign, _) = exchange(&stranger, &theirs, "one", "eins", None).await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    for parent in [
        &elsewhere["user_message"]["id"],
        &foreign["model_message"]["id"],
        &json!("01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e"),
        &json!(conversation),
        &json!("nonsense"),
    ] {
        let body = json!({ "content": "Hello", "model": model, "parent_id": parent });
        let (status, body) = user.post(&messages_of(&conversation), &body).await.json().await;
        assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/parent_id")), "{body}");
        assert_eq!(body["errors"][0]["detail"], "Must be the id of a message of this conversation.");
    }
    assert!(user.messages(&conversation).await.is_empty());
    assert_eq!(api.provider.count(&model).await, 0);
}

#[tokio::test]
async fn a_question_is_no_parent() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let (said, _) = exchange(&user, &conversation, "one", "eins", None).await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    let body = json!({ "content": "Hello", "model": model, "parent_id": said["user_message"]["id"] });
    let (status, problem) = user.post(&messages_of(&conversation), &body).await.json().await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/parent_id")), "{problem}");
    assert_eq!(problem["errors"][0]["detail"], "Must be a reply of this conversation.");
    assert_eq!(user.messages(&conversation).await.len(), 2);
    assert_eq!(api.provider.count(&model).await, 0);
}

#[tokio::test]
async fn history_is_cut_to_the_budget_and_the_newest_is_kept() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    // 400 estimated tokens: four bytes a token and four for the turn. Each turn here counts 104.
    let long = |n: usize| format!("{n}{}", "x".repeat(399));
    exchange(&user, &conversation, &long(1), &long(2), None).await;
    exchange(&user, &conversation, &long(3), &long(4), None).await;
    let (_, sent) = exchange(&user, &conversation, "now", "ok", None).await;
    assert_eq!(
        sent,
        [
            format!("assistant: {}", long(2)),
            format!("user: {}", long(3)),
            format!("assistant: {}", long(4)),
            "user: now".into()
        ]
    );
    // The history itself is whole.
    assert_eq!(user.messages(&conversation).await.len(), 6);
}

#[tokio::test]
async fn the_last_message_is_sent_whole_however_long_it_is() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    exchange(&user, &conversation, "one", "eins", None).await;
    let longest = "é".repeat(32_000);
    let (answer, sent) = exchange(&user, &conversation, &longest, "ok", None).await;
    assert_eq!(sent, [format!("user: {longest}")]);
    assert_eq!(answer["user_message"]["content"], json!(longest));
}

#[tokio::test]
async fn a_failed_reply_and_its_question_are_not_sent_to_the_provider() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    exchange(&user, &conversation, "one", "eins", None).await;
    for (failing, status) in
        [(Script::error(400, "invalid_request_error", "no"), 400), (Script::new().head(200).delta("Hel").close(), 502)]
    {
        let body = json!({ "content": "again and again", "model": api.provider.script(failing).await });
        assert_eq!(user.post(&messages_of(&conversation), &body).await.status, status);
    }
    let (_, sent) = exchange(&user, &conversation, "two", "zwei", None).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: two"]);
    // Nor do they use up the budget.
    let long = api.provider.script(Script::error(400, "invalid_request_error", "no")).await;
    let body = json!({ "content": "x".repeat(4_000), "model": long });
    assert_eq!(user.post(&messages_of(&conversation), &body).await.status, 400);
    let (_, sent) = exchange(&user, &conversation, "three", "drei", None).await;
    assert_eq!(sent, ["user: one", "assistant: eins", "user: two", "assistant: zwei", "user: three"]);
}

#[tokio::test]
async fn the_first_message_can_have_a_sibling() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    exchange(&user, &conversation, "one", "eins", None).await;
    // The parent of a first message is null; so is that of its edited copy.
    let (answer, sent) = exchange(&user, &conversation, "one, edited", "uno", Some(&Value::Null)).await;
    assert_eq!(sent, ["user: one, edited"]);
    assert_eq!(answer["user_message"]["parent_id"], Value::Null);
}
