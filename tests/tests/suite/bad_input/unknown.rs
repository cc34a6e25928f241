//! Fields and query parameters that an operation does not know: refused by their names, on every route.

use http::Method;
use serde_json::{Value, json};
use tests::Api;

use super::{CANARY, Victim};

const SOME_ID: &str = "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e";

/// The pointers of a 422.
fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().into_iter().flatten().filter_map(|entry| entry["pointer"].as_str()).collect()
}

#[tokio::test]
async fn every_route_refuses_a_parameter_and_a_field_that_it_does_not_know() {
    let api = Api::start().await;
    let (admin, conversation) = (api.admin().await, api.admin().await.conversation().await);
    let (mut asked, mut sent) = (0, 0);
    for route in gateway::routes().into_iter().filter(|route| route.parameters.is_some()) {
        let name = format!("{} {}", route.method, route.path);
        let id = if route.path.contains("conversations") { &conversation } else { SOME_ID };
        let path = route.path.replace("{id}", id).replace("{message_id}", SOME_ID).replace("{provider}", "test");
        let answer = admin.send(route.method.clone(), &format!("{path}?no_such={CANARY}"), &[], None).await;
        let (status, problem) = answer.json().await;
        assert_eq!((status, pointers(&problem)), (422, vec!["?no_such"]), "{name}: {problem}");
        asked += 1;
        let takes_no_body = route.method == Method::GET || route.method == Method::DELETE && path != "/api/v1/users/me";
        if takes_no_body {
            continue;
        }
        let (status, problem) =
            admin.send(route.method, &path, &[], Some(&json!({ "no_such": CANARY }))).await.json().await;
        assert_eq!((status, pointers(&problem).contains(&"/no_such")), (422, true), "{name}: {problem}");
        assert!(!problem.to_string().contains(CANARY), "{name}: {problem}");
        sent += 1;
    }
    assert!(asked >= 55 && sent >= 30, "the list of routes is too short: {asked}, {sent}");
}

#[tokio::test]
async fn the_fields_that_there_are_are_named_whether_or_not_they_were_sent() {
    let api = Api::start().await;
    let user = api.user().await;
    for (path, known) in [("users/me", "display_name"), ("users/me/settings", "default_model")] {
        let (status, body) = user.patch(&format!("/api/v1/{path}"), &json!({ "foo": 1 })).await.json().await;
        let detail = body["errors"][0]["detail"].as_str().expect("a detail");
        assert!(status == 422 && detail.contains(&format!("`{known}`")), "{path}: {body}");
    }
}

#[tokio::test]
async fn what_is_refused_for_an_unknown_field_has_no_effect() {
    let victim = Victim::new().await;
    for (method, path, mut body) in victim.operations() {
        body["is_pinned"] = json!(CANARY);
        let problem = victim.refused(method, &path, &[], body.to_string().as_bytes(), 422).await;
        assert!(pointers(&problem).contains(&"/is_pinned"), "{path}: {problem}");
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn documents_and_health_checks_ignore_what_caches_and_monitors_add() {
    let api = Api::start().await;
    for path in ["/", "/openapi.json", "/docs", "/.well-known/jwks.json", "/api/v1/health", "/api/v1/health/ready"] {
        assert_eq!(api.get(&format!("{path}?t=1700000000")).await.status, 200, "{path}");
    }
}

/// The fields and parameters of seed 004's clients, all of them, on every operation that they call.
#[tokio::test]
async fn what_clients_of_seed_004_send_is_known() {
    let api = Api::start().await;
    let credentials = json!({ "email": Api::fresh_email(), "password": "Canary-Passw0rd-7" });
    assert_eq!(api.post("/api/v1/auth/register", &credentials).await.status, 201);
    let (status, tokens) = api.post("/api/v1/auth/login", &credentials).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let (status, tokens) = api.post("/api/v1/auth/refresh", &refresh).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let user = tests::User { api, email: credentials["email"].as_str().unwrap().into(), tokens };
    let answer = user.post("/api/v1/ai/complete", &json!({ "prompt": "x", "model": "littoral-offline" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(user.send(Method::POST, "/api/v1/chat/conversations", &[], None).await.status, 201);
    let id = user.conversation().await;
    for path in ["/api/v1/chat/conversations".into(), format!("/api/v1/chat/conversations/{id}/messages")] {
        assert_eq!(user.get(&format!("{path}?limit=5&skip=0")).await.status, 200, "{path}");
    }
}
