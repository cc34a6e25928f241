//! A second provider: asked when the first one refuses before the reply begins, and never seen by the client.

use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, User, joined};

/// Streams a reply of `model` and returns its events' kinds, its text and the ended run.
async fn reply(user: &User, model: &str) -> (Vec<String>, String, Value) {
    let conversation = user.conversation().await;
    let frames = user.stream(&conversation, model).await.rest().await;
    let state = frames[0].json();
    assert_eq!(state["model"], model, "the state names the model that was asked for");
    let run = user.ended(&frames[0].run).await;
    assert_eq!(run["model"], model);
    (frames.iter().map(|frame| frame.event.clone()).collect(), joined(&frames), run)
}

/// Asks for a JSON reply that fails; status, code and the ended run.
async fn failure(user: &User, model: &str) -> (u16, Value, Value) {
    let conversation = user.conversation().await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let (status, problem) = user.post(&path, &json!({ "content": "Hello", "model": model })).await.json().await;
    let run = user.messages(&conversation).await[1]["run_id"].as_str().expect("a run").to_owned();
    (status, problem["code"].clone(), user.ended(&run).await)
}

#[tokio::test]
async fn a_refusal_before_the_first_output_is_answered_by_the_second_provider_unseen() {
    let api = Api::start().await;
    let user = api.user().await;
    for (refusal, calls) in [
        (Script::error(401, "invalid_request_error", "bad key"), 1),
        (Script::error(403, "permission_error", "not here"), 1),
        (Script::error(404, "invalid_request_error", "Invalid URL (POST /chat/completions)"), 1),
        (Script::error(408, "timeout", "slow"), 3),
        (Script::rate_limited("7"), 1),
        (Script::error(503, "server_error", "busy"), 3),
    ] {
        let model = api.provider.script(refusal).await;
        let second = api.provider.fallback(&model, Script::reply(&["Hel", "lo"])).await;
        let (kinds, text, run) = reply(&user, &model).await;
        assert_eq!(kinds, ["state", "delta", "delta", "usage", "end"]);
        assert_eq!((text.as_str(), &run["status"]), ("Hello", &json!("completed")));
        assert_eq!((api.provider.count(&model).await, api.provider.count(&second).await), (calls, 1));
        // Only what answered is paid: nine tokens in, two out.
        assert_eq!((&run["cost_nano_usd"], &run["cost_estimated"]), (&json!(13_000), &json!(false)));
        let asked = api.provider.requests(&second).await;
        assert_eq!((&asked[0]["model"], &asked[0]["messages"][0]["content"]), (&json!(model), &json!("Hello")));
    }
}

#[tokio::test]
async fn the_second_provider_has_retries_of_its_own() {
    let api = Api::start().await;
    let user = api.user().await;
    let busy = || Script::error(503, "server_error", "busy");
    let model = api.provider.script(busy()).await;
    let second = api.provider.fallback(&model, busy().then(busy()).then(Script::reply(&["Hello"]))).await;
    assert_eq!(reply(&user, &model).await.1, "Hello");
    assert_eq!((api.provider.count(&model).await, api.provider.count(&second).await), (3, 3));
}

#[tokio::test]
async fn after_the_first_output_nothing_is_spliced() {
    let api = Api::start().await;
    let user = api.user().await;
    let overloaded = json!({ "error": { "message": "boom", "type": "server_error", "code": 503 } });
    for script in [
        Script::new().head(200).delta("Hel").pause(50).close(),
        Script::new().head(200).delta("Hel").pause(50).event(overloaded),
    ] {
        let model = api.provider.script(script).await;
        let second = api.provider.fallback(&model, Script::reply(&["Hello"])).await;
        let (kinds, text, run) = reply(&user, &model).await;
        assert_eq!(kinds, ["state", "delta", "error", "end"]);
        assert_eq!((text.as_str(), &run["status"]), ("Hel", &json!("failed")));
        assert_eq!(api.provider.count(&second).await, 0);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_itself_is_asked_nowhere_else() {
    let api = Api::start().await;
    let user = api.user().await;
    for (status, words) in [(400, "no"), (404, "The model `gpt-0` does not exist"), (413, "no"), (422, "no")] {
        let model = api.provider.script(Script::error(status, "invalid_request_error", words)).await;
        let second = api.provider.fallback(&model, Script::reply(&["Hello"])).await;
        let (found, code, run) = failure(&user, &model).await;
        assert_eq!((found, code), (400, json!("provider_rejected")), "{status}");
        assert_eq!((&run["cost_nano_usd"], &run["cost_estimated"]), (&json!(0), &json!(false)));
        assert_eq!(api.provider.count(&second).await, 0, "{status}");
    }
}

/// It may have been taken, and may have to be paid.
#[tokio::test]
async fn a_provider_that_broke_off_without_a_word_is_not_replaced() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::new().head(200).close()).await;
    let second = api.provider.fallback(&model, Script::reply(&["Hello"])).await;
    let (status, code, run) = failure(&user, &model).await;
    assert_eq!((status, code), (502, json!("provider_incomplete")));
    // The input is paid, by an estimate: "Hello" and what stands around it.
    assert_eq!((&run["cost_nano_usd"], &run["cost_estimated"]), (&json!(6_000), &json!(true)));
    assert_eq!(api.provider.count(&second).await, 0);
}

#[tokio::test]
async fn when_both_refuse_the_first_ones_failure_is_told_and_nothing_is_paid() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::error(503, "server_error", "busy")).await;
    let second = api.provider.fallback(&model, Script::rate_limited("9")).await;
    let (status, code, run) = failure(&user, &model).await;
    assert_eq!((status, code), (503, json!("provider_unavailable")));
    assert_eq!((&run["cost_nano_usd"], &run["cost_estimated"]), (&json!(0), &json!(false)));
    assert_eq!(api.provider.count(&second).await, 1);
}

#[tokio::test]
async fn what_the_second_provider_says_about_the_request_or_shows_of_a_reply_is_told() {
    let api = Api::start().await;
    let user = api.user().await;
    let bad_key = || Script::error(401, "invalid_request_error", "bad key");
    let model = api.provider.script(bad_key()).await;
    api.provider.fallback(&model, Script::error(400, "invalid_request_error", "too long")).await;
    let (status, code, _) = failure(&user, &model).await;
    assert_eq!((status, code), (400, json!("provider_rejected")));

    let model = api.provider.script(bad_key()).await;
    api.provider.fallback(&model, Script::new().head(200).delta("Hel").close()).await;
    let (status, code, run) = failure(&user, &model).await;
    assert_eq!((status, code), (502, json!("provider_incomplete")));
    assert_eq!((&run["cost_nano_usd"], &run["cost_estimated"]), (&json!(16_000), &json!(true)));
}
