//! Planted canaries: no secret and no content gets into the log or into an error.

use http::Method;
use serde_json::json;
use testkit::upstream::Script;
use tests::{
    Api, User,
    authenticator::{Protected, answer, begin, confirm},
    settings::ADMIN_PASSWORD,
};

const CONTENT: &str = "canary-content-of-a-message";
const WRONG: &str = "canary-wrong-password";
const REPLY: &str = "canary-reply-of-the-model";
const TITLE: &str = "canary-title";

/// A user's session with everything that can go wrong in it. Returns the bodies of all errors, and an API
/// key that was used.
async fn session(api: &Api, user: &User) -> (Vec<String>, String) {
    let mut errors = Vec::new();
    let credentials = |password: &str| json!({ "email": user.email, "password": password });
    api.post("/api/v1/auth/login", &credentials("canary-Passw0rd-7")).await;
    errors.push(api.post("/api/v1/auth/login", &credentials(WRONG)).await.text().await);
    errors.push(api.post("/api/v1/auth/register", &credentials("canary-Passw0rd-7")).await.text().await);
    let broken = format!("{{\"email\":\"{}\",\"password\":\"{WRONG}", user.email);
    let kind = [("content-type", "application/json")];
    errors.push(api.send(Method::POST, "/api/v1/auth/login", &kind, broken.into()).await.text().await);
    errors
        .push(api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": [WRONG] })).await.text().await);

    let (_, conversation) = user.post("/api/v1/chat/conversations", &json!({ "title": TITLE })).await.json().await;
    let path = format!("/api/v1/chat/conversations/{}/messages", conversation["id"].as_str().unwrap());
    for script in [
        Script::reply(&[REPLY]),
        Script::new().head(200).delta(REPLY).close(),
        Script::new().head(200).delta(REPLY).send(&format!("data: {{\"{REPLY}\n\n")),
        Script::error(401, "invalid_request_error", "Incorrect API key provided: canary-provider-key"),
        Script::error(500, "server_error", "canary-provider-key is tired"),
    ] {
        let model = api.provider.script(script).await;
        let body = json!({ "content": CONTENT, "model": model });
        let answer = user.post(&path, &body).await;
        if answer.status == 200 {
            assert!(answer.text().await.contains(REPLY));
        } else {
            errors.push(answer.text().await);
        }
        let prompt = json!({ "prompt": CONTENT, "model": model, "stream": true });
        let answer = user.post("/api/v1/ai/complete", &prompt).await;
        if answer.status == 200 {
            answer.frames().await.rest().await;
        } else {
            errors.push(answer.text().await);
        }
    }
    errors.push(user.post(&path, &json!({ "content": CONTENT, "stream": CONTENT })).await.text().await);
    errors.push(user.get(&format!("{path}?cursor={CONTENT}&token={}", user.access_token())).await.text().await);
    errors.push(user.patch(&path, &json!({ "title": TITLE })).await.text().await);

    let key = user.with_key(&["chat"]).await;
    assert_eq!(key.get("/api/v1/chat/conversations").await.status, 200);
    errors.push(key.get("/api/v1/auth/me").await.text().await);
    api.admin().await;
    let cut = &key.access_token()[..50];
    errors.push(api.send(Method::GET, "/api/v1/auth/me", &[("x-api-key", cut)], Vec::new()).await.text().await);
    errors.push(user.post("/api/v1/auth/api-keys", &json!({ "name": "x", "scopes": [cut] })).await.text().await);
    let gone = user.delete(&format!("/api/v1/auth/api-keys/{}", key.tokens["id"].as_str().unwrap())).await;
    assert_eq!(gone.status, 204);
    errors.push(key.get("/api/v1/chat/conversations").await.text().await);

    let refresh = json!({ "refresh_token": user.tokens["refresh_token"] });
    let (_, second) = api.post("/api/v1/auth/refresh", &refresh).await.json().await;
    let (_, third) =
        api.post("/api/v1/auth/refresh", &json!({ "refresh_token": second["refresh_token"] })).await.json().await;
    assert!(third["refresh_token"].is_string(), "{third}");
    errors.push(api.post("/api/v1/auth/refresh", &refresh).await.text().await);
    errors.push(user.get("/api/v1/auth/me").await.text().await);
    user.post("/api/v1/auth/logout", &json!({})).await;
    (errors, key.access_token().to_owned())
}

/// What must appear nowhere.
fn secrets(user: &User, key: &str) -> Vec<String> {
    let token = user.access_token();
    let refresh = user.tokens["refresh_token"].as_str().unwrap();
    let mut secrets: Vec<_> = [
        "canary-Passw0rd-7",
        ADMIN_PASSWORD,
        WRONG,
        "canary-provider-key",
        "canary-mail-key",
        CONTENT,
        REPLY,
        TITLE,
        "argon2id",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
        "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA",
        "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
        "Bearer ",
    ]
    .map(str::to_owned)
    .into();
    // The signature and the mac are what makes a token one.
    secrets.extend([token, refresh].map(|token| token.rsplit('.').next().unwrap().to_owned()));
    secrets.extend([token.to_owned(), refresh.to_owned(), user.email.clone()]);
    // How a key begins is no secret.
    secrets.push(key[8..20].to_owned());
    secrets
}

fn check(secrets: &[String], texts: &[String], what: &str) {
    for (secret, text) in secrets.iter().flat_map(|secret| texts.iter().map(move |text| (secret, text))) {
        assert!(!text.contains(secret.as_str()), "{secret} got into {what}: {text}");
    }
}

#[tokio::test]
async fn no_secret_and_no_content_gets_into_an_error_or_the_log() {
    let api = Api::start().await;
    let user = api.user().await;
    let (errors, key) = session(&api, &user).await;
    let secrets = secrets(&user, &key);
    assert!(errors.len() >= 14 && errors.iter().all(|error| error.contains("\"request_id\"")), "{errors:?}");
    check(&secrets, &errors, "an error");
    match api.log_lines() {
        Some(lines) => {
            assert!(lines.len() > 20, "{lines:?}");
            check(&secrets, &lines, "the log");
        }
        None => println!("a running host's log is not read here"),
    }
}

#[tokio::test]
async fn no_second_factor_gets_into_an_error_or_the_log() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let (next, codes) = (protected.app.next(), &protected.codes);
    let trusted = protected.sign_in(&json!({ "recovery_code": codes[0], "trust_device": true })).await;
    let challenge = protected.challenge().await;
    assert_eq!(answer(&api, &challenge, &json!({ "code": next })).await.status, 200);
    let begun = begin(&protected.user).await;

    let mut errors = Vec::new();
    for proof in [json!({ "code": next }), json!({ "recovery_code": codes[1] }), json!({ "code": [next], "x": codes })]
    {
        errors.push(answer(&api, &challenge, &proof).await.text().await);
    }
    let again = protected.challenge().await;
    for proof in [json!({ "code": next }), json!({ "recovery_code": codes[0] }), json!({ "code": codes[0] })] {
        errors.push(answer(&api, &again, &proof).await.text().await);
        errors.push(protected.user.post("/api/v1/auth/step-up", &proof).await.text().await);
    }
    errors.push(confirm(&protected.user, &next).await.text().await);
    let login = json!({ "email": protected.user.email, "password": WRONG, "trusted_device_token": trusted["trusted_device_token"] });
    errors.push(api.post("/api/v1/auth/login", &login).await.text().await);
    assert!(errors.iter().all(|error| error.contains("\"request_id\"")), "{errors:?}");

    let mut secrets = secrets(&protected.user, protected.user.access_token());
    secrets.extend(codes.iter().cloned());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    secrets.extend([begun.base32(), protected.app.base32(), text(&trusted["trusted_device_token"]), challenge, again]);
    check(&secrets, &errors, "an error");
    match api.log_lines() {
        Some(lines) => check(&secrets, &lines, "the log"),
        None => println!("a running host's log is not read here"),
    }
}

#[tokio::test]
async fn what_a_provider_quotes_of_a_message_does_not_get_into_the_log() {
    let api = Api::start().await;
    let user = api.user().await;
    for script in [
        Script::error(400, "invalid_request_error", &format!("Invalid prompt: your message '{CONTENT}' was flagged.")),
        Script::json(422, &json!({ "detail": [{ "loc": ["messages", 0], "input": CONTENT }] })),
        Script::new()
            .head(200)
            .event(json!({ "error": { "message": format!("cannot answer '{CONTENT}'"), "type": "server_error" } })),
        Script::new().head(502).content_type("text/html").send(&format!("<p>{CONTENT}</p>")),
    ] {
        let model = api.provider.script(script).await;
        let answer = user.post("/api/v1/ai/complete", &json!({ "prompt": CONTENT, "model": model })).await;
        assert!(!answer.status.is_success());
        let error = answer.text().await;
        check(&[CONTENT.to_owned()], &[error], "an error");
    }
    if let Some(lines) = api.log_lines() {
        check(&[CONTENT.to_owned()], &lines, "the log");
    }
}

#[tokio::test]
async fn every_line_of_the_log_is_one_json_object_and_names_its_request() {
    let api = Api::start().await;
    let Some(_) = api.log_lines() else { return println!("a running host's log is not read here") };
    api.send(Method::GET, "/api/v1/health?secret=canary", &[("x-request-id", "look-for-me")], Vec::new()).await;
    api.send(Method::GET, "/nowhere", &[("x-request-id", "bad\"id")], Vec::new()).await;
    let lines: Vec<serde_json::Value> =
        api.log_lines().unwrap().iter().map(|line| serde_json::from_str(line).expect("one JSON object")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        (&lines[0]["request_id"], &lines[0]["method"], &lines[0]["path"], &lines[0]["status"]),
        (&json!("look-for-me"), &json!("GET"), &json!("/api/v1/health"), &json!(200))
    );
    assert!(lines[0]["time"].is_string() && lines[0]["level"] == "info" && lines[0]["duration_ms"].is_u64());
    assert_eq!((&lines[1]["status"], &lines[1]["code"]), (&json!(404), &json!("not_found")));
    assert!(!lines.iter().any(|line| line.to_string().contains("canary")), "a query got into the log");
}
