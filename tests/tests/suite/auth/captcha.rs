//! The check that a person asks. It is a setting, so this is tried in process; the scripted upstream stands for the service.

use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Answer, Api, PASSWORD, Provider};

/// An API whose captcha service plays a script, that service, and the script's id.
async fn with_captcha(script: Script) -> Option<(Api, Provider, String)> {
    let service = Provider::start();
    let id = service.script(script).await;
    let url = format!("{}/play/{id}", service.url());
    let settings = [("LITTORAL_TURNSTILE_SECRET", "canary-captcha-secret"), ("LITTORAL_TURNSTILE_URL", url.as_str())];
    let api = Api::with_settings(&settings).await;
    if api.is_none() {
        println!("not here: a running host has its own settings");
    }
    api.map(|api| (api, service, id))
}

async fn send(api: &Api, path: &str, email: &str, token: Option<&str>) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "captcha_token": token });
    api.post(&format!("/api/v1/auth/{path}"), &body).await
}

const PATHS: [(&str, u16); 3] = [("register", 201), ("login", 200), ("password/forgot", 202)];

async fn problem(answer: Answer) -> (u16, Value) {
    let (status, body) = answer.json().await;
    (status, body["code"].clone())
}

#[tokio::test]
async fn whoever_the_service_vouches_for_may_pass() {
    let script = Script::json(200, &json!({ "success": true, "hostname": "example.com" }));
    let Some((api, service, id)) = with_captcha(script).await else { return };
    let email = Api::fresh_email();
    for (path, status) in PATHS {
        assert_eq!(send(&api, path, &email, Some("canary+token")).await.status, status, "{path}");
        let asked = service.closed(&id, 5_000).await;
        assert_eq!(asked["body"], "secret=canary-captcha-secret&response=canary%2Btoken");
    }
}

#[tokio::test]
async fn nobody_passes_without_a_token() {
    let Some((api, service, id)) = with_captcha(Script::json(200, &json!({ "success": true }))).await else { return };
    for (path, _) in PATHS {
        let (status, body) = send(&api, path, &Api::fresh_email(), None).await.json().await;
        assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/captcha_token")), "{path}: {body}");
    }
    assert_eq!(service.count(&id).await, 0);
}

#[tokio::test]
async fn whoever_fails_is_refused() {
    for script in [
        Script::json(200, &json!({ "success": false, "error-codes": ["timeout-or-duplicate"] })),
        Script::json(400, &json!({ "success": false })),
    ] {
        let Some((api, _service, _)) = with_captcha(script).await else { return };
        for (path, _) in PATHS {
            let answer = send(&api, path, &Api::fresh_email(), Some("x")).await;
            assert_eq!(problem(answer).await, (400, json!("captcha_failed")), "{path}");
        }
    }
}

#[tokio::test]
async fn a_service_that_makes_no_sense_is_unavailable_and_its_secret_is_not_logged() {
    for script in [Script::new().head(200).send("<p>canary</p>"), Script::json(200, &json!({ "ok": true }))] {
        let Some((api, _service, _)) = with_captcha(script).await else { return };
        let answer = send(&api, "login", &Api::fresh_email(), Some("canary-token")).await;
        assert_eq!(problem(answer).await, (503, json!("unavailable")));
        assert!(!api.log_lines().unwrap().concat().contains("canary"));
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_or_does_not_answer_is_unavailable() {
    let settings = [("LITTORAL_TURNSTILE_SECRET", "x"), ("LITTORAL_TURNSTILE_URL", "http://127.0.0.1:9/verify")];
    let Some(api) = Api::with_settings(&settings).await else {
        return println!("not here: a running host has its own settings");
    };
    let answer = send(&api, "register", &Api::fresh_email(), Some("x")).await;
    assert_eq!(problem(answer).await, (503, json!("unavailable")));

    let Some((api, _service, _)) = with_captcha(Script::new().stall()).await else { return };
    let answer = send(&api, "register", &Api::fresh_email(), Some("x")).await;
    assert_eq!(problem(answer).await, (503, json!("unavailable")));
}
