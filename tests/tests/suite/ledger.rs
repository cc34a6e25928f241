//! What a run costs, however it ends, and a budget that refuses before anything is stored. Prices are those of the suite's
//! settings: 1,000 nano-USD a token of input, 500 of it read from a cache, 2,000 of output, 4,000 of reasoning. "Hello"
//! counts as six tokens of input where the provider does not say: a token for four bytes, and four around the turn.

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, Frames, User};

fn cost(run: &Value) -> (Option<i64>, Option<bool>) {
    (run["cost_nano_usd"].as_i64(), run["cost_estimated"].as_bool())
}

/// Streams up to the first `delta`, and names the run.
async fn begun(user: &User, body: &Value) -> (Frames, String) {
    let conversation = user.conversation().await;
    let mut frames = user.stream_with(&conversation, body).await;
    let run = frames.until("delta").await[0].run.clone();
    (frames, run)
}

#[tokio::test]
async fn a_whole_reply_costs_what_the_provider_counted() {
    let api = Api::start().await;
    let user = api.user().await;
    let plain = Script::reply(&["Hel", "lo"]);
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": 5,
        "prompt_tokens_details": { "cached_tokens": 4 }, "completion_tokens_details": { "reasoning_tokens": 3 },
    });
    let detailed = Script::new().head(200).delta("Hello").finish("stop").usage(usage).done();
    for (script, nanos) in [(plain, 9 * 1_000 + 2 * 2_000), (detailed, 6 * 1_000 + 4 * 500 + 2 * 2_000 + 3 * 4_000)] {
        let model = api.provider.script(script).await;
        let conversation = user.conversation().await;
        let frames = user.stream(&conversation, &model).await.rest().await;
        assert_eq!(cost(&user.ended(&frames[0].run).await), (Some(nanos), Some(false)));
    }
}

#[tokio::test]
async fn a_reply_that_was_not_counted_costs_an_estimate() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::new().head(200).delta("Hel").delta("lo").finish("stop").done()).await;
    let conversation = user.conversation().await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(cost(&user.ended(&frames[0].run).await), (Some(6 * 1_000 + 6 * 2_000), Some(true)));
}

#[tokio::test]
async fn a_count_that_no_model_has_is_not_believed() {
    let api = Api::start().await;
    let user = api.user().await;
    for nonsense in [json!(u64::MAX), json!(1e30), json!(10_000_001), json!(-1), json!(2.5)] {
        for usage in [
            json!({ "prompt_tokens": nonsense, "completion_tokens": 2 }),
            json!({ "prompt_tokens": 9, "completion_tokens": nonsense }),
        ] {
            let script = Script::new().head(200).delta("Hello").finish("stop").usage(usage.clone()).done();
            let model = api.provider.script(script).await;
            let conversation = user.conversation().await;
            let frames = user.stream(&conversation, &model).await.rest().await;
            let run = user.ended(&frames[0].run).await;
            assert_eq!(cost(&run), (Some(6 * 1_000 + 6 * 2_000), Some(true)), "{usage}");
            assert_eq!((&run["status"], &run["usage"]), (&json!("completed"), &Value::Null), "{usage}");
            if let Some(log) = api.log_lines() {
                let told = |line: &&String| line.contains("not believed") && line.contains(&frames[0].run);
                assert_eq!(log.iter().filter(told).count(), 1, "{usage}");
            }
        }
    }
}

#[tokio::test]
async fn while_a_run_goes_on_its_cost_is_not_known() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::new().head(200).delta("Hel").stall()).await;
    let (_frames, run) = begun(&user, &json!({ "content": "Hello", "model": model })).await;
    let (_, running) = user.get(&format!("/api/v1/runs/{run}")).await.json().await;
    assert_eq!((&running["cost_nano_usd"], &running["cost_estimated"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_stopped_reply_costs_all_that_was_made_and_not_only_what_is_kept() {
    let api = Api::start().await;
    let user = api.user().await;
    let script = Script::new().head(200).delta("one ").delta("zwö ").delta("three ").stall();
    let model = api.provider.script(script).await;
    let (mut frames, run) = begun(&user, &json!({ "content": "Hello", "model": model })).await;
    while frames.next().await.expect("an event").seq < 4 {}
    user.post(&format!("/api/v1/runs/{run}/stop"), &json!({ "seen": 2 })).await;
    let stopped = user.ended(&run).await;
    assert_eq!(stopped["status"], "stopped");
    // Fifteen bytes of output.
    assert_eq!(cost(&stopped), (Some(6 * 1_000 + 8 * 2_000), Some(true)));
}

#[tokio::test]
async fn a_reply_that_broke_off_costs_what_came() {
    let api = Api::start().await;
    let user = api.user().await;
    for script in [
        Script::new().head(200).delta("Hel").pause(50).close(),
        Script::new().head(200).delta("Hel").pause(50).reset(),
        Script::new().head(200).delta("Hel").stall(),
    ] {
        let model = api.provider.script(script).await;
        let conversation = user.conversation().await;
        let frames = user.stream(&conversation, &model).await.rest().await;
        let failed = user.ended(&frames[0].run).await;
        assert_eq!(failed["status"], "failed");
        assert_eq!(cost(&failed), (Some(6 * 1_000 + 5 * 2_000), Some(true)));
    }
}

#[tokio::test]
async fn a_reply_whose_reader_left_is_paid_too() {
    let api = Api::start().await;
    let user = api.user().await;
    let rest = Script::new().head(200).delta("Hel").pause(300).delta("lo").finish("stop");
    let model = api.provider.script(rest.usage(json!({ "prompt_tokens": 9, "completion_tokens": 2 })).done()).await;
    let (frames, run) = begun(&user, &json!({ "content": "Hello", "model": model })).await;
    drop(frames);
    assert_eq!(cost(&user.ended(&run).await), (Some(13_000), Some(false)));

    let model = api.provider.script(Script::new().head(200).delta("Hel").stall()).await;
    let body = json!({ "content": "Hello", "model": model, "disconnect": "cancel" });
    let (frames, run) = begun(&user, &body).await;
    drop(frames);
    api.provider.closed(&model, 5_000).await;
    assert_eq!(cost(&user.ended(&run).await), (Some(6 * 1_000 + 5 * 2_000), Some(true)));
}

#[tokio::test]
async fn what_no_provider_took_and_the_built_in_model_cost_nothing() {
    let api = Api::start().await;
    let user = api.user().await;
    let refused = api.provider.script(Script::error(503, "server_error", "busy")).await;
    for model in [refused.as_str(), "littoral-offline"] {
        let conversation = user.conversation().await;
        let path = format!("/api/v1/chat/conversations/{conversation}/messages");
        user.post(&path, &json!({ "content": "Hello", "model": model })).await;
        let run = user.messages(&conversation).await[1]["run_id"].as_str().expect("a run").to_owned();
        assert_eq!(cost(&user.ended(&run).await), (Some(0), Some(false)), "{model}");
    }
}

#[tokio::test]
async fn a_budget_that_does_not_suffice_refuses_and_nothing_is_stored_or_sent() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let message = json!({ "content": "Hello", "model": "pricey" });
    let prompt = json!({ "prompt": "Hello", "model": "pricey" });
    let streamed = json!({ "prompt": "Hello", "model": "pricey", "stream": true });
    let stored = json!({ "prompt": "Hello", "model": "pricey", "store": true });
    let key = [("idempotency-key", "k")];
    for (path, headers, body) in [
        (path.as_str(), &key[..], &message),
        // The key was not taken.
        (&path, &key, &message),
        ("/api/v1/ai/complete", &[], &prompt),
        ("/api/v1/ai/complete", &key, &prompt),
        ("/api/v1/ai/complete", &[], &streamed),
        ("/api/v1/ai/complete", &[], &stored),
    ] {
        let answer = user.send(Method::POST, path, headers, Some(body)).await;
        let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
        let (status, problem) = answer.json().await;
        assert_eq!((status, &problem["code"]), (429, &json!("budget_exceeded")), "{problem}");
        assert!((1..=31 * 86_400).contains(&wait), "{wait}");
        assert!(problem["detail"].as_str().unwrap().contains("-01T00:00:00.000Z"), "{problem}");
    }
    assert!(user.messages(&conversation).await.is_empty());
    let (_, read) = user.get("/api/v1/chat/conversations").await.json().await;
    assert_eq!(read["conversations"][0]["message_count"], 0);
    assert_eq!(api.provider.count("pricey").await, 0);
    // The budget still has all that it had: another model is no problem.
    let model = api.provider.script(Script::reply(&["Hello"])).await;
    let (status, _) = user.post(&path, &json!({ "content": "Hello", "model": model })).await.json().await;
    assert_eq!(status, 200);
}
