//! `SIGTERM`: what was promised is done before the process ends.

use std::sync::Arc;

use serde_json::json;
use testkit::upstream::Script;
use tests::{Api, PASSWORD, Provider, User};

use crate::process::Littoral;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_reader_ends_before_the_process_does() {
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let server = Littoral::start(data.path(), &provider, &[]);
    let user = server.api.user().await;
    let conversation = user.conversation().await;
    let slow = Script::new().head(200).delta("Hello, ").pause(1_000).delta("wörld").finish("stop").done();
    let model = provider.script(slow).await;
    let mut frames = user.stream(&conversation, &model).await;
    frames.until("delta").await;
    drop(frames);
    server.ask_to_stop();
    server.ended();

    let server = Littoral::start(data.path(), &provider, &[]);
    let user = User { api: server.api.clone(), ..user };
    let message = user.messages(&conversation).await.pop().expect("a reply");
    assert_eq!((&message["content"], &message["status"]), (&json!("Hello, wörld"), &json!("completed")));
    assert_eq!(provider.count(&model).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_takes_longer_is_kept_as_far_as_it_came_and_its_reader_gets_the_end() {
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let settings = [("LITTORAL_SHUTDOWN_SECONDS", "1"), ("LITTORAL_FLUSH_MS", "60000")];
    let server = Littoral::start(data.path(), &provider, &settings);
    let user = server.api.user().await;
    let conversation = user.conversation().await;
    let model = provider.script(Script::new().head(200).delta("Hel").delta("lo").stall()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(frames.next().await.expect("an event"));
    }
    server.ask_to_stop();
    seen.extend(frames.rest().await);
    let kinds: Vec<_> = seen.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["state", "delta", "delta", "error", "end"]);
    assert_eq!(seen[4].json()["status"], "interrupted");
    server.ended();

    let server = Littoral::start(data.path(), &provider, &settings);
    let user = User { api: server.api.clone(), ..user };
    let message = user.messages(&conversation).await.pop().expect("a reply");
    assert_eq!((&message["content"], &message["status"]), (&json!("Hello"), &json!("interrupted")));
    let again = user.resume(&seen[0].run, 3).await.rest().await;
    assert_eq!(again, seen[3..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_and_an_account_that_were_promised_are_there() {
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let mail_url = format!("{}/play/mail", provider.url());
    let settings = [("LITTORAL_SIGN_UP", "private"), ("LITTORAL_MAIL_API_URL", mail_url.as_str())];
    let server = Littoral::start(data.path(), &provider, &settings);
    let addresses: Vec<_> = (0..8).map(|_| Api::fresh_email()).collect();
    for email in &addresses {
        // The mail service answers only after the process was asked to stop.
        let slow = Script::new().pause(500).head(200).content_type("application/json").send("{}").close();
        provider.script_mail(email, slow).await;
    }
    let sign_up = async |email: &String| {
        let body = json!({ "email": email, "password": PASSWORD });
        assert_eq!(server.api.post("/api/v1/auth/register", &body).await.status, 202);
    };
    futures_util::future::join_all(addresses.iter().map(sign_up)).await;
    server.ask_to_stop();
    server.ended();

    let server = Littoral::start(data.path(), &provider, &settings);
    for email in &addresses {
        let mail = provider.mail_to(email).await;
        let body = json!({ "token": tests::token_in(&mail), "password": PASSWORD });
        let answer = server.api.post("/api/v1/auth/email/verify", &body).await;
        assert!(answer.status.is_success(), "{:?}", answer.json().await);
        let body = json!({ "email": email, "password": PASSWORD });
        assert_eq!(server.api.post("/api/v1/auth/login", &body).await.status, 200);
    }
}
