//! Every character that a provider may send comes through, is stored and is read back; U+0000, which no store keeps in a text,
//! becomes U+FFFD, and so does half a surrogate pair.

use http::Method;
use serde_json::json;
use testkit::upstream::Script;
use tests::{Api, joined};

/// The whole Basic Multilingual Plane, in pieces that begin with U+0000, U+0800 and so on.
fn pieces() -> Vec<String> {
    let all: Vec<char> = (0..=0xffff).filter_map(char::from_u32).collect();
    all.chunks(2048).map(|piece| piece.iter().collect()).collect()
}

fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[tokio::test]
async fn a_streamed_reply_of_all_characters_comes_back_as_it_was() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let pieces = pieces();
    let parts: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let (model, whole) = (api.provider.script(Script::reply(&parts)).await, kept(&pieces.concat()));
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(frames.last().unwrap().json()["status"], "completed");
    assert!(joined(&frames) == whole, "the stream has other characters than the provider sent");
    let again = user.resume(&frames[0].run, 0).await.rest().await;
    assert!(again == frames, "the events are others when they are read again");
    let stored = user.messages(&conversation).await;
    assert_eq!(stored[1]["status"], "completed");
    assert!(stored[1]["content"] == json!(whole), "the message has other characters than the provider sent");
}

#[tokio::test]
async fn nul_is_replaced_in_reasoning_and_tool_calls_too() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let call =
        json!({ "tool_calls": [{ "index": 0, "id": "c\0", "function": { "name": "f\0", "arguments": "{\0}" } }] });
    let script =
        Script::new().head(200).delta_json(json!({ "reasoning_content": "h\0m" })).delta("\0").delta_json(call);
    let model = api.provider.script(script.finish("tool_calls").done()).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(frames[1].json(), json!({ "text": "h\u{fffd}m" }));
    assert_eq!(frames[2].json(), json!({ "text": "\u{fffd}" }));
    let call = json!({ "index": 0, "id": "c\u{fffd}", "name": "f\u{fffd}", "arguments": "{\u{fffd}}" });
    assert_eq!(frames[3].json(), call);
    assert_eq!(frames[4].json()["status"], "completed");
    assert_eq!(user.messages(&conversation).await[1]["content"], "\u{fffd}");
}

#[tokio::test]
async fn half_a_surrogate_pair_is_replaced_in_a_stream_and_in_a_whole_reply() {
    let api = Api::start().await;
    let user = api.user().await;
    let chunk =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let split = Script::new().head(200).send(&chunk("a \\ud83d")).send(&chunk("\\ude00 b")).finish("stop").done();
    let conversation = user.conversation().await;
    let model = api.provider.script(split).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(
        (joined(&frames).as_str(), &frames.last().unwrap().json()["status"]),
        ("a \u{fffd}\u{fffd} b", &json!("completed"))
    );
    assert_eq!(user.messages(&conversation).await[1]["content"], "a \u{fffd}\u{fffd} b");

    let whole =
        r#"{"choices":[{"index":0,"message":{"content":"\\ud83d \ud83d \ud83d\ude00"},"finish_reason":"stop"}]}"#;
    let script = Script::new().head(200).content_type("application/json").send(whole);
    let body = json!({ "prompt": "Hello", "model": api.provider.script(script).await });
    let (status, reply) = user.post("/api/v1/ai/complete", &body).await.json().await;
    assert_eq!((status, &reply["text"]), (200, &json!("\\ud83d \u{fffd} \u{1f600}")));
}

#[tokio::test]
async fn a_stored_completion_keeps_what_its_provider_sent() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["a\0b"])).await;
    let body = json!({ "prompt": "Hello", "model": model, "store": true });
    let answer = user.send(Method::POST, "/api/v1/ai/complete", &[], Some(&body)).await;
    let (status, reply) = answer.json().await;
    assert_eq!((status, &reply["text"]), (200, &json!("a\u{fffd}b")));
    let run = reply["run_id"].as_str().expect("a run");
    assert_eq!(user.get(&format!("/api/v1/runs/{run}")).await.json().await.1["text"], "a\u{fffd}b");
}
