//! What becomes of a run when its reader leaves: `finish`, `cancel`, `grace:N`.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, Frame, PASSWORD, User};

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

/// Clients that leave at the same time. Other tests, some with short times, run beside these.
const AT_ONCE: usize = 2;

/// Sends a request whose client leaves before its answer, the `n`th a little later than the one before.
async fn leave(user: &User, n: u64, method: Method, path: &str, body: &Value) {
    let _ = tokio::time::timeout(Duration::from_micros(100 + n * 250), user.send(method, path, &[], Some(body))).await;
}

/// The messages of a conversation, once no reply is under way.
async fn settled(user: &User, conversation: &str) -> Vec<Value> {
    let over = async {
        loop {
            let messages = user.messages(conversation).await;
            if messages.iter().all(|message| message["status"] != "running") {
                return messages;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), over).await.expect("replies that end")
}

#[tokio::test]
async fn a_message_whose_client_leaves_before_its_answer_is_answered_or_was_never_there() {
    const MESSAGES: u64 = 40;
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Hello"])).await;
    let conversations: Vec<_> = stream::iter((0..MESSAGES).map(|n| {
        let (user, model) = (&user, &model);
        async move {
            let conversation = user.conversation().await;
            let path = format!("/api/v1/chat/conversations/{conversation}/messages");
            leave(user, n, Method::POST, &path, &json!({ "content": "Hello", "model": model })).await;
            conversation
        }
    }))
    .buffered(AT_ONCE)
    .collect()
    .await;
    // What has been received by now is done: this comes after it.
    user.stream(&conversations[0], &model).await.rest().await;
    let mut stored = 0;
    for conversation in &conversations {
        let messages = settled(&user, conversation).await;
        let replies: Vec<_> = messages.iter().filter(|message| message["role"] == "model").collect();
        for reply in &replies {
            assert_eq!((&reply["status"], &reply["content"]), (&json!("completed"), &json!("Hello")), "{reply}");
        }
        stored += replies.len() as u64;
    }
    assert_eq!(api.provider.count(&model).await, stored);
    println!("{} of {MESSAGES} messages were there, and each was answered", stored - 1);
}

#[tokio::test]
async fn signing_out_has_its_whole_effect_though_the_client_leaves() {
    let api = Api::start().await;
    let outs: Vec<_> = stream::iter((0..12).map(|n| {
        let api = &api;
        async move {
            let user = api.user().await;
            leave(&user, n * 2, Method::POST, "/api/v1/auth/logout", &json!({ "scope": "global" })).await;
            let body = json!({ "refresh_token": user.tokens["refresh_token"] });
            if api.post("/api/v1/auth/refresh", &body).await.status == 200 {
                // The request was never received.
                return false;
            }
            // The session has ended: so does its access token, at the latest when what ended it is done.
            let refused = async {
                while user.get("/api/v1/auth/me").await.status != 401 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), refused).await.expect("a token that ends");
            true
        }
    }))
    .buffered(AT_ONCE)
    .collect()
    .await;
    println!("{} of {} were signed out", outs.iter().filter(|out| **out).count(), outs.len());
}

#[tokio::test]
async fn the_owner_is_told_of_a_new_password_though_the_client_leaves() {
    let api = Api::start().await;
    let changed: Vec<_> = stream::iter((0..8).map(|n| {
        let api = &api;
        async move {
            let user = api.verified_user().await;
            let body = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
            leave(&user, n * 6, Method::POST, "/api/v1/auth/password/change", &body).await;
            let login = async |password| {
                let body = json!({ "email": user.email, "password": password });
                api.post("/api/v1/auth/login", &body).await.status == 200
            };
            while !login("canary-Passw0rd-8").await {
                if login(PASSWORD).await {
                    // Never received, or not done yet: then the other password counts soon.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    if login(PASSWORD).await {
                        return false;
                    }
                }
            }
            api.provider.mail_about(&user.email, "password was changed").await;
            true
        }
    }))
    .buffered(AT_ONCE)
    .collect()
    .await;
    println!("{} of {} passwords were changed", changed.iter().filter(|changed| **changed).count(), changed.len());
}
