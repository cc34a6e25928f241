//! `/api/v1/chat`: conversations, their messages, the tree, the replies.

mod conversations;
mod deleting;
mod history;
mod regenerate;
mod replies;
mod tree;

use serde_json::{Value, json};
use tests::User;

const LIST: &str = "/api/v1/chat/conversations";

fn messages_of(conversation: &str) -> String {
    format!("{LIST}/{conversation}/messages")
}

/// `GET` that must succeed.
async fn get(user: &User, path: &str) -> Value {
    let (status, body) = user.get(path).await.json().await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Sends a message and returns the whole exchange.
async fn say(user: &User, conversation: &str, body: &Value) -> Value {
    let (status, body) = user.post(&messages_of(conversation), body).await.json().await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Sends a text to the built-in model.
async fn say_offline(user: &User, conversation: &str, content: &str) -> Value {
    say(user, conversation, &json!({ "content": content, "model": "littoral-offline" })).await
}

/// One member of every object of a list.
fn column(list: &Value, name: &str) -> Vec<String> {
    let text = |item: &Value| item[name].as_str().unwrap_or_else(|| panic!("no text {name}: {item}")).to_owned();
    list.as_array().expect("a list").iter().map(text).collect()
}
