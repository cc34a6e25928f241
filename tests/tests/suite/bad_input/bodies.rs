//! Bodies that are no JSON object, too large, too deep, or not text at all.

use http::Method;
use serde_json::json;

use super::{CANARY, Victim};

/// What is no JSON: 400, with the place and without the text.
fn malformed() -> Vec<Vec<u8>> {
    let text = |text: &str| text.replace("CANARY", CANARY).into_bytes();
    vec![
        text("{"),
        text("}"),
        text("{\"content\":\"CANARY\""),
        text("{\"content\":\"CANARY\",}"),
        text("{content:\"CANARY\"}"),
        text("{'content':'CANARY'}"),
        text("{\"content\":\"CANARY\"}{\"content\":\"CANARY\"}"),
        text("{\"content\":\"CANARY\"} CANARY"),
        text("CANARY"),
        text("nul"),
        text("NaN"),
        text("{\"temperature\":NaN}"),
        text("{\"max_tokens\":01}"),
        text("{\"max_tokens\":1e999999}"),
        text("{\"content\":\"\\x41CANARY\"}"),
        text("{\"content\":\"raw newline \n CANARY\"}"),
        text("content=CANARY&title=CANARY"),
        text(" "),
        // Lone and reversed surrogates: no text that can be stored.
        text("{\"content\":\"\\ud800\",\"title\":\"\\ud800\"}"),
        text("{\"content\":\"\\udc00CANARY\"}"),
        text("{\"content\":\"\\ude00\\ud83d\"}"),
        text("{\"\\ud800\":1}"),
        // A raw NUL, UTF-16, a byte order mark.
        b"{\"content\":\"a\0b\"}".to_vec(),
        b"\0".to_vec(),
        "{\"content\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        text("\u{feff}{\"content\":\"CANARY\"}"),
        // Invalid UTF-8: inside and outside of a string, overlong, cut.
        b"{\"content\":\"\xff\"}".to_vec(),
        b"\xfe\xff".to_vec(),
        b"{\"content\":\"\xc0\xaf\"}".to_vec(),
        b"{\"content\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"content\":\"\xf0\x9f\x8c\"}".to_vec(),
        // Gzip.
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(),
    ]
}

#[tokio::test]
async fn what_is_no_json_is_refused_everywhere() {
    let victim = Victim::new().await;
    for (method, path, _) in victim.operations() {
        for body in malformed() {
            let problem = victim.refused(method.clone(), &path, &[], &body, 400).await;
            assert_eq!(problem["code"], "malformed_request", "{path}");
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn json_that_is_no_object_is_refused_everywhere() {
    let victim = Victim::new().await;
    let canary = json!(CANARY).to_string();
    for (method, path, right) in victim.operations() {
        let wrapped = json!([right]).to_string();
        for body in ["null", "[]", "true", "0", "-1.5", "\"\"", canary.as_str(), wrapped.as_str()] {
            victim.invalid(method.clone(), &path, &[], body.as_bytes(), &[""]).await;
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn an_empty_body_is_refused_where_fields_are_needed() {
    let victim = Victim::new().await;
    let conversation = victim.conversation_path();
    for (method, path) in [
        (Method::POST, "/api/v1/auth/register"),
        (Method::POST, "/api/v1/auth/login"),
        (Method::POST, "/api/v1/auth/refresh"),
        (Method::POST, "/api/v1/auth/guest/upgrade"),
        (Method::POST, "/api/v1/auth/oidc/test"),
        (Method::POST, "/api/v1/auth/identities/test"),
        (Method::PATCH, conversation.as_str()),
        (Method::POST, &victim.messages_path()),
        (Method::POST, "/api/v1/ai/complete"),
    ] {
        victim.refused(method.clone(), path, &[], b"", 400).await;
        victim.refused(method, path, &[("content-type", "application/json")], b"", 400).await;
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn another_content_type_is_refused_everywhere() {
    let victim = Victim::new().await;
    for (method, path, right) in victim.operations() {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/json",
            "json",
            "*/*",
            "application/json+x",
        ] {
            let headers = [("content-type", kind)];
            let problem = victim.refused(method.clone(), &path, &headers, right.to_string().as_bytes(), 415).await;
            assert_eq!(problem["code"], "unsupported_media_type");
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn deep_nesting_is_refused_before_anything_recurses_into_it() {
    let victim = Victim::new().await;
    let deep = 100_000;
    let arrays = format!("{{\"content\":{}{}}}", "[".repeat(deep), "]".repeat(deep));
    let objects = format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep));
    let open = "[".repeat(deep);
    let mixed = "[{\"\":".repeat(deep);
    for (method, path, _) in victim.operations() {
        for body in [&arrays, &objects, &open, &mixed] {
            let problem = victim.refused(method.clone(), &path, &[], body.as_bytes(), 400).await;
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("nests deeper")), "{problem}");
        }
    }
    // Brackets within a text are no nesting.
    let (status, _) = victim
        .user
        .post("/api/v1/ai/complete", &json!({ "prompt": "[".repeat(20_000), "model": "littoral-offline" }))
        .await
        .json()
        .await;
    assert_eq!(status, 200);
    victim.unharmed().await;
}

#[tokio::test]
async fn a_body_of_five_megabytes_is_refused() {
    let victim = Victim::new().await;
    let body = json!({ "content": "x".repeat(5 << 20), "prompt": "x", "title": "x" }).to_string().into_bytes();
    let bearer = format!("Bearer {}", victim.user.access_token());
    for (method, path, _) in victim.operations() {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        match victim.api.try_send(method, &path, &headers, body.clone()).await {
            Ok(answer) => {
                assert_eq!(answer.status, 413, "{path}");
                let (_, problem) = answer.json().await;
                assert_eq!(problem["code"], "body_too_large", "{path}: {problem}");
                assert_eq!(problem["title"], "Payload Too Large");
            }
            // The answer came before all was sent, and the reset of the connection overtook it.
            Err(error) => println!("{path}: no answer, but {error}"),
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn a_body_just_within_the_bound_is_read() {
    let victim = Victim::new().await;
    let body = |pad: usize| " ".repeat(pad) + &json!({ "prompt": "x", "model": "littoral-offline" }).to_string();
    let room = (1 << 20) - body(0).len();
    assert_eq!(body(room).len(), 1 << 20);
    assert_eq!(victim.user.post("/api/v1/ai/complete", &json!({})).await.status, 422);
    let headers = [("content-type", "application/json")];
    let bearer = format!("Bearer {}", victim.user.access_token());
    let headers = [headers[0], ("authorization", bearer.as_str())];
    let fits = victim.api.send(Method::POST, "/api/v1/ai/complete", &headers, body(room).into()).await;
    assert_eq!(fits.status, 200);
    let over = victim.api.send(Method::POST, "/api/v1/ai/complete", &headers, body(room + 1).into()).await;
    assert_eq!(over.status, 413);
    victim.unharmed().await;
}

#[tokio::test]
async fn very_many_fields_do_no_harm() {
    let victim = Victim::new().await;
    let many = (0..60_000).fold(String::new(), |many, n| many + "\"f" + &n.to_string() + "\":0,");
    for (path, wrong) in [
        ("/api/v1/ai/complete", "/prompt"),
        (&victim.messages_path(), "/content"),
        ("/api/v1/auth/refresh", "/refresh_token"),
    ] {
        let body = format!("{{{many}\"{}\":5}}", &wrong[1..]);
        let named = [wrong, "/f0", "/f1", "/f10", "/f100", "/f1000", "/f10000", "/f10001", "/f10002"];
        victim.invalid(Method::POST, path, &[], body.as_bytes(), &named).await;
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn of_duplicate_keys_the_last_one_counts() {
    let victim = Victim::new().await;
    let wrong_last = r#"{"prompt":"x","model":"littoral-offline","prompt":5}"#;
    victim.invalid(Method::POST, "/api/v1/ai/complete", &[], wrong_last.as_bytes(), &["/prompt"]).await;
    let body = r#"{"prompt":"first","model":"littoral-offline","prompt":"second"}"#;
    let bearer = format!("Bearer {}", victim.user.access_token());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let (status, reply) =
        victim.api.send(Method::POST, "/api/v1/ai/complete", &headers, body.into()).await.json().await;
    assert_eq!(status, 200);
    assert!(reply["text"].as_str().is_some_and(|text| text.ends_with("second")), "{reply}");
    victim.unharmed().await;
}
