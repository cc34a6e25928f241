//! What every request gets: ids, the envelope, headers, bounds, the public pages.

use std::{collections::BTreeSet, io::Read as _};

use flate2::read::GzDecoder;
use gateway::Access;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api};

const SOME_ID: &str = "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e";

/// The whole envelope of an error: these members and no others.
async fn problem(answer: Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let (status, id) = (answer.status.as_u16(), answer.header("x-request-id").expect("a request id").to_owned());
    let body = answer.json().await.1;
    let members: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = ["code", "detail", "request_id", "status", "title", "type"];
    assert_eq!(members.into_iter().filter(|name| *name != "errors").collect::<BTreeSet<_>>(), expected.into());
    assert_eq!((&body["status"], &body["request_id"]), (&json!(status), &json!(id)));
    body
}

#[tokio::test]
async fn health_is_exactly_what_seed_004_promises() {
    let api = Api::start().await;
    assert_eq!(api.get("/api/v1/health").await.json().await, (200, json!({ "status": "ok" })));
    let (status, ready) = api.get("/api/v1/health/ready").await.json().await;
    assert_eq!((status, &ready["status"]), (200, &json!("ok")), "{ready}");
    assert_eq!(ready["checks"]["database"], "connected");
    assert!(ready["checks"].as_object().unwrap().values().all(|check| check == "connected"), "{ready}");
    assert_eq!(
        api.get("/api/v1/health/db").await.json().await,
        (200, json!({ "status": "ok", "database": "connected" }))
    );
}

#[tokio::test]
async fn the_root_says_what_answers() {
    let api = Api::start().await;
    let (status, root) = api.get("/").await.json().await;
    assert_eq!((status, &root["status"], &root["app"]), (200, &json!("ok"), &json!("littoral")));
}

#[tokio::test]
async fn a_request_id_comes_back_in_header_and_error() {
    let api = Api::start().await;
    let answer = api.send(Method::GET, "/nowhere", &[("x-request-id", "my-id.1")], Vec::new()).await;
    assert_eq!(answer.header("x-request-id"), Some("my-id.1"));
    let body = problem(answer).await;
    assert_eq!(
        body,
        json!({
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found", "code": "not_found",
            "request_id": "my-id.1",
        })
    );
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_any_other_replaced() {
    let api = Api::start().await;
    let longest = "x".repeat(128);
    for kept in ["a", "A.b_c-9", longest.as_str()] {
        let answer = api.send(Method::GET, "/api/v1/health", &[("x-request-id", kept)], Vec::new()).await;
        assert_eq!(answer.header("x-request-id"), Some(kept));
    }
    let too_long = "x".repeat(129);
    for replaced in ["bad id\"", "a,b", "<script>", "a\tb", "{}", "größe", too_long.as_str()] {
        let answer = api.send(Method::GET, "/api/v1/health", &[("x-request-id", replaced)], Vec::new()).await;
        assert_eq!(answer.header("x-request-id").map(str::len), Some(36), "{replaced}");
    }
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let api = Api::start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let answer = api.get("/api/v1/health").await;
        let id = answer.header("x-request-id").expect("an id").to_owned();
        assert!(seen.insert(id), "an id came twice");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_names_the_right_ones() {
    let api = Api::start().await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/v1/auth/login", &["POST"][..]),
        (Method::GET, "/api/v1/auth/login", &["POST"]),
        (Method::DELETE, "/api/v1/auth/me", &["GET", "HEAD"]),
        (Method::PUT, "/api/v1/chat/conversations", &["GET", "HEAD", "POST"]),
        (Method::POST, "/api/v1/health", &["GET", "HEAD"]),
        (Method::OPTIONS, "/api/v1/health", &["GET", "HEAD"]),
        (
            Method::PUT,
            "/api/v1/chat/conversations/01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e",
            &["DELETE", "GET", "HEAD", "PATCH"],
        ),
        (Method::PATCH, "/api/v1/runs/01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e/stop", &["POST"]),
    ] {
        let answer = api.send(method.clone(), path, &[], Vec::new()).await;
        let allow = answer.header("allow").unwrap_or_default().to_owned();
        let found: BTreeSet<_> = allow.split(',').map(str::trim).collect();
        assert_eq!(found, allowed.iter().copied().collect(), "{method} {path}");
        let body = problem(answer).await;
        assert_eq!(
            (&body["status"], &body["title"], &body["code"], &body["detail"]),
            (&json!(405), &json!("Method Not Allowed"), &json!("method_not_allowed"), &json!("Method Not Allowed"))
        );
    }
}

#[tokio::test]
async fn paths_that_nobody_serves_are_404_in_the_envelope() {
    let api = Api::start().await;
    for path in [
        "/nowhere",
        "/api",
        "/api/v1",
        "/api/v2/health",
        "/API/V1/HEALTH",
        "/api/v1/health/nothing",
        "/favicon.ico",
        "/api/v1/chat/conversations/a/b/c",
        "/%00",
        "/%ff",
        "/api/v1/h%E4lth",
    ] {
        let body = problem(api.get(path).await).await;
        assert_eq!(
            (&body["status"], &body["code"], &body["detail"]),
            (&json!(404), &json!("not_found"), &json!("Not Found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    let api = Api::start().await;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
    {
        let answer = api.send(Method::POST, "/api/v1/auth/login", &[("content-type", kind)], b"{}".to_vec()).await;
        let body = problem(answer).await;
        assert_eq!(
            (&body["status"], &body["title"], &body["code"]),
            (&json!(415), &json!("Unsupported Media Type"), &json!("unsupported_media_type")),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn every_way_to_say_json_is_understood() {
    let api = Api::start().await;
    // A fresh address each time: wrong passwords for one would be counted.
    let login = || json!({ "email": Api::fresh_email(), "password": "canary-none" }).to_string();
    for kind in
        ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
    {
        let answer = api.send(Method::POST, "/api/v1/auth/login", &[("content-type", kind)], login().into()).await;
        assert_eq!(answer.status, 401, "{kind}");
    }
    assert_eq!(api.send(Method::POST, "/api/v1/auth/login", &[], login().into()).await.status, 401, "without a type");
}

#[tokio::test]
async fn several_wrong_fields_are_named_in_one_answer() {
    let api = Api::start().await;
    let body = problem(api.post("/api/v1/auth/register", &json!({ "email": "canary" })).await).await;
    assert_eq!(
        (&body["status"], &body["title"], &body["code"]),
        (&json!(422), &json!("Unprocessable Entity"), &json!("validation_failed"))
    );
    let pointers: BTreeSet<_> =
        body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/email", "/password"].into());
    assert!(body["errors"].as_array().unwrap().iter().all(|error| error["detail"].is_string()), "{body}");
    assert!(!body.to_string().contains("canary"), "{body}");
}

/// What is too much for the product: 431 in its envelope. A host's own server may cut in before it, with a 4xx of its own.
async fn too_much(api: &Api, path: &str, headers: &[(&str, &str)]) {
    let answer = match api.try_send(Method::GET, path, headers, Vec::new()).await {
        Ok(answer) => answer,
        Err(error) if api.base_url().is_some() => return println!("the host closed the connection: {error}"),
        Err(error) => panic!("{error}"),
    };
    if api.base_url().is_some() && answer.header("content-type") != Some("application/problem+json") {
        return assert!(answer.status.is_client_error(), "{}", answer.status);
    }
    let body = problem(answer).await;
    assert_eq!((&body["status"], &body["code"]), (&json!(431), &json!("headers_too_large")));
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let api = Api::start().await;
    let names: Vec<String> = (0..150).map(|n| format!("x-many-{n}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    too_much(&api, "/api/v1/health", &headers).await;
    assert_eq!(api.send(Method::GET, "/api/v1/health", &headers[..60], Vec::new()).await.status, 200);
}

#[tokio::test]
async fn large_headers_are_refused() {
    let api = Api::start().await;
    let large = "x".repeat(40 * 1024);
    too_much(&api, "/api/v1/health", &[("x-large", &large)]).await;
    let half: Vec<String> = (0..5).map(|_| "x".repeat(8 * 1024)).collect();
    let headers: Vec<_> =
        ["x-a", "x-b", "x-c", "x-d", "x-e"].into_iter().zip(half.iter().map(String::as_str)).collect();
    too_much(&api, "/api/v1/health", &headers).await;
    assert_eq!(api.get("/api/v1/health").await.status, 200);
}

#[tokio::test]
async fn a_long_target_is_refused() {
    let api = Api::start().await;
    too_much(&api, &format!("/{}", "x".repeat(20_000)), &[]).await;
    too_much(&api, &format!("/api/v1/health?q={}", "x".repeat(20_000)), &[]).await;
    assert_eq!(api.get(&format!("/api/v1/health?q={}", "x".repeat(4_000))).await.status, 200);
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let api = Api::start().await;
    let user = api.user().await;
    let answers = [
        api.get("/api/v1/health").await,
        api.get("/openapi.json").await,
        api.get("/nowhere").await,
        api.get("/api/v1/auth/me").await,
        api.send(Method::PUT, "/api/v1/health", &[], Vec::new()).await,
        user.get("/api/v1/auth/me").await,
        user.post("/api/v1/auth/logout", &json!({})).await,
    ];
    for answer in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
        assert!(answer.header("strict-transport-security").is_some_and(|value| value.starts_with("max-age=")));
        assert!(answer.header("cache-control").is_some());
        assert_eq!(answer.header("server"), None, "the host says what it is made of");
    }
    assert_eq!(user.get("/api/v1/auth/me").await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let api = Api::start().await;
    for (path, status) in [
        ("/api/v1/health", 200),
        ("/openapi.json", 200),
        ("/docs", 200),
        ("/nowhere", 404),
        ("/api/v1/auth/login", 405),
        ("/api/v1/auth/me", 401),
    ] {
        let answer = api.send(Method::HEAD, path, &[], Vec::new()).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
        assert_eq!(answer.bytes().await, b"", "{path}");
    }
}

#[tokio::test]
async fn a_path_is_served_with_and_without_a_closing_slash() {
    let api = Api::start().await;
    for path in ["/api/v1/health", "/api/v1/health/db", "/openapi.json", "/docs"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
        assert_eq!(api.get(&format!("{path}/")).await.status, 200, "{path}/");
    }
    let user = api.user().await;
    let (status, created) = user.post("/api/v1/chat/conversations/", &json!({})).await.json().await;
    assert_eq!(status, 201, "{created}");
    let path = format!("/api/v1/chat/conversations/{}/", created["id"].as_str().unwrap());
    assert_eq!(user.get(&path).await.status, 200);
    assert_eq!(user.get(&format!("{path}messages/?limit=1")).await.status, 200);
}

#[tokio::test]
async fn the_description_of_the_api_names_every_operation() {
    let api = Api::start().await;
    let answer = api.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let (status, document) = answer.json().await;
    assert_eq!(status, 200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations
                .as_object()
                .unwrap()
                .keys()
                .filter(|name| !matches!(name.as_str(), "parameters" | "summary"));
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let served: BTreeSet<_> = gateway::routes()
        .iter()
        .filter(|route| route.path.starts_with("/api/"))
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    assert_eq!(served.difference(&described).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    assert_eq!(
        described.iter().filter(|(_, path)| path.starts_with("/api/")).collect::<BTreeSet<_>>(),
        served.iter().collect()
    );
}

#[tokio::test]
async fn every_described_operation_is_answered_by_this_host() {
    let api = Api::start().await;
    for route in gateway::routes().iter().filter(|route| !route.path.starts_with("/docs")) {
        let path = route.path.replace("{id}", SOME_ID).replace("{message_id}", SOME_ID);
        let answer = api.send(route.method.clone(), &path, &[], Vec::new()).await;
        let expected = match (route.access, &route.method) {
            (Access::Needs(_) | Access::Sensitive(_), _) => 401,
            // A new guest needs nothing.
            _ if path == "/api/v1/auth/guest" => 201,
            // An empty body is no JSON.
            (_, &Method::POST) => 400,
            _ => 200,
        };
        assert_eq!(answer.status, expected, "{} {path}", route.method);
    }
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

const VIEWER: &[u8] = include_bytes!("../../../crates/gateway/assets/static/openapi-explorer.min.js.gz");

#[tokio::test]
async fn the_docs_are_a_page_with_all_its_files() {
    let api = Api::start().await;
    let answer = api.get("/docs").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
    let page = answer.text().await;
    let links: Vec<_> = ["src=\"", "href=\"", "spec-url=\""]
        .into_iter()
        .flat_map(|attribute| page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()))
        .filter(|link| !link.starts_with("data:") && !link.starts_with('#'))
        .collect();
    assert!(links.iter().any(|link| link.contains(".js")), "a page without a viewer: {links:?}");
    for link in links {
        assert!(link.starts_with('/'), "{link} is not served by the product");
        let answer = api.get(link).await;
        assert_eq!(answer.status, 200, "{link}");
        if link.split('.').next_back() == Some("js") {
            assert!(answer.header("content-type").is_some_and(|kind| kind.contains("javascript")), "{link}");
            // What a browser sees after undoing the encoding once. (A host must not compress it again.)
            let is_encoded = answer.header("content-encoding") == Some("gzip");
            let bytes = answer.bytes().await;
            let seen = if is_encoded { gunzip(&bytes) } else { bytes };
            assert!(seen == gunzip(VIEWER), "{link} is not the file that the product holds");
            continue;
        }
        assert!(!answer.bytes().await.is_empty(), "{link}");
    }
    assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    for file in ["nothing.js", "..%2fopenapi.json", "%00"] {
        assert_eq!(api.get(&format!("/docs/{file}")).await.status, 404, "{file}");
    }
}
