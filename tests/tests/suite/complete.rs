//! `POST /api/v1/ai/complete`: one prompt, one reply, no conversation.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, Frame, User};

const PATH: &str = "/api/v1/ai/complete";

async fn complete(user: &User, headers: &[(&str, &str)], body: &Value) -> Value {
    let (status, reply) = user.send(Method::POST, PATH, headers, Some(body)).await.json().await;
    assert_eq!(status, 200, "{reply}");
    reply
}

#[tokio::test]
async fn nobody_completes_without_signing_in() {
    let api = Api::start().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    let answer = api.post(PATH, &json!({ "prompt": "Hello", "model": model })).await;
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(api.provider.count(&model).await, 0);
}

#[tokio::test]
async fn a_completion_has_the_text_of_seed_004_and_more() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Grü", "ße 🌊"])).await;
    let reply =
        complete(&user, &[], &json!({ "prompt": "Hallo", "model": model, "max_tokens": 9, "temperature": 1 })).await;
    let members: BTreeSet<_> = reply.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["finish_reason", "model", "run_id", "status", "text", "usage"].into());
    assert_eq!((&reply["text"], &reply["model"]), (&json!("Grüße 🌊"), &json!(model)));
    assert_eq!((&reply["status"], &reply["finish_reason"]), (&json!("completed"), &json!("stop")));
    assert!(reply["usage"].is_object(), "{reply}");
    let sent = api.provider.requests(&model).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["messages"], json!([{ "role": "user", "content": "Hallo" }]));
    assert_eq!((&sent[0]["max_tokens"], &sent[0]["temperature"]), (&json!(9), &json!(1.0)));
}

#[tokio::test]
async fn without_a_model_the_configured_one_answers() {
    let api = Api::start().await;
    let user = api.user().await;
    let reply = complete(&user, &[], &json!({ "prompt": "Hello" })).await;
    assert_eq!((&reply["model"], &reply["text"]), (&json!("default"), &json!("Hello from the scripted upstream.")));
}

#[tokio::test]
async fn a_completion_streams_when_asked_in_either_way() {
    let api = Api::start().await;
    let user = api.user().await;
    for (headers, field) in [(&[][..], json!(true)), (&[("accept", "text/event-stream")], Value::Null)] {
        let model = api.provider.script(Script::reply(&["Grü", "ße"])).await;
        let body = json!({ "prompt": "Hello", "model": model, "stream": field });
        let frames = user.send(Method::POST, PATH, headers, Some(&body)).await.frames().await.rest().await;
        let kinds: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
        assert_eq!(kinds, ["state", "delta", "delta", "usage", "end"]);
        assert_eq!(frames.iter().map(Frame::text).collect::<String>(), "Grüße");
        let state = frames[0].json();
        assert_eq!((&state["model"], &state["run_id"]), (&json!(model), &json!(frames[0].run)));
        assert_eq!((state.get("conversation_id"), state.get("message_id")), (None, None));
    }
    let body = json!({ "prompt": "Hello", "model": "littoral-offline", "stream": false });
    complete(&user, &[("accept", "text/event-stream")], &body).await;
}

#[tokio::test]
async fn nothing_of_a_plain_completion_is_stored() {
    let api = Api::start().await;
    let user = api.user().await;
    let reply = complete(&user, &[], &json!({ "prompt": "Hello", "model": "littoral-offline" })).await;
    let run = reply["run_id"].as_str().unwrap();
    let (status, body) = user.get(&format!("/api/v1/runs/{run}")).await.json().await;
    assert_eq!((status, &body["detail"]), (404, &json!("Run not found")));
    let (_, list) = user.get("/api/v1/chat/conversations").await.json().await;
    assert_eq!(list["conversations"], json!([]));
}

#[tokio::test]
async fn two_plain_completions_are_two_calls() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["one"]).then(Script::reply(&["two"]))).await;
    let body = json!({ "prompt": "Hello", "model": model });
    assert_eq!(complete(&user, &[], &body).await["text"], "one");
    assert_eq!(complete(&user, &[], &body).await["text"], "two");
    assert_eq!(api.provider.count(&model).await, 2);
}

#[tokio::test]
async fn with_an_idempotency_key_a_completion_is_made_once_and_kept() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["one"]).then(Script::reply(&["two"]))).await;
    let body = json!({ "prompt": "Hello", "model": model });
    let key = [("idempotency-key", "k")];
    let first = complete(&user, &key, &body).await;
    assert_eq!(first["text"], "one");
    assert_eq!(complete(&user, &key, &body).await, first);
    // The same, streamed.
    let streamed = json!({ "prompt": "Hello", "model": model, "stream": true });
    let frames = user.send(Method::POST, PATH, &key, Some(&streamed)).await.frames().await.rest().await;
    assert_eq!(frames.iter().map(Frame::text).collect::<String>(), "one");
    assert_eq!(json!(frames[0].run), first["run_id"]);
    assert_eq!(api.provider.count(&model).await, 1);

    let run = first["run_id"].as_str().unwrap();
    let (status, stored) = user.get(&format!("/api/v1/runs/{run}")).await.json().await;
    assert_eq!((status, &stored["status"], &stored["conversation_id"]), (200, &json!("completed"), &Value::Null));
    // Another key is another completion.
    assert_eq!(complete(&user, &[("idempotency-key", "k2")], &body).await["text"], "two");
}

#[tokio::test]
async fn completions_of_one_key_at_once_are_one_call() {
    let api = Api::start().await;
    let user = api.user().await;
    let model =
        api.provider.script(Script::new().head(200).delta("Hel").pause(200).delta("lo").finish("stop").done()).await;
    let body = json!({ "prompt": "Hello", "model": model });
    let key = [("idempotency-key", "k")];
    let replies = futures_util::future::join_all((0..5).map(|_| complete(&user, &key, &body))).await;
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    assert_eq!(replies[0]["text"], "Hello");
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn a_key_that_meant_something_else_is_refused() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    let key = [("idempotency-key", "k")];
    complete(&user, &key, &json!({ "prompt": "Hello", "model": model })).await;
    for body in [json!({ "prompt": "Bye", "model": model }), json!({ "prompt": "Hello", "model": "littoral-offline" })]
    {
        let (status, problem) = user.send(Method::POST, PATH, &key, Some(&body)).await.json().await;
        assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    }
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let body = json!({ "content": "Hello", "model": model });
    let (status, problem) = user.send(Method::POST, &path, &key, Some(&body)).await.json().await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    assert!(user.messages(&conversation).await.is_empty());
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn a_failure_of_the_provider_is_an_error_and_never_a_text() {
    let api = Api::start().await;
    let user = api.user().await;
    for (script, status, code) in [
        (Script::error(500, "server_error", "boom"), 502, "provider_unavailable"),
        (Script::error(503, "server_error", "boom"), 503, "provider_unavailable"),
        (Script::error(401, "invalid_request_error", "bad key"), 502, "provider_unauthorized"),
        (Script::new().head(200).delta("Hel").close(), 502, "provider_incomplete"),
    ] {
        let model = api.provider.script(script).await;
        let (found, problem) = user.post(PATH, &json!({ "prompt": "Hello", "model": model })).await.json().await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{problem}");
        assert_eq!(problem.get("text"), None);
    }
}

#[tokio::test]
async fn a_streamed_completion_can_be_resumed_and_its_end_is_shown_again() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
    let body = json!({ "prompt": "Hello", "model": model, "stream": true });
    let frames = user.post(PATH, &body).await.frames().await.rest().await;
    let (run, last) = (frames[0].run.clone(), frames.last().unwrap().seq);
    assert_eq!(user.resume(&run, 0).await.rest().await, frames);
    assert_eq!(user.resume(&run, 2).await.rest().await, frames[2..]);
    // A browser comes back by itself after the stream's end. It must hear of the end, or it comes back for ever.
    for after in [last, last + 1, u64::MAX] {
        let again = user.resume(&run, after).await.rest().await;
        assert_eq!(again.last().map(|frame| frame.event.as_str()), Some("end"), "after {after}");
    }
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn a_streamed_completion_can_be_stopped_where_its_reader_is() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::new().head(200).delta("Hel").delta("lo").stall()).await;
    let body = json!({ "prompt": "Hello", "model": model, "stream": true });
    let mut frames = user.post(PATH, &body).await.frames().await;
    let mut seen = frames.until("delta").await;
    seen.extend(frames.until("delta").await);
    let run = seen[0].run.clone();
    let first = seen.iter().find(|frame| frame.event == "delta").unwrap().seq;
    let stopped = user.post(&format!("/api/v1/runs/{run}/stop"), &json!({ "seen": first })).await;
    assert_eq!(stopped.status, 204);
    assert_eq!(api.provider.closed(&model, 5_000).await["closed_early"], true);
    assert_eq!(frames.rest().await.last().unwrap().json()["status"], "stopped");
    let kept = user.resume(&run, 0).await.rest().await;
    assert_eq!(kept.iter().map(Frame::text).collect::<String>(), "Hel");
    assert_eq!(kept.last().unwrap().json()["status"], "stopped");
}

#[tokio::test]
async fn a_completion_that_is_to_be_stored_can_be_read_and_resumed_later() {
    let api = Api::start().await;
    let user = api.user().await;
    for stream in [false, true] {
        let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
        let body = json!({ "prompt": "Hello", "model": model, "store": true, "stream": stream });
        let run = if stream {
            let frames = user.post(PATH, &body).await.frames().await.rest().await;
            frames[0].run.clone()
        } else {
            complete(&user, &[], &body).await["run_id"].as_str().unwrap().to_owned()
        };
        let stored = user.ended(&run).await;
        assert_eq!((&stored["status"], &stored["text"]), (&json!("completed"), &json!("Hello")));
        assert_eq!((&stored["conversation_id"], &stored["model"]), (&Value::Null, &json!(model)));
        assert_eq!((&stored["cost_nano_usd"], &stored["cost_estimated"]), (&json!(13_000), &json!(false)));
        let again = user.resume(&run, 2).await.rest().await;
        assert_eq!(again.iter().map(Frame::text).collect::<String>(), "lo");
        // Somebody else does not find it.
        let other = api.user().await;
        assert_eq!(other.get(&format!("/api/v1/runs/{run}")).await.status, 404);
    }
}

#[tokio::test]
async fn the_text_of_a_stored_completion_comes_with_its_end() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::new().head(200).delta("Hel").stall()).await;
    let body = json!({ "prompt": "Hello", "model": model, "store": true, "stream": true });
    let mut frames = user.post(PATH, &body).await.frames().await;
    let run = frames.until("delta").await[0].run.clone();
    let (_, running) = user.get(&format!("/api/v1/runs/{run}")).await.json().await;
    assert_eq!((&running["text"], &running["ended_at"]), (&Value::Null, &Value::Null));
    user.post(&format!("/api/v1/runs/{run}/stop"), &json!({})).await;
    let stopped = user.ended(&run).await;
    assert_eq!((&stopped["status"], &stopped["text"]), (&json!("stopped"), &json!("Hel")));
}

#[tokio::test]
async fn a_stored_completion_can_be_deleted_by_its_user_only() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let body = json!({ "prompt": "Hello", "model": "littoral-offline", "store": true });
    let run = complete(&user, &[], &body).await["run_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/runs/{run}");
    assert_eq!(other.delete(&path).await.status, 404);
    assert_eq!(user.get(&path).await.status, 200);
    assert_eq!(user.delete(&path).await.json().await, (204, Value::Null));
    assert_eq!(user.get(&path).await.status, 404);
    assert_eq!(user.delete(&path).await.status, 404);
    // With its key, which may then be used again.
    let key = [("idempotency-key", "k")];
    let body = json!({ "prompt": "Hello", "model": "littoral-offline" });
    let keyed = complete(&user, &key, &body).await["run_id"].as_str().unwrap().to_owned();
    assert_eq!(user.delete(&format!("/api/v1/runs/{keyed}")).await.status, 204);
    assert_ne!(complete(&user, &key, &body).await["run_id"], json!(keyed));
    // A conversation's run is its conversation's.
    let conversation = user.conversation().await;
    let frames = user.stream(&conversation, "littoral-offline").await.rest().await;
    assert_eq!(user.delete(&format!("/api/v1/runs/{}", frames[0].run)).await.status, 404);
    assert_eq!(user.ended(&frames[0].run).await["status"], "completed");
}

#[tokio::test]
async fn a_stored_completion_that_is_deleted_under_way_is_given_up() {
    let api = Api::start().await;
    let user = api.user().await;
    // Never silent for long, so that no timeout ends it.
    let script = (0..40).fold(Script::new().head(200), |script, _| script.delta("Hel").pause(200)).finish("stop");
    let model = api.provider.script(script).await;
    let body = json!({ "prompt": "Hello", "model": model, "store": true, "stream": true });
    let mut frames = user.post(PATH, &body).await.frames().await;
    let run = frames.until("delta").await[0].run.clone();
    assert_eq!(user.delete(&format!("/api/v1/runs/{run}")).await.status, 204);
    assert_eq!(api.provider.closed(&model, 5_000).await["closed_early"], true);
}

#[tokio::test]
async fn a_stored_completion_that_is_deleted_before_its_answer_is_not_found() {
    let api = Api::start().await;
    let user = api.user().await;
    let script = Script::new().head(200).delta("Hel").drip(&": quiet\n\n".repeat(1_000), 9, 100);
    let model = api.provider.script(script).await;
    let (key, plain) = ([("idempotency-key", "k")], json!({ "prompt": "Hello", "model": model, "store": true }));
    let mut streamed = plain.clone();
    streamed["stream"] = json!(true);
    let deleting = async {
        api.provider.counted(&model, 1).await;
        let mut frames = user.send(Method::POST, PATH, &key, Some(&streamed)).await.frames().await;
        let run = frames.next().await.expect("the first event").run;
        user.delete(&format!("/api/v1/runs/{run}")).await.status
    };
    let (answer, deleted) = tokio::join!(user.send(Method::POST, PATH, &key, Some(&plain)), deleting);
    assert_eq!(deleted, 204);
    let (status, problem) = answer.json().await;
    assert_eq!((status, &problem["detail"]), (404, &json!("Run not found")), "{problem}");
}

#[tokio::test]
async fn a_repeated_completion_names_the_model_that_answered_the_first_one() {
    const SETTINGS: &str = "/api/v1/users/me/settings";
    let api = Api::start().await;
    let user = api.user().await;
    let (one, two) =
        (api.provider.script(Script::reply(&["one"])).await, api.provider.script(Script::reply(&["two"])).await);
    let (key, body) = ([("idempotency-key", "k")], json!({ "prompt": "Hello" }));
    assert_eq!(user.patch(SETTINGS, &json!({ "default_model": one })).await.status, 200);
    let first = complete(&user, &key, &body).await;
    assert_eq!((&first["text"], &first["model"]), (&json!("one"), &json!(one)));
    assert_eq!(user.patch(SETTINGS, &json!({ "default_model": two })).await.status, 200);
    assert_eq!(complete(&user, &key, &body).await, first);
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn repetitions_and_reads_of_a_run_are_limited_as_reads() {
        let api = Api::with_profile("tight").await;
        let conversation_of =
            async |user: &User| format!("/api/v1/chat/conversations/{}/messages", user.conversation().await);
        for kind in ["run", "completion", "message"] {
            let user = api.elsewhere().user().await;
            let key = [("idempotency-key", "k")];
            let (path, body) = match kind {
                "message" => (conversation_of(&user).await, json!({ "content": "Hello", "model": "littoral-offline" })),
                _ => (PATH.to_owned(), json!({ "prompt": "Hello", "model": "littoral-offline" })),
            };
            let (status, first) = user.send(Method::POST, &path, &key, Some(&body)).await.json().await;
            assert_eq!(status, 200, "{first}");
            let run = format!("/api/v1/runs/{}", first["run_id"].as_str().unwrap());
            let again = async || match kind {
                "run" => user.get(&run).await,
                _ => user.send(Method::POST, &path, &key, Some(&body)).await,
            };
            for _ in 0..12 {
                assert_eq!(again().await.status, 200, "{kind}");
            }
            let refused = again().await;
            assert!(refused.header("retry-after").is_some(), "{kind}");
            let (status, problem) = refused.json().await;
            assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")), "{kind}");
        }
    }
}
