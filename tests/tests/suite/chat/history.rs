//! `GET …/messages`: pages of a conversation's history.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, User};

use super::{column, get, messages_of, say, say_offline};

/// A conversation with `count` exchanges of two messages each: `m0`, its reply, `m1`, …
async fn talk(user: &User, count: usize) -> String {
    let conversation = user.conversation().await;
    for n in 0..count {
        say_offline(user, &conversation, &format!("m{n}")).await;
    }
    conversation
}

#[tokio::test]
async fn history_is_oldest_first_with_roles_user_and_model() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = talk(&user, 2).await;
    let page = get(&user, &messages_of(&conversation)).await;
    assert_eq!(column(&page["messages"], "role"), ["user", "model", "user", "model"]);
    let contents = column(&page["messages"], "content");
    assert_eq!((contents[0].as_str(), contents[2].as_str()), ("m0", "m1"));
    assert!(contents[1].ends_with("m0") && contents[3].ends_with("m1"), "{contents:?}");
    assert_eq!((&page["has_more"], &page["next_cursor"]), (&json!(false), &Value::Null));
    let members: BTreeSet<_> = page["messages"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["content", "created_at", "id", "model", "parent_id", "role", "run_id", "status"].into());
    assert_eq!(column(&page["messages"], "status"), ["completed"; 4]);
    assert_eq!(page["messages"][0]["parent_id"], Value::Null);
    for at in 1..4 {
        assert_eq!(page["messages"][at]["parent_id"], page["messages"][at - 1]["id"]);
    }
    assert_eq!(
        (&page["messages"][0]["model"], &page["messages"][1]["model"]),
        (&Value::Null, &json!("littoral-offline"))
    );
}

#[tokio::test]
async fn an_empty_conversation_has_no_messages() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let empty = json!({ "messages": [], "has_more": false, "next_cursor": null });
    assert_eq!(get(&user, &messages_of(&conversation)).await, empty);
    assert_eq!(get(&user, &format!("{}?order=desc", messages_of(&conversation))).await, empty);
}

#[tokio::test]
async fn limit_and_skip_are_clamped_and_has_more_is_exact() {
    let api = Api::start().await;
    let user = api.user().await;
    let path = messages_of(&talk(&user, 26).await);
    for (query, count, has_more) in [
        ("", 50, true),
        ("?limit=0", 1, true),
        ("?limit=-1", 1, true),
        ("?limit=1000", 52, false),
        ("?limit=52", 52, false),
        ("?limit=51", 51, true),
        ("?limit=26&skip=26", 26, false),
        ("?limit=26&skip=25", 26, true),
        ("?skip=51", 1, false),
        ("?skip=52", 0, false),
        ("?skip=-9", 50, true),
        ("?order=desc&limit=51&skip=1", 51, false),
    ] {
        let page = get(&user, &format!("{path}{query}")).await;
        assert_eq!(
            (page["messages"].as_array().unwrap().len(), &page["has_more"]),
            (count, &json!(has_more)),
            "{query}"
        );
    }
    let page = get(&user, &format!("{path}?limit=2&skip=4")).await;
    assert_eq!(column(&page["messages"], "content")[0], "m2");
}

#[tokio::test]
async fn the_cursor_walks_the_whole_history_in_both_directions() {
    let api = Api::start().await;
    let user = api.user().await;
    let path = messages_of(&talk(&user, 5).await);
    let all = column(&get(&user, &path).await["messages"], "id");
    for (order, limit) in [("asc", 3), ("desc", 3), ("asc", 5), ("desc", 5), ("asc", 1), ("desc", 10)] {
        let (mut seen, mut next) = (Vec::new(), format!("{path}?order={order}&limit={limit}"));
        loop {
            let page = get(&user, &next).await;
            seen.extend(column(&page["messages"], "id"));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("{path}?order={order}&limit={limit}&cursor={cursor}");
        }
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, all, "{order} {limit}");
    }
}

#[tokio::test]
async fn reading_backwards_is_not_disturbed_by_new_messages() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = talk(&user, 3).await;
    let path = messages_of(&conversation);
    let all = column(&get(&user, &path).await["messages"], "id");
    let first = get(&user, &format!("{path}?order=desc&limit=3")).await;
    say_offline(&user, &conversation, "late").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&user, &format!("{path}?order=desc&limit=3&cursor={cursor}")).await;
    let mut seen = [column(&first["messages"], "id"), column(&second["messages"], "id")].concat();
    seen.reverse();
    assert_eq!(seen, all);
    assert_eq!(second["has_more"], false);
}

#[tokio::test]
async fn a_page_ends_at_about_a_million_bytes() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    // Two bytes a character.
    let long = "é".repeat(200_000);
    let model = api.provider.script(Script::reply(&[&long])).await;
    for _ in 0..4 {
        say(&user, &conversation, &json!({ "content": "Hello", "model": model })).await;
    }
    for (order, first) in [("asc", 6), ("desc", 5)] {
        let path = format!("{}?limit=100&order={order}", messages_of(&conversation));
        let (_, page) = user.get(&path).await.json().await;
        let messages = page["messages"].as_array().expect("messages");
        assert_eq!((messages.len(), &page["has_more"]), (first, &json!(true)), "{order}");
        let cursor = page["next_cursor"].as_str().expect("a cursor");
        let (_, rest) = user.get(&format!("{path}&cursor={cursor}")).await.json().await;
        let others = rest["messages"].as_array().expect("messages");
        assert_eq!((others.len(), &rest["has_more"]), (8 - first, &json!(false)), "{order}");
        let mut ids: Vec<_> = messages.iter().chain(others).map(|message| message["id"].to_string()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 8);
    }
}

mod tight {
    use tests::Api;

    #[tokio::test]
    async fn reads_of_a_user_are_limited() {
        let api = Api::with_profile("tight").await;
        let (user, other) = (api.user().await, api.user().await);
        let list = "/api/v1/chat/conversations";
        for _ in 0..12 {
            assert_eq!(user.get(list).await.status, 200);
        }
        let refused = user.get(list).await;
        assert!(refused.header("retry-after").is_some());
        let (status, problem) = refused.json().await;
        assert_eq!((status, problem["code"].as_str()), (429, Some("rate_limited")));
        assert_eq!(other.get(list).await.status, 200);
    }
}
