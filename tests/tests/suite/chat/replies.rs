//! `POST …/messages`: the reply whole or streamed, and the options that reach the provider.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, Frame};

use super::{get, messages_of, say};

#[tokio::test]
async fn a_whole_reply_has_the_shape_of_seed_004_and_more() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Grü", "ße 🌊"])).await;
    let answer = user.post(&messages_of(&conversation), &json!({ "content": "Hallo", "model": model })).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let (status, exchange) = answer.json().await;
    assert_eq!(status, 200);
    let members: BTreeSet<_> = exchange.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["model_message", "run_id", "usage", "user_message"].into());
    assert_eq!(
        (&exchange["user_message"]["role"], &exchange["user_message"]["content"]),
        (&json!("user"), &json!("Hallo"))
    );
    assert_eq!(
        (&exchange["model_message"]["role"], &exchange["model_message"]["content"]),
        (&json!("model"), &json!("Grüße 🌊"))
    );
    assert_eq!(exchange["model_message"]["status"], "completed");
    assert_eq!(exchange["model_message"]["model"], json!(model));
    assert_eq!(exchange["model_message"]["run_id"], exchange["run_id"]);
    assert!(exchange["usage"].is_object(), "the provider counted: {exchange}");
    let stored = user.messages(&conversation).await;
    assert_eq!(stored, [exchange["user_message"].clone(), exchange["model_message"].clone()]);
    let run = get(&user, &format!("/api/v1/runs/{}", exchange["run_id"].as_str().unwrap())).await;
    assert_eq!(
        (&run["status"], &run["model"], &run["conversation_id"]),
        (&json!("completed"), &json!(model), &json!(conversation))
    );
    assert_eq!((&run["message_id"], &run["usage"]), (&exchange["model_message"]["id"], &exchange["usage"]));
}

#[tokio::test]
async fn a_stream_is_asked_for_by_field_or_header_and_false_wins() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let stream = "text/event-stream";
    for (field, accept, streams) in [
        (Value::Null, None, false),
        (json!(true), None, true),
        (json!(true), Some("application/json"), true),
        (Value::Null, Some(stream), true),
        (Value::Null, Some("application/json, text/event-stream;q=0.9"), true),
        (Value::Null, Some("Text/Event-Stream"), true),
        (Value::Null, Some("*/*"), false),
        (Value::Null, Some("application/json"), false),
        (json!(false), Some(stream), false),
    ] {
        let body = json!({ "content": "Hello", "model": "littoral-offline", "stream": field });
        let accept: Vec<_> = accept.map(|kind| ("accept", kind)).into_iter().collect();
        let answer = user.send(Method::POST, &messages_of(&conversation), &accept, Some(&body)).await;
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").map(str::to_owned);
        assert_eq!(kind.as_deref(), Some(if streams { stream } else { "application/json" }), "{field} {accept:?}");
        if streams {
            answer.frames().await.rest().await;
        } else {
            assert_eq!(answer.json().await.1["model_message"]["role"], "model");
        }
    }
    assert_eq!(user.messages(&conversation).await.len(), 18);
}

#[tokio::test]
async fn streamed_and_whole_replies_are_stored_alike() {
    let api = Api::start().await;
    let user = api.user().await;
    let mut stored = Vec::new();
    for stream in [true, false] {
        let conversation = user.conversation().await;
        let body = json!({ "content": "Grüße\n\"🌊\"", "model": "littoral-offline", "stream": stream });
        let answer = user.post(&messages_of(&conversation), &body).await;
        let shown = if stream {
            answer.frames().await.rest().await.iter().map(Frame::text).collect::<String>()
        } else {
            answer.json().await.1["model_message"]["content"].as_str().unwrap().to_owned()
        };
        let messages = user.messages(&conversation).await;
        assert_eq!(messages[1]["content"], json!(shown));
        assert!(shown.ends_with("Grüße\n\"🌊\""), "{shown}");
        stored.push((shown, messages[1]["status"].clone()));
    }
    assert_eq!(stored[0], stored[1]);
}

#[tokio::test]
async fn the_built_in_model_says_what_it_is() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let exchange = say(&user, &conversation, &json!({ "content": "ahoy", "model": "littoral-offline" })).await;
    let text = exchange["model_message"]["content"].as_str().unwrap();
    assert!(text.contains("offline") && text.ends_with("ahoy"), "{text}");
    assert!(exchange["usage"].is_object(), "{exchange}");
}

#[tokio::test]
async fn without_a_model_the_configured_one_answers() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let exchange = say(&user, &conversation, &json!({ "content": "Hello" })).await;
    assert_eq!(exchange["model_message"]["model"], "default");
    assert_eq!(exchange["model_message"]["content"], "Hello from the scripted upstream.");
}

#[tokio::test]
async fn options_reach_the_provider_as_they_were_given() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    say(&user, &conversation, &json!({ "content": "Hello", "model": model, "max_tokens": 7, "temperature": 0.5 }))
        .await;
    say(&user, &conversation, &json!({ "content": "Hello", "model": model, "max_tokens": null, "temperature": null }))
        .await;
    let requests = api.provider.requests(&model).await;
    assert_eq!((&requests[0]["max_tokens"], &requests[0]["temperature"]), (&json!(7), &json!(0.5)));
    // Where there is a budget, a reply has a limit: what is reserved for it must suffice.
    assert_eq!(requests[1]["max_tokens"], 4096);
    for absent in ["max_completion_tokens", "temperature"] {
        assert_eq!(requests[1].get(absent), None, "{absent}");
    }
    for request in &requests {
        assert_eq!((&request["model"], &request["stream"]), (&json!(model), &json!(true)));
    }
}

#[tokio::test]
async fn content_arrives_as_it_was_written() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let contents = [
        " \n ",
        "'; DROP TABLE messages; --",
        "<script>alert(1)</script>",
        "👩‍👩‍👧‍👦 ة ﷽ \u{200b}\u{feff}",
        "\\u0000 \\ \" \t\r\n\u{85}",
        "{\"a\":1}",
    ];
    for content in contents {
        let model = api.provider.script(Script::reply(&[content])).await;
        let exchange = say(&user, &conversation, &json!({ "content": content, "model": model })).await;
        assert_eq!(exchange["user_message"]["content"], json!(content));
        assert_eq!(exchange["model_message"]["content"], json!(content));
        let sent = api.provider.requests(&model).await;
        assert_eq!(sent[0]["messages"].as_array().unwrap().last().unwrap()["content"], json!(content));
    }
    let stored = user.messages(&conversation).await;
    assert_eq!(
        stored.iter().step_by(2).map(|message| message["content"].as_str().unwrap()).collect::<Vec<_>>(),
        contents
    );
}

#[tokio::test]
async fn messages_sent_at_once_all_arrive() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let bodies: Vec<_> = (0..6).map(|n| json!({ "content": format!("m{n}"), "model": "littoral-offline" })).collect();
    futures_util::future::join_all(bodies.iter().map(|body| say(&user, &conversation, body))).await;
    let stored = user.messages(&conversation).await;
    assert_eq!(stored.len(), 12);
    let said: BTreeSet<_> = stored
        .iter()
        .filter(|message| message["role"] == "user")
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["m0", "m1", "m2", "m3", "m4", "m5"].into());
    assert_eq!(get(&user, &format!("{}/{conversation}", super::LIST)).await["message_count"], 12);
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn messages_of_one_user_are_limited() {
        let api = Api::with_profile("tight").await;
        let (user, other) = (api.user().await, api.user().await);
        let conversation = user.conversation().await;
        let body = json!({ "content": "Hello", "model": "littoral-offline" });
        say(&user, &conversation, &body).await;
        say(&user, &conversation, &body).await;
        for (path, body) in [
            (messages_of(&conversation), &body),
            ("/api/v1/ai/complete".to_owned(), &json!({ "prompt": "Hello", "model": "littoral-offline" })),
        ] {
            let answer = user.post(&path, body).await;
            let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
            assert!((1..=30).contains(&wait), "{wait}");
            let (status, body) = answer.json().await;
            assert_eq!((status, &body["code"]), (429, &json!("rate_limited")));
        }
        assert_eq!(user.messages(&conversation).await.len(), 4, "what was refused is not stored");
        let theirs = other.conversation().await;
        say(&other, &theirs, &body).await;
    }
}
