//! Creating, listing, reading, renaming conversations.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tests::Api;

use super::{LIST, column, get, say_offline};

/// `2025-01-31T08:00:00.120Z`, to the letter.
fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let form = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        form == "0000-00-00T00:00:00.000Z"
    })
}

#[tokio::test]
async fn a_new_conversation_is_empty_and_has_an_id() {
    let api = Api::start().await;
    let user = api.user().await;
    // Seed 004 sends no body at all.
    let (status, bare) = user.send(Method::POST, LIST, &[], None).await.json().await;
    assert_eq!(status, 201, "{bare}");
    let members: BTreeSet<_> = bare.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["created_at", "id", "message_count", "title", "updated_at"].into());
    assert_eq!((&bare["title"], &bare["message_count"]), (&Value::Null, &json!(0)));
    assert_eq!(bare["created_at"], bare["updated_at"]);

    let (status, titled) = user.post(LIST, &json!({ "title": "Grüße 🌊" })).await.json().await;
    assert_eq!((status, &titled["title"]), (201, &json!("Grüße 🌊")));
    assert_ne!(titled["id"], bare["id"]);
    let (status, untitled) = user.post(LIST, &json!({ "title": null })).await.json().await;
    assert_eq!((status, &untitled["title"]), (201, &Value::Null));

    for conversation in [&bare, &titled, &untitled] {
        assert_eq!(get(&user, &format!("{LIST}/{}", conversation["id"].as_str().unwrap())).await, *conversation);
    }
}

#[tokio::test]
async fn times_have_three_digits_of_a_second_so_that_they_sort_as_text() {
    let api = Api::start().await;
    let user = api.user().await;
    // Enough of them that some end in a zero.
    for _ in 0..60 {
        let (_, created) = user.post(LIST, &json!({})).await.json().await;
        assert!(is_time(&created["created_at"]) && is_time(&created["updated_at"]), "{created}");
    }
}

#[tokio::test]
async fn a_user_without_conversations_has_an_empty_list() {
    let api = Api::start().await;
    let user = api.user().await;
    assert_eq!(get(&user, LIST).await, json!({ "conversations": [], "has_more": false, "next_cursor": null }));
}

#[tokio::test]
async fn limits_are_clamped_as_seed_004_does() {
    let api = Api::start().await;
    let user = api.user().await;
    for _ in 0..103 {
        user.conversation().await;
    }
    for (query, count, has_more) in [
        ("", 20, true),
        ("?limit=0", 1, true),
        ("?limit=-5", 1, true),
        ("?limit=1", 1, true),
        ("?limit=100", 100, true),
        ("?limit=1000", 100, true),
        ("?limit=99999999999999999999999", 100, true),
        ("?limit=100&skip=3", 100, false),
        ("?limit=100&skip=4", 99, false),
        ("?limit=100&skip=103", 0, false),
        ("?skip=-1", 20, true),
        ("?skip=99999999999999999999999", 0, false),
        ("?limit=&skip=", 20, true),
    ] {
        let page = get(&user, &format!("{LIST}{query}")).await;
        assert_eq!(
            (page["conversations"].as_array().unwrap().len(), &page["has_more"]),
            (count, &json!(has_more)),
            "{query}"
        );
        assert_eq!(page["next_cursor"].is_string(), has_more, "{query}");
    }
}

#[tokio::test]
async fn has_more_is_exact_at_the_end_of_a_page() {
    let api = Api::start().await;
    let user = api.user().await;
    for _ in 0..4 {
        user.conversation().await;
    }
    for (query, count, has_more) in
        [("?limit=2", 2, true), ("?limit=2&skip=2", 2, false), ("?limit=4", 4, false), ("?limit=3", 3, true)]
    {
        let page = get(&user, &format!("{LIST}{query}")).await;
        assert_eq!(
            (page["conversations"].as_array().unwrap().len(), &page["has_more"]),
            (count, &json!(has_more)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_cursor_is_stable_while_new_conversations_come() {
    let api = Api::start().await;
    let user = api.user().await;
    let mut old = BTreeSet::new();
    for _ in 0..10 {
        old.insert(user.conversation().await);
    }
    let (mut seen, mut path) = (Vec::new(), format!("{LIST}?limit=3"));
    loop {
        let page = get(&user, &path).await;
        seen.extend(column(&page["conversations"], "id"));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(page["has_more"], false);
            break;
        };
        path = format!("{LIST}?limit=3&cursor={cursor}");
        // They belong before the first page: nobody who reads on sees them, and nothing is shifted.
        user.conversation().await;
    }
    assert_eq!(seen.len(), 10, "something came twice or never: {seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), old);
}

#[tokio::test]
async fn the_latest_update_comes_first() {
    let api = Api::start().await;
    let user = api.user().await;
    let (one, two, three) = (user.conversation().await, user.conversation().await, user.conversation().await);
    say_offline(&user, &one, "Hi").await;
    let page = get(&user, LIST).await;
    assert_eq!(column(&page["conversations"], "id")[0], one);
    assert_eq!(page["conversations"][0]["message_count"], 2);
    assert!(page["conversations"][0]["updated_at"].as_str() >= page["conversations"][0]["created_at"].as_str());

    say_offline(&user, &three, "Hi").await;
    say_offline(&user, &two, "Hi").await;
    let times = column(&get(&user, LIST).await["conversations"], "updated_at");
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
}

#[tokio::test]
async fn renaming_changes_the_title_and_nothing_else() {
    let api = Api::start().await;
    let user = api.user().await;
    let (id, other) = (user.conversation().await, user.conversation().await);
    say_offline(&user, &id, "Hi").await;
    let path = format!("{LIST}/{id}");
    let before = get(&user, &path).await;
    let longest = "é".repeat(200);
    for title in ["Tide tables", "\"quoted\" \\ 🌊\n", longest.as_str()] {
        let (status, renamed) = user.patch(&path, &json!({ "title": title })).await.json().await;
        assert_eq!((status, &renamed["title"]), (200, &json!(title)));
        assert_eq!(
            (&renamed["id"], &renamed["message_count"], &renamed["created_at"]),
            (&before["id"], &json!(2), &before["created_at"])
        );
        assert_eq!(get(&user, &path).await, renamed);
    }
    let (status, renamed) = user.patch(&path, &json!({ "title": null })).await.json().await;
    assert_eq!((status, &renamed["title"]), (200, &Value::Null));
    assert_eq!(get(&user, &format!("{LIST}/{other}")).await["title"], Value::Null);
    assert_eq!(user.messages(&id).await.len(), 2);
}

#[tokio::test]
async fn a_change_that_names_no_title_leaves_it_as_it_is() {
    let api = Api::start().await;
    let user = api.user().await;
    let (_, created) = user.post(LIST, &json!({ "title": "Tide tables" })).await.json().await;
    let path = format!("{LIST}/{}", created["id"].as_str().unwrap());
    for body in [json!({}), json!({ "titel": "x" })] {
        user.patch(&path, &body).await.json().await;
        assert_eq!(get(&user, &path).await["title"], "Tide tables", "after {body}");
    }
}
