//! The check that a person asks. The scripted upstream stands for the service.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Answer, Api, PASSWORD};

/// Sends a request that needs a token of the service's widget.
pub async fn send(api: &Api, path: &str, email: &str, token: Option<&str>) -> Answer {
    let mut body = json!({ "email": email, "captcha_token": token });
    if path != "password/forgot" {
        body["password"] = PASSWORD.into();
    }
    api.post(&format!("/api/v1/auth/{path}"), &body).await
}

/// A token about which the service plays a script, and the script's id.
async fn token(api: &Api, script: Script) -> (String, String) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let token = format!("canary+{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let id = format!("captcha:{token}");
    api.provider.play(&id, script).await;
    (token, id)
}

/// A token that is a person's.
pub async fn vouched_for(api: &Api) -> String {
    token(api, Script::json(200, &json!({ "success": true, "hostname": "example.com" }))).await.0
}

async fn problem(answer: Answer) -> (u16, Value) {
    let (status, body) = answer.json().await;
    (status, body["code"].clone())
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_unavailable() {
    let settings = [("LITTORAL_TURNSTILE_SECRET", "x"), ("LITTORAL_TURNSTILE_URL", "http://127.0.0.1:9/verify")];
    let Some(api) = Api::with_settings(&settings).await else {
        return println!("not here: a running host has its own settings");
    };
    let answer = send(&api, "register", &Api::fresh_email(), Some("x")).await;
    assert_eq!(problem(answer).await, (503, json!("unavailable")));
}

mod guarded {
    use tests::settings::CAPTCHA_SECRET;

    use super::*;

    const PATHS: [(&str, u16); 3] = [("register", 201), ("login", 200), ("password/forgot", 202)];

    #[tokio::test]
    async fn whoever_the_service_vouches_for_may_pass() {
        let api = Api::with_profile("guarded").await;
        let email = Api::fresh_email();
        let (token, id) = token(&api, Script::json(200, &json!({ "success": true }))).await;
        let address = api.address().expect("an address");
        let form = format!("secret={CAPTCHA_SECRET}&response={}&remoteip={address}", token.replace('+', "%2B"));
        for (path, status) in PATHS {
            assert_eq!(send(&api, path, &email, Some(&token)).await.status, status, "{path}");
            assert_eq!(api.provider.closed(&id, 5_000).await["body"], json!(form));
        }
        assert_eq!(api.provider.count(&id).await, 3);
    }

    #[tokio::test]
    async fn nobody_passes_without_a_token() {
        let api = Api::with_profile("guarded").await;
        for (path, _) in PATHS {
            let (status, body) = send(&api, path, &Api::fresh_email(), None).await.json().await;
            assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/captcha_token")), "{path}: {body}");
        }
        assert_eq!(api.provider.count("captcha:").await, 0, "nothing was asked");
    }

    #[tokio::test]
    async fn whoever_fails_is_refused() {
        let api = Api::with_profile("guarded").await;
        for script in [
            Script::json(200, &json!({ "success": false, "error-codes": ["timeout-or-duplicate"] })),
            Script::json(400, &json!({ "success": false })),
        ] {
            let (api, (token, _)) = (api.elsewhere(), token(&api, script).await);
            for (path, _) in PATHS {
                let answer = send(&api, path, &Api::fresh_email(), Some(&token)).await;
                assert_eq!(problem(answer).await, (400, json!("captcha_failed")), "{path}");
            }
        }
    }

    #[tokio::test]
    async fn a_service_that_makes_no_sense_is_unavailable_and_its_secret_is_not_logged() {
        let api = Api::with_profile("guarded").await;
        for script in [Script::new().head(200).send("<p>canary</p>"), Script::json(200, &json!({ "ok": true }))] {
            let answer = send(&api, "login", &Api::fresh_email(), Some(&token(&api, script).await.0)).await;
            assert_eq!(problem(answer).await, (503, json!("unavailable")));
        }
        // A running host's log is searched when all tests are over.
        assert!(!api.log_lines().is_some_and(|lines| lines.concat().contains("canary")));
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_unavailable() {
        let api = Api::with_profile("guarded").await;
        let (token, _) = token(&api, Script::new().stall()).await;
        let answer = send(&api, "register", &Api::fresh_email(), Some(&token)).await;
        assert_eq!(problem(answer).await, (503, json!("unavailable")));
    }
}
