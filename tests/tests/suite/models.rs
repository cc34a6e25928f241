//! Models: only those that the operator allows are asked for.

use serde_json::{Value, json};
use tests::{Api, User};

const SETTINGS: &str = "/api/v1/users/me/settings";

/// Status and body of a completion with this `model`, and of a message with it.
async fn ask(user: &User, model: &Value) -> [(u16, Value); 2] {
    let conversation = user.conversation().await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let completion = user.post("/api/v1/ai/complete", &json!({ "prompt": "Hello", "model": model })).await.json().await;
    let message = user.post(&path, &json!({ "content": "Hello", "model": model })).await.json().await;
    [completion, message]
}

async fn listed(user: &User) -> Value {
    let (status, body) = user.get("/api/v1/models").await.json().await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn only_allowed_models_are_asked_for() {
    let api = Api::start().await;
    let user = api.user().await;
    for model in ["o1-pro", "Default", "default ", "default\n", "../default", "script-", "script-/../x", "script-a b"] {
        for (status, problem) in ask(&user, &json!(model)).await {
            if model == "script-" {
                assert_eq!(status, 200, "what begins so is allowed: {problem}");
                continue;
            }
            assert_eq!((status, &problem["code"]), (404, &json!("model_not_found")), "{model:?}: {problem}");
            let detail = problem["detail"].as_str().expect("a detail");
            assert!(detail.contains("`default`, `pricey`, `littoral-offline`"), "{detail}");
            assert!(!detail.contains("o1-pro"), "{detail}");
        }
    }
    assert_eq!(api.provider.count("o1-pro").await, 0);
}

#[tokio::test]
async fn the_allowed_models_are_listed() {
    let api = Api::start().await;
    let list = listed(&api.user().await).await;
    assert_eq!(list["models"], json!([{ "id": "default" }, { "id": "pricey" }, { "id": "littoral-offline" }]));
    assert_eq!(list["default_model"], "default");
    assert_eq!(api.get("/api/v1/models").await.status, 401);
}

#[tokio::test]
async fn a_request_that_names_no_model_asks_the_one_that_its_user_has_chosen() {
    let api = Api::start().await;
    let user = api.user().await;
    for (chosen, used) in [
        (json!("littoral-offline"), "littoral-offline"),
        // What the server does not offer is not asked for.
        (json!("o1-pro"), "default"),
        (Value::Null, "default"),
    ] {
        assert_eq!(user.patch(SETTINGS, &json!({ "default_model": chosen })).await.status, 200);
        assert_eq!(listed(&user).await["default_model"], used);
        let [(_, completion), (_, exchange)] = ask(&user, &Value::Null).await;
        assert_eq!((&completion["model"], &exchange["model_message"]["model"]), (&json!(used), &json!(used)));
    }
}

#[tokio::test]
async fn without_a_provider_there_is_the_offline_model_alone() {
    let none = [
        "LITTORAL_OPENAI_BASE_URL",
        "LITTORAL_OPENAI_API_KEY",
        "LITTORAL_FALLBACK_BASE_URL",
        "LITTORAL_FALLBACK_API_KEY",
        "LITTORAL_MODEL",
        "LITTORAL_MODELS",
    ];
    let Some(api) = Api::with_settings(&none.map(|name| (name, ""))).await else { return };
    let user = api.user().await;
    let list = listed(&user).await;
    assert_eq!(list, json!({ "models": [{ "id": "littoral-offline" }], "default_model": "littoral-offline" }));
    for (status, problem) in ask(&user, &json!("default")).await {
        assert_eq!((status, &problem["code"]), (404, &json!("model_not_found")));
        assert!(problem["detail"].as_str().expect("a detail").ends_with("Choose one of: `littoral-offline`."));
    }
    let [(completed, _), (said, _)] = ask(&user, &Value::Null).await;
    assert_eq!((completed, said), (200, 200));
}
