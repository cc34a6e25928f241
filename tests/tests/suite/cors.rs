//! Calls from browsers: only from the configured origin, with credentials.

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Answer, Api};

const OURS: &str = "https://app.example.com";

fn list(answer: &Answer, name: &str) -> Vec<String> {
    let values = answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect()
}

/// The names of all headers that the description lets a request have.
fn header_parameters(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if map.get("in") == Some(&json!("header")) && map["name"].is_string() => {
            vec![map["name"].as_str().unwrap_or_default().to_ascii_lowercase()]
        }
        Value::Object(map) => map.values().flat_map(header_parameters).collect(),
        Value::Array(items) => items.iter().flat_map(header_parameters).collect(),
        _ => Vec::new(),
    }
}

async fn preflight(api: &Api, origin: &str, method: &str, headers: &str) -> Answer {
    let asked =
        [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", headers)];
    api.send(Method::OPTIONS, "/api/v1/chat/conversations", &asked, Vec::new()).await
}

#[tokio::test]
async fn a_preflight_of_our_origin_is_allowed_all_that_the_api_needs() {
    let api = Api::start().await;
    let answer = preflight(&api, OURS, "PATCH", "authorization").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(OURS));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert!(answer.header("access-control-max-age").is_some());
    assert!(answer.header("x-request-id").is_some());
    assert!(list(&answer, "vary").contains(&"origin".to_owned()));
    let methods = list(&answer, "access-control-allow-methods");
    for method in ["get", "post", "patch", "delete"] {
        assert!(methods.contains(&method.to_owned()), "{methods:?}");
    }
    let headers = list(&answer, "access-control-allow-headers");
    for header in [
        "authorization",
        "content-type",
        "accept",
        "idempotency-key",
        "last-event-id",
        "x-api-key",
        "x-goog-api-key",
        "x-device-name",
        "x-device-platform",
        "x-request-id",
    ] {
        assert!(headers.contains(&header.to_owned()), "{headers:?}");
    }
    let (_, document) = api.get("/openapi.json").await.json().await;
    for parameter in header_parameters(&document) {
        assert!(headers.contains(&parameter), "{parameter} is described and a browser may not send it");
    }
    assert!(answer.bytes().await.is_empty());
}

#[tokio::test]
async fn a_preflight_of_another_origin_is_allowed_nothing() {
    let api = Api::start().await;
    for origin in [
        "https://evil.example.com",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.org",
        "https://APP.example.com",
        "null",
    ] {
        let answer = preflight(&api, origin, "POST", "authorization").await;
        assert_eq!(answer.status, 204, "{origin}");
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{origin}");
        assert!(list(&answer, "vary").contains(&"origin".to_owned()));
    }
}

#[tokio::test]
async fn our_origin_may_read_answers_and_errors_and_their_headers() {
    let api = Api::start().await;
    for (path, status) in [("/api/v1/health", 200), ("/nowhere", 404), ("/api/v1/auth/me", 401), ("/openapi.json", 200)]
    {
        let answer = api.send(Method::GET, path, &[("origin", OURS)], Vec::new()).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(OURS), "{path}");
        assert_eq!(answer.headers.get_all("access-control-allow-origin").iter().count(), 1, "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
        let exposed = list(&answer, "access-control-expose-headers");
        assert_eq!(exposed, ["x-request-id", "retry-after"], "{path}: only what answers carry");
        assert!(list(&answer, "vary").contains(&"origin".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn another_origin_may_read_nothing_but_the_description() {
    let api = Api::start().await;
    for path in ["/api/v1/health", "/nowhere", "/api/v1/auth/me", "/"] {
        for headers in [&[("origin", "https://evil.example.com")][..], &[]] {
            let answer = api.send(Method::GET, path, headers, Vec::new()).await;
            assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{path}");
            assert!(list(&answer, "vary").contains(&"origin".to_owned()), "a cache would mix origins: {path}");
        }
    }
    let answer = api.send(Method::GET, "/openapi.json", &[("origin", "https://evil.example.com")], Vec::new()).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_stream_can_be_read_by_our_origin() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    let body = json!({ "prompt": "Hello", "model": model, "stream": true });
    let answer = user.send(Method::POST, "/api/v1/ai/complete", &[("origin", OURS)], Some(&body)).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(OURS));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    answer.frames().await.rest().await;
}

#[tokio::test]
async fn options_without_a_preflight_is_a_method_like_any_other() {
    let api = Api::start().await;
    let answer = api.send(Method::OPTIONS, "/api/v1/health", &[("origin", OURS)], Vec::new()).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("access-control-allow-origin"), Some(OURS));
}
