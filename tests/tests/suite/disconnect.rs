//! What becomes of a run when its reader leaves: `finish`, `cancel`, `grace:N`.

use serde_json::json;
use testkit::upstream::Script;
use tests::{Api, Frame};

/// A piece, a pause in which the reader leaves, the rest.
fn interruptible() -> Script {
    Script::new().head(200).delta("Hel").pause(600).delta("lo").finish("stop").done()
}

fn endless() -> Script {
    Script::new().head(200).delta("Hel").stall()
}

#[tokio::test]
async fn by_default_a_conversations_run_goes_on_to_its_end() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(interruptible()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let run = frames.until("delta").await[0].run.clone();
    drop(frames);
    // Nobody reads. The provider is read to its end all the same.
    let call = api.provider.closed(&model, 10_000).await;
    assert_eq!(call["closed_early"], false);
    assert_eq!(user.ended(&run).await["status"], "completed");
    assert_eq!(user.messages(&conversation).await[1]["content"], "Hello");
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn cancel_closes_the_provider_within_a_second() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(endless()).await;
    let body = json!({ "content": "Hello", "model": model, "disconnect": "cancel" });
    let mut frames = user.stream_with(&conversation, &body).await;
    let run = frames.until("delta").await[0].run.clone();
    drop(frames);
    let call = api.provider.closed(&model, 1_000).await;
    assert_eq!(call["closed_early"], true);
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "stopped");
    assert_eq!(user.messages(&conversation).await[1]["content"], "Hel");
}

#[tokio::test]
async fn within_the_grace_a_reader_saves_the_run() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(interruptible()).await;
    let body = json!({ "content": "Hello", "model": model, "disconnect": "grace:20" });
    let mut frames = user.stream_with(&conversation, &body).await;
    let mut seen = frames.until("delta").await;
    drop(frames);
    let run = seen[0].run.clone();
    seen.extend(user.resume(&run, 2).await.rest().await);
    assert_eq!(seen.iter().map(Frame::text).collect::<String>(), "Hello");
    assert_eq!(seen.last().unwrap().json()["status"], "completed");
}

#[tokio::test]
async fn after_the_grace_the_run_is_stopped() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(endless()).await;
    let body = json!({ "prompt": "Hello", "model": model, "stream": true, "disconnect": "grace:0" });
    let mut frames = user.post("/api/v1/ai/complete", &body).await.frames().await;
    frames.until("delta").await;
    drop(frames);
    let call = api.provider.closed(&model, 3_000).await;
    assert_eq!(call["closed_early"], true);
}
