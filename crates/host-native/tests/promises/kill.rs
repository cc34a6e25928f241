//! `kill -9` in the middle of a run.

use std::sync::Arc;

use serde_json::json;
use testkit::upstream::Script;
use tests::{Provider, User, joined};

use crate::process::Littoral;

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_every_acknowledged_write_is_there_and_the_run_is_interrupted() {
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let server = Littoral::start(data.path(), &provider, &[]);
    let user = server.api.user().await;
    let conversation = user.conversation().await;
    let complete = provider.script(Script::reply(&["whole"])).await;
    user.stream(&conversation, &complete).await.rest().await;

    let model = provider.script(Script::new().head(200).delta("Hel").delta("lo, ").delta("wörld").stall()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(frames.next().await.expect("an event"));
    }
    let run = seen[0].run.clone();
    // What a reader saw reaches the log a little later; wait until the store says so, then pull the plug.
    loop {
        let (_, stored) = user.get(&format!("/api/v1/runs/{run}")).await.json().await;
        if stored["last_seq"].as_u64() == Some(4) {
            break;
        }
        tokio::task::yield_now().await;
    }
    server.kill();

    let server = Littoral::start(data.path(), &provider, &[]);
    let user = User { api: server.api.clone(), ..user };
    let messages = user.messages(&conversation).await;
    assert_eq!(messages.len(), 4);
    assert_eq!((&messages[1]["content"], &messages[1]["status"]), (&json!("whole"), &json!("completed")));
    assert_eq!((&messages[3]["content"], &messages[3]["status"]), (&json!("Hello, wörld"), &json!("interrupted")));

    // The reader comes back with its cursor and hears the end.
    let rest = user.resume(&run, 4).await.rest().await;
    let kinds: Vec<_> = rest.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["error", "end"]);
    assert_eq!(rest[1].json()["status"], "interrupted");
    assert_eq!(rest[1].json()["text_length"], 12);
    // So does one whose last event never reached the log.
    assert_eq!(user.resume(&run, 400).await.rest().await, rest);
    let whole = user.resume(&run, 0).await.rest().await;
    assert_eq!(joined(&whole), "Hello, wörld");
    // Nothing was sent again, and what had come is paid, at the suite's prices: three turns of six tokens in, eight tokens out.
    assert_eq!(provider.count(&model).await, 1);
    let paid = user.ended(&run).await;
    assert_eq!((&paid["cost_nano_usd"], &paid["cost_estimated"]), (&json!(34_000), &json!(true)));
    let (status, _) = server
        .api
        .post("/api/v1/auth/login", &json!({ "email": user.email, "password": tests::PASSWORD }))
        .await
        .json()
        .await;
    assert_eq!(status, 200);
}
