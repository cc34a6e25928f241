//! A provider that breaks: a visible error, never a clean end, never silence. The cases are those that peers fail.

use serde_json::{Value, json};
use testkit::upstream::{Framing, Script};
use tests::{Api, Frame, User};

fn path(conversation: &str) -> String {
    format!("/api/v1/chat/conversations/{conversation}/messages")
}

/// Streams and expects the stream to fail after `kept` was shown.
async fn fails_in_band(api: &Api, user: &User, script: Script, kept: &str, code: &str) {
    let conversation = user.conversation().await;
    let model = api.provider.script(script).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(frames.iter().map(Frame::text).collect::<String>(), kept, "{code}");
    let [.., error, end] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!((error.event.as_str(), &error.json()["code"]), ("error", &json!(code)), "{frames:?}");
    assert_eq!(end.json()["status"], "failed", "{code}");
    let stored = user.messages(&conversation).await;
    assert_eq!((&stored[1]["content"], &stored[1]["status"]), (&json!(kept), &json!("failed")), "{code}");
    assert_eq!(api.provider.count(&model).await, 1, "{code}");
}

/// Streams and expects a true status before anything was shown.
async fn fails_with_status(api: &Api, user: &User, script: Script, status: u16, code: &str, calls: u64) -> Value {
    let conversation = user.conversation().await;
    let model = api.provider.script(script).await;
    let body = json!({ "content": "Hello", "model": model, "stream": true });
    let (found, problem) = user.post(&path(&conversation), &body).await.json().await;
    assert_eq!((found, &problem["code"]), (status, &json!(code)), "{problem}");
    assert_eq!(api.provider.count(&model).await, calls, "{code}");
    let stored = user.messages(&conversation).await;
    assert_eq!(
        (&stored[0]["content"], &stored[1]["status"]),
        (&json!("Hello"), &json!("failed")),
        "the question is kept"
    );
    problem
}

#[tokio::test]
async fn a_break_after_output_is_an_error_in_the_stream_and_keeps_the_text() {
    let api = Api::start().await;
    let user = api.user().await;
    let begun = || Script::new().head(200).delta("Hel").pause(50);
    for (script, code) in [
        (begun().close(), "provider_incomplete"),
        (begun().reset(), "provider_incomplete"),
        (begun(), "provider_incomplete"),
        (begun().done(), "provider_incomplete"),
        (begun().send("data: {not json}\n\n"), "provider_malformed"),
        (begun().send_bytes(b"data: \xff\xfe\n\n"), "provider_malformed"),
        (
            begun().event(json!({ "error": { "message": "boom", "type": "server_error", "code": null } })),
            "provider_unavailable",
        ),
        (begun().stall(), "provider_timeout"),
    ] {
        fails_in_band(&api, &user, script, "Hel", code).await;
    }
}

#[tokio::test]
async fn a_failure_before_output_is_a_true_status() {
    let api = Api::start().await;
    let user = api.user().await;
    let html = || Script::new().head(200).content_type("text/html").framing(Framing::Length).send("<h1>hi</h1>");
    fails_with_status(&api, &user, html(), 502, "provider_malformed", 1).await;
    fails_with_status(&api, &user, Script::new().head(200).close(), 502, "provider_incomplete", 1).await;
    fails_with_status(&api, &user, Script::new().head(200).done(), 502, "provider_incomplete", 1).await;
    fails_with_status(&api, &user, Script::new().head(200).send("data: {]\n\n"), 502, "provider_malformed", 1).await;
    let key = Script::error(401, "invalid_request_error", "Incorrect API key provided: canary-provider-key");
    let problem = fails_with_status(&api, &user, key, 502, "provider_unauthorized", 1).await;
    assert!(!problem.to_string().contains("canary"), "{problem}");
    let refused = Script::error(400, "invalid_request_error", "internal words of the provider");
    let problem = fails_with_status(&api, &user, refused, 400, "provider_rejected", 1).await;
    assert!(!problem.to_string().contains("internal words"), "{problem}");
}

#[tokio::test]
async fn a_wrong_base_url_is_told_from_an_unknown_model() {
    let api = Api::start().await;
    let user = api.user().await;
    let url = Script::error(404, "invalid_request_error", "Invalid URL (POST /chat/completions)");
    let problem = fails_with_status(&api, &user, url, 502, "provider_not_found", 1).await;
    assert!(problem["detail"].as_str().unwrap().contains("LITTORAL_OPENAI_BASE_URL"), "{problem}");
    assert!(!problem.to_string().contains("Invalid URL"), "{problem}");
    let model = Script::error(404, "invalid_request_error", "The model `gpt-0` does not exist");
    let problem = fails_with_status(&api, &user, model, 400, "provider_rejected", 1).await;
    assert!(problem["detail"].as_str().unwrap().contains("choose another"), "{problem}");
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let api = Api::start().await;
    let user = api.user().await;
    // The hold is over before the time-out, so that the error comes in the stream.
    fails_in_band(&api, &user, Script::new().stall(), "", "provider_timeout").await;
}

#[tokio::test]
async fn a_finish_without_done_is_complete() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).delta("Hello").finish("stop")).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(frames.last().unwrap().json()["status"], "completed");
}

#[tokio::test]
async fn refusals_that_may_pass_are_repeated_before_the_first_output() {
    let api = Api::start().await;
    let user = api.user().await;
    let overloaded = || Script::error(503, "server_error", "busy");
    for (script, calls) in [
        (Script::rate_limited("0").then(Script::reply(&["Hello"])), 2),
        (Script::rate_limited("Sun, 06 Nov 1994 08:49:37 GMT").then(Script::reply(&["Hello"])), 2),
        (overloaded().then(overloaded()).then(Script::reply(&["Hello"])), 3),
    ] {
        let conversation = user.conversation().await;
        let model = api.provider.script(script).await;
        let frames = user.stream(&conversation, &model).await.rest().await;
        assert_eq!(frames.iter().map(Frame::text).collect::<String>(), "Hello");
        assert_eq!(api.provider.count(&model).await, calls);
    }
    fails_with_status(&api, &user, overloaded(), 503, "provider_unavailable", 3).await;
    let html = Script::new().head(502).content_type("text/html").send("<h1>502 Bad Gateway: internal-proxy-7</h1>");
    let problem = fails_with_status(&api, &user, html, 502, "provider_unavailable", 3).await;
    assert!(!problem.to_string().contains("internal-proxy"), "{problem}");
}

#[tokio::test]
async fn a_wait_beyond_our_patience_is_passed_on() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::rate_limited("7")).await;
    let body = json!({ "content": "Hello", "model": model });
    let answer = user.post(&path(&conversation), &body).await;
    assert_eq!(answer.header("retry-after"), Some("7"));
    let (status, problem) = answer.json().await;
    assert_eq!((status, &problem["code"]), (429, &json!("provider_rate_limited")));
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn no_wait_of_more_than_a_day_is_passed_on() {
    let api = Api::start().await;
    let user = api.user().await;
    for wait in ["86401", "99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let conversation = user.conversation().await;
        let model = api.provider.script(Script::rate_limited(wait)).await;
        let answer = user.post(&path(&conversation), &json!({ "content": "Hello", "model": model })).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("86400")), "{wait}");
    }
}

#[tokio::test]
async fn a_json_reply_that_fails_half_way_is_an_error_and_keeps_the_text() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).delta("Hel").close()).await;
    let (status, problem) =
        user.post(&path(&conversation), &json!({ "content": "Hello", "model": model })).await.json().await;
    assert_eq!((status, &problem["code"]), (502, &json!("provider_incomplete")));
    assert_eq!(user.messages(&conversation).await[1]["content"], "Hel");
}
