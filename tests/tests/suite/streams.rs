//! Streams: order, form, heartbeats, the hold before the status.

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, Frame, joined};

#[tokio::test]
async fn a_reply_streams_in_order_and_is_stored() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Grü", "ße, ", "wörld"])).await;
    let frames = user.stream(&conversation, &model).await.rest().await;

    let kinds: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["state", "delta", "delta", "delta", "usage", "end"]);
    assert_eq!(frames.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(joined(&frames), "Grüße, wörld");
    let state = frames[0].json();
    assert_eq!(state["conversation_id"], json!(conversation));
    assert_eq!(frames[5].json(), json!({ "status": "completed", "finish_reason": "stop", "text_length": 12 }));

    let messages = user.messages(&conversation).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["id"], state["user_message_id"]);
    assert_eq!(messages[1]["id"], state["message_id"]);
    assert_eq!(messages[1]["parent_id"], messages[0]["id"]);
    assert_eq!((&messages[1]["content"], &messages[1]["status"]), (&json!("Grüße, wörld"), &json!("completed")));

    let run = user.ended(&frames[0].run).await;
    assert_eq!((&run["status"], &run["last_seq"]), (&json!("completed"), &json!(6)));
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn events_do_not_depend_on_how_the_provider_cuts_its_bytes() {
    let api = Api::start().await;
    let user = api.user().await;
    let parts = ["Grü", "ße 👋", "\n\"", "end"];
    let mut seen = Vec::new();
    for pieces in [1, 2, 3, 7, 64] {
        let conversation = user.conversation().await;
        let model = api.provider.script(Script::reply(&parts).split_every(pieces)).await;
        let frames = user.stream(&conversation, &model).await.rest().await;
        seen.push(frames.into_iter().skip(1).map(|frame| (frame.seq, frame.event, frame.data)).collect::<Vec<_>>());
    }
    assert!(seen.iter().all(|events| *events == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn a_stream_has_the_headers_that_proxies_need() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let body = json!({ "content": "Hello", "model": model, "stream": true });
    let answer = user.send(Method::POST, &path, &[], Some(&body)).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(answer.header("content-encoding"), None);
    answer.frames().await.rest().await;
}

#[tokio::test]
async fn a_silent_provider_costs_the_status_line_and_brings_heartbeats() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    // Longer than the hold (1 s), with the head already there; then text.
    let script = Script::new().head(200).send(": open\n\n").pause(900).send(": still\n\n").pause(700);
    let model = api.provider.script(script.delta("Hello").finish("stop").done()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let all = frames.rest().await;
    assert_eq!(joined(&all), "Hello");
    assert!(frames.heartbeats >= 1, "no heartbeat in the silence");
}

#[tokio::test]
async fn reasoning_and_tool_calls_have_events_of_their_own() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let call = json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    let script = Script::new().head(200).delta_json(json!({ "reasoning_content": "hm" })).delta("Hi").delta_json(call);
    let model = api.provider.script(script.finish("tool_calls").done()).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    let kinds: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["state", "reasoning", "delta", "tool", "end"]);
    assert_eq!(frames[1].json(), json!({ "text": "hm" }));
    assert_eq!(frames[3].json(), json!({ "index": 0, "id": "call_1", "name": "f", "arguments": "{}" }));
    assert_eq!(frames[4].json()["finish_reason"], "tool_calls");
    assert_eq!(user.messages(&conversation).await[1]["content"], "Hi");
}

#[tokio::test]
async fn a_reply_that_ran_into_its_limit_says_so() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).delta("Hel").finish("length").done()).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    let end = frames.last().unwrap().json();
    assert_eq!((&end["status"], &end["finish_reason"]), (&json!("length"), &json!("length")));
    assert_eq!(user.messages(&conversation).await[1]["status"], "length");
}

#[tokio::test]
async fn the_built_in_model_answers_without_a_provider() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let frames = user.stream(&conversation, "littoral-offline").await.rest().await;
    assert!(joined(&frames).contains("offline") && joined(&frames).contains("Hello"), "{}", joined(&frames));
    assert_eq!(frames.last().unwrap().json()["status"], "completed");
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn the_limit_of_a_reply_counts_every_kind_of_output() {
        let api = Api::with_profile("tight").await;
        let piece = "x".repeat(600);
        let call = |name: &str| json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": name, "arguments": piece } }] });
        // What does not fit is cut, or a fragment of a call left out.
        for (first, second, expected) in [
            (json!({ "content": piece }), json!({ "content": piece }), &["state", "delta", "delta", "end"][..]),
            (
                json!({ "reasoning_content": piece }),
                json!({ "reasoning_content": piece }),
                &["state", "reasoning", "reasoning", "end"],
            ),
            (call("f"), call(""), &["state", "tool", "end"]),
            (
                json!({ "content": piece }),
                json!({ "reasoning_content": piece }),
                &["state", "delta", "reasoning", "end"],
            ),
        ] {
            let user = api.elsewhere().user().await;
            let conversation = user.conversation().await;
            let script = Script::new().head(200).delta_json(first).delta_json(second).stall();
            let model = api.provider.script(script).await;
            let frames = user.stream(&conversation, &model).await.rest().await;
            let events: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
            assert_eq!(events, expected);
            let kept = |frame: &Frame| frame.json()["text"].as_str().map_or(0, str::len);
            let bytes: usize = frames.iter().map(kept).sum();
            assert!(bytes == 1_024 || expected[1] == "tool", "{bytes} bytes are kept");
            assert_eq!(frames.last().unwrap().json()["status"], "length");
        }
    }

    #[tokio::test]
    async fn a_piece_that_is_longer_than_a_reply_may_be_is_cut_between_two_characters_and_its_count_is_kept() {
        let api = Api::with_profile("tight").await;
        let (long, kept) = (format!("a{}", "ä".repeat(600)), format!("a{}", "ä".repeat(511)));
        let usage = json!({ "prompt_tokens": 7, "completion_tokens": 4_000 });
        let whole = json!({
            "choices": [{ "index": 0, "message": { "content": long }, "finish_reason": "stop" }], "usage": usage,
        });
        // In one piece, so that all of it is decoded together.
        let event = |data: Value| format!("data: {data}\n\n");
        let streamed = [
            event(json!({ "choices": [{ "index": 0, "delta": { "content": long } }] })),
            event(json!({ "choices": [{ "index": 0, "delta": { "content": "more" }, "finish_reason": "stop" }] })),
            event(json!({ "choices": [], "usage": usage })),
        ];
        for script in [Script::json(200, &whole), Script::new().head(200).send(&streamed.concat()).done()] {
            let user = api.elsewhere().user().await;
            let conversation = user.conversation().await;
            let model = api.provider.script(script).await;
            let frames = user.stream(&conversation, &model).await.rest().await;
            assert_eq!(joined(&frames), kept);
            assert_eq!(frames.last().unwrap().json()["status"], "length");
            let run = user.ended(&frames[0].run).await;
            assert_eq!((&run["usage"]["output_tokens"], &run["cost_estimated"]), (&json!(4_000), &json!(false)));
            assert_eq!(user.messages(&conversation).await[1]["content"], json!(kept));
        }
    }
}
