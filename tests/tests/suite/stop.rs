//! Stop is not disconnect: it keeps what the user saw and aborts the provider.

use serde_json::json;
use testkit::upstream::Script;
use tests::{Api, Frame, User};

/// Three pieces, then silence: the provider would go on for ever.
fn endless() -> Script {
    Script::new().head(200).delta("one ").delta("zwö ").delta("three ").stall()
}

async fn stop(user: &User, run: &str, body: serde_json::Value) {
    let (status, body) = user.post(&format!("/api/v1/runs/{run}/stop"), &body).await.json().await;
    assert_eq!(status, 204, "{body}");
}

async fn three_deltas(user: &User, conversation: &str, model: &str) -> (tests::Frames, Vec<Frame>) {
    let mut frames = user.stream(conversation, model).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(frames.next().await.expect("an event"));
    }
    (frames, seen)
}

#[tokio::test]
async fn stop_keeps_what_was_seen_and_closes_the_provider() {
    let api = Api::start().await;
    let user = api.user().await;
    for (body, kept, length) in [
        (json!({}), "one zwö three ", 14),
        (json!({ "seen": 3 }), "one zwö ", 8),
        (json!({ "seen": 1 }), "", 0),
        (json!({ "seen_length": 6 }), "one zw", 6),
        (json!({ "seen_length": 1000 }), "one zwö three ", 14),
    ] {
        let conversation = user.conversation().await;
        let model = api.provider.script(endless()).await;
        let (mut frames, seen) = three_deltas(&user, &conversation, &model).await;
        stop(&user, &seen[0].run, body.clone()).await;

        // Stored before the call returned, and the provider was let go of.
        let stored = user.messages(&conversation).await;
        assert_eq!((&stored[1]["content"], &stored[1]["status"]), (&json!(kept), &json!("stopped")), "{body}");
        let call = api.provider.closed(&model, 5_000).await;
        assert_eq!(call["closed_early"], true, "{body}");
        let end = frames.rest().await.pop().unwrap().json();
        assert_eq!((&end["status"], &end["text_length"]), (&json!("stopped"), &json!(length)), "{body}");

        // Whoever reads it later sees exactly what was kept.
        let later = user.resume(&seen[0].run, 0).await.rest().await;
        assert_eq!(later.iter().map(Frame::text).collect::<String>(), kept, "{body}");
        assert_eq!(later.last().unwrap().json()["status"], "stopped");
    }
}

#[tokio::test]
async fn stopping_twice_or_after_the_end_changes_nothing() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    stop(&user, &frames[0].run, json!({ "seen": 2 })).await;
    stop(&user, &frames[0].run, json!({})).await;
    let stored = user.messages(&conversation).await;
    assert_eq!((&stored[1]["content"], &stored[1]["status"]), (&json!("Hello"), &json!("completed")));
}

#[tokio::test]
async fn a_json_reply_that_is_stopped_returns_what_was_kept() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(endless()).await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let body = json!({ "content": "Hello", "model": model });
    let reply = async { user.post(&path, &body).await.json().await };
    let stopping = async {
        api.provider.counted(&model, 1).await;
        let run = user.messages(&conversation).await[1]["run_id"].as_str().expect("a run").to_owned();
        // The text arrives at the run's own pace: follow it there.
        let mut frames = user.resume(&run, 0).await;
        while frames.next().await.expect("an event").seq < 4 {}
        stop(&user, &run, json!({})).await;
    };
    let ((status, reply), ()) = tokio::join!(reply, stopping);
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["model_message"]["content"], "one zwö three ");
    assert_eq!(reply["model_message"]["status"], "stopped");
}
