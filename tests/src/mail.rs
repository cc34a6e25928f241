//! What the host under test mailed: the scripted upstream is its mail service too.

use std::sync::PoisonError;

use serde_json::{Value, json};
use testkit::upstream::Script;

use crate::Provider;

impl Provider {
    /// The next mail to an address, in the order they came, as `{to, from, subject, text, html}`. Waits for it, and fails when
    /// none comes; each call reads on where the last one stopped.
    pub async fn mail_to(&self, address: &str) -> Value {
        self.mail_about(address, "").await
    }

    /// The next mail to an address whose subject contains `words`; what comes before it counts as read.
    pub async fn mail_about(&self, address: &str, words: &str) -> Value {
        let mut next =
            *self.read.lock().unwrap_or_else(PoisonError::into_inner).entry(address.to_lowercase()).or_default();
        loop {
            let calls = self.calls(&id(address), &format!("?wait=count:{}&timeout_ms=10000", next + 1)).await;
            let mails = mails(&calls);
            assert_eq!(
                calls["timed_out"],
                false,
                "no mail to {address} about {words:?}; {} came: {mails:#?}",
                mails.len()
            );
            while let Some(mail) = mails.get(next) {
                next += 1;
                if mail["subject"].as_str().is_some_and(|subject| subject.contains(words)) {
                    self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_lowercase(), next);
                    return mail.clone();
                }
            }
        }
    }

    /// Every mail to an address so far, oldest first, read or not. Waits for nothing.
    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        mails(&self.calls(&id(address), "").await)
    }

    /// What the mail service plays when it is given a mail to this address, instead of taking it. Before the first one.
    pub async fn script_mail(&self, address: &str, script: Script) {
        self.play(&id(address), script).await;
    }
}

/// The token in a mail: that of its link, and the same on a line of its own.
pub fn token_in(mail: &Value) -> String {
    let text = mail["text"].as_str().expect("a text");
    let (_, token) = text.split_once("?token=").unwrap_or_else(|| panic!("no token in {mail}"));
    let token = token.split_whitespace().next().unwrap_or_default().to_owned();
    assert!(text.lines().any(|line| line == token), "the token is on no line of its own: {mail}");
    token
}

fn id(address: &str) -> String {
    format!("mail:{}", address.to_lowercase())
}

/// The messages of calls in the form of Resend, which the settings name.
fn mails(calls: &Value) -> Vec<Value> {
    let mail = |call: &Value| {
        let body: Value = serde_json::from_str(call["body"].as_str().expect("a body")).expect("a JSON body");
        json!({
            "to": body["to"][0], "from": body["from"], "subject": body["subject"], "text": body["text"], "html": body["html"],
        })
    };
    calls["calls"].as_array().expect("calls").iter().map(mail).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::Secret;
    use gateway::Config;
    use gateway::service::letters::{self, Letter};

    use super::*;
    use crate::in_process::{self, Process};

    async fn process(provider: &Provider) -> (Process, Arc<Config>) {
        process_with(provider, &[]).await
    }

    async fn process_with(provider: &Provider, given: &[(&'static str, &str)]) -> (Process, Arc<Config>) {
        let process = in_process::start(&provider.url(), given, in_process::database().await, 0).await;
        (process, in_process::config(&provider.url(), given).await)
    }

    #[tokio::test]
    async fn letters_arrive_and_are_read_in_order() {
        let provider = Provider::start();
        let (Process { platform, .. }, config) = process(&provider).await;
        let verify = || Letter::VerifyEmail { token: Secret::from("canary-token") };
        letters::send(&platform, &config, "Ada+1@example.com", verify());
        let mail = provider.mail_to("ada+1@example.com").await;
        assert_eq!(mail["to"], "Ada+1@example.com");
        assert_eq!(mail["from"], "Littoral <littoral@example.com>");
        assert_eq!(mail["subject"], "Confirm your e-mail address");
        assert_eq!(token_in(&mail), "canary-token");
        let link = "http://127.0.0.1:8787/verify-email?token=canary-token";
        assert!(mail["html"].as_str().unwrap().contains(&format!("<a href=\"{link}\"")), "{mail}");

        letters::send(&platform, &config, "ada+1@example.com", verify());
        provider.counted("mail:ada+1@example.com", 2).await;
        letters::send(&platform, &config, "ada+1@example.com", Letter::PasswordChanged { ended: "all" });
        assert_eq!(provider.mail_about("ada+1@example.com", "password").await["subject"], "Your password was changed");
        assert_eq!(provider.mails_to("ada+1@example.com").await.len(), 3);
        assert!(provider.mails_to("bob@example.com").await.is_empty());
    }

    #[tokio::test]
    async fn a_letter_that_nobody_takes_is_one_line_without_address_and_token() {
        let provider = Provider::start();
        let (Process { platform, log, .. }, config) = process(&provider).await;
        let said = "canary-token to canary-ada@example.com";
        provider.script_mail("canary-ada@example.com", Script::error(422, "validation_error", said)).await;
        let letter = Letter::ResetPassword { token: Secret::from("canary-token") };
        letters::send(&platform, &config, "canary-ada@example.com", letter);
        provider.closed("mail:canary-ada@example.com", 5_000).await;
        let lines = log.wait_for("mail could not be sent").await;
        let line: Value = serde_json::from_str(&lines).expect("JSON");
        assert_eq!((&line["level"], &line["letter"]), (&json!("error"), &json!("reset-password")));
        assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("422")), "{line}");
        assert!(!log.lines().concat().contains("canary"), "{:?}", log.lines());
    }

    #[tokio::test]
    async fn where_no_mail_service_is_configured_a_letter_is_one_warning_that_says_what_to_set() {
        let provider = Provider::start();
        let (Process { platform, log, .. }, config) = process_with(&provider, &[("LITTORAL_MAIL_API", "")]).await;
        let letter = Letter::VerifyEmail { token: Secret::from("canary-token") };
        letters::send(&platform, &config, "canary-ada@example.com", letter);
        let line: Value = serde_json::from_str(&log.wait_for("mail could not be sent").await).expect("JSON");
        assert_eq!(line["level"], "warn", "{line}");
        assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("LITTORAL_MAIL_API")), "{line}");
        let lines = log.lines();
        assert!(lines.len() == 1 && !lines[0].contains("canary"), "{lines:?}");
    }
}
