//! What every request gets: ids, the envelope, headers, bounds.

use http::Method;
use serde_json::json;
use tests::Api;

#[tokio::test]
async fn health_is_exactly_what_seed_004_promises() {
    let api = Api::start().await;
    assert_eq!(api.get("/api/v1/health").await.json().await, (200, json!({ "status": "ok" })));
    let (status, ready) = api.get("/api/v1/health/ready").await.json().await;
    assert_eq!((status, &ready["status"]), (200, &json!("ok")), "{ready}");
    assert_eq!(
        api.get("/api/v1/health/db").await.json().await,
        (200, json!({ "status": "ok", "database": "connected" }))
    );
}

#[tokio::test]
async fn a_request_id_comes_back_in_header_and_error() {
    let api = Api::start().await;
    let answer = api.send(Method::GET, "/nowhere", &[("x-request-id", "my-id.1")], Vec::new()).await;
    assert_eq!(answer.header("x-request-id"), Some("my-id.1"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let (status, body) = answer.json().await;
    assert_eq!((status, &body["request_id"], &body["code"]), (404, &json!("my-id.1"), &json!("not_found")));
    assert_eq!(body["detail"], "Not Found");

    let answer = api.send(Method::GET, "/nowhere", &[("x-request-id", "bad id\"")], Vec::new()).await;
    assert_ne!(answer.header("x-request-id"), Some("bad id\""));
    assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
}

#[tokio::test]
async fn a_wrong_method_is_405_in_the_same_envelope() {
    let api = Api::start().await;
    let answer = api.send(Method::PUT, "/api/v1/auth/login", &[], Vec::new()).await;
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")));
    let (status, body) = answer.json().await;
    assert_eq!((status, &body["code"]), (405, &json!("method_not_allowed")));
}
