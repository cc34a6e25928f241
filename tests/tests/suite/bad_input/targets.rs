//! Absurd ids, cursors, limits and headers.

use http::Method;
use serde_json::json;
use tests::Api;

use super::Victim;

/// What is no id, as it may stand in a path.
const IDS: &[&str] = &[
    "0",
    "-1",
    "x",
    "null",
    "undefined",
    "%00",
    "%ff%fe",
    "%20",
    "a%2Fb",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0",
    "01893f6e1c2a7b3c8d4e5f6a7b8c9d0e",
    "%7B01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e%7D",
    "urn:uuid:01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e",
    "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0%C3%9F",
    "%27%20OR%201=1%20--%20",
    "000000000000000000000000",
    "------------------------------------",
];

#[tokio::test]
async fn absurd_ids_name_nothing() {
    let victim = Victim::new().await;
    let long = "a".repeat(4_000);
    for id in IDS.iter().copied().chain([long.as_str()]) {
        let conversation = format!("/api/v1/chat/conversations/{id}");
        let messages = format!("{conversation}/messages");
        let send = json!({ "content": "x", "model": victim.model }).to_string();
        for (method, path, body) in [
            (Method::GET, &conversation, ""),
            (Method::PATCH, &conversation, r#"{"title":"x"}"#),
            (Method::DELETE, &conversation, ""),
            (Method::GET, &messages, ""),
            (Method::POST, &messages, send.as_str()),
        ] {
            let problem = victim.refused(method, path, &[], body.as_bytes(), 404).await;
            assert_eq!(
                (&problem["code"], &problem["detail"]),
                (&json!("not_found"), &json!("Conversation not found")),
                "{path}"
            );
        }
        let run = format!("/api/v1/runs/{id}");
        for (method, path) in
            [(Method::GET, run.clone()), (Method::GET, format!("{run}/stream")), (Method::POST, format!("{run}/stop"))]
        {
            let problem = victim.refused(method, &path, &[], b"", 404).await;
            assert_eq!(
                (&problem["code"], &problem["detail"]),
                (&json!("not_found"), &json!("Run not found")),
                "{path}"
            );
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn absurd_cursors_are_refused() {
    let victim = Victim::new().await;
    let long = "A".repeat(6_000);
    let encode = |text: &str| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(text)
    };
    let made = [
        encode("."),
        encode("1"),
        encode("-1."),
        encode("1.'; DROP TABLE messages; --"),
        encode("99999999999999999999."),
        encode("9007199254740994."),
        encode("1e5."),
        encode(" 1."),
        encode("1.\0"),
        encode("NaN."),
    ];
    let raw = ["x", "%00", "%ff", "null", "0", "-1", "AAAA", "====", "%F0%9F%8C%8A", long.as_str()];
    for cursor in raw.into_iter().chain(made.iter().map(String::as_str)) {
        for path in [
            "/api/v1/chat/conversations".to_owned(),
            victim.messages_path(),
            format!("{}?order=desc", victim.messages_path()),
        ] {
            let path = format!("{path}{}cursor={cursor}", if path.contains('?') { '&' } else { '?' });
            victim.invalid(Method::GET, &path, &[], b"", &["?cursor"]).await;
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn limits_that_are_no_numbers_are_refused() {
    let victim = Victim::new().await;
    let digits = "9".repeat(5_000);
    for value in [
        "ten", "1.5", "1e2", "0x10", "%00", "%D9%A1", "1%202", "--1", "-", "%2B1", "null", "Infinity", "1;2", "'",
        &digits,
    ] {
        for path in ["/api/v1/chat/conversations".to_owned(), victim.messages_path()] {
            for name in ["limit", "skip"] {
                let pointer = format!("?{name}");
                victim.invalid(Method::GET, &format!("{path}?{name}={value}"), &[], b"", &[&pointer]).await;
            }
        }
    }
    for order in ["up", "ASC", "asc,desc", "1", "%00"] {
        victim.invalid(Method::GET, &format!("{}?order={order}", victim.messages_path()), &[], b"", &["?order"]).await;
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn absurd_idempotency_keys_are_refused() {
    let victim = Victim::new().await;
    let long = "k".repeat(256);
    let quoted = format!("\"{}\"", "k".repeat(256));
    for key in ["\"\"", "\"", "a\"b", "a\\b", "\"a\"b\"", "a\tb", "schlüssel", long.as_str(), quoted.as_str()] {
        for (path, name) in [(victim.messages_path(), "content"), ("/api/v1/ai/complete".into(), "prompt")] {
            let body = json!({ name: "x", "model": victim.model }).to_string();
            victim
                .invalid(Method::POST, &path, &[("idempotency-key", key)], body.as_bytes(), &["idempotency-key:"])
                .await;
        }
    }
    victim.unharmed().await;
}

/// Asks for a run's stream and says whether it was refused in the name of `pointer`.
async fn refuses(victim: &Victim, path: &str, headers: &[(&str, &str)], pointer: &str) -> bool {
    let answer = victim.user.send(Method::GET, path, headers, None).await;
    let (status, text) = (answer.status.as_u16(), answer.text().await);
    status == 422 && text.contains(&format!("\"{pointer}\""))
}

#[tokio::test]
async fn absurd_places_to_resume_from_are_refused() {
    let victim = Victim::new().await;
    let run = victim.user.messages(&victim.conversation).await[1]["run_id"].as_str().unwrap().to_owned();
    let stream = format!("/api/v1/runs/{run}/stream");
    let other = "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e";
    let made = [
        format!("{run}."),
        format!("{run}.x"),
        format!("{run}.-1"),
        format!("{run}.1.5"),
        // The number of another run says nothing about this one.
        format!("{other}.3"),
        "1".repeat(3_000),
    ];
    let plain =
        ["x", "x.3", ".3", "-1", "1.5", "1e3", "NaN", "99999999999999999999", "18446744073709551616", "0x1", "'"];
    let encoded = ["%00", "%ff", "%2B1", "1%202", "%D9%A1"];
    let mut taken = Vec::new();
    for value in plain.into_iter().chain(made.iter().map(String::as_str)) {
        if !refuses(&victim, &stream, &[("last-event-id", value)], "last-event-id:").await {
            taken.push(format!("last-event-id: {value}"));
        }
    }
    for value in plain.into_iter().chain(encoded).chain(made.iter().map(String::as_str)) {
        if !refuses(&victim, &format!("{stream}?after={value}"), &[], "?after").await {
            taken.push(format!("?after={value}"));
        }
    }
    assert_eq!(taken, Vec::<String>::new(), "these were believed");
    victim.unharmed().await;
}

#[tokio::test]
async fn resuming_beyond_the_end_shows_the_end_again() {
    let victim = Victim::new().await;
    let run = victim.user.messages(&victim.conversation).await[1]["run_id"].as_str().unwrap().to_owned();
    let last = victim.user.get(&format!("/api/v1/runs/{run}")).await.json().await.1["last_seq"].as_u64().unwrap();
    for after in [last, last + 1, 1 << 53, u64::MAX] {
        let frames = victim.user.resume(&run, after).await.rest().await;
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert_eq!(
            (frames[0].event.as_str(), &frames[0].json()["status"]),
            ("end", &json!("completed")),
            "after {after}"
        );
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn absurd_credentials_are_401_and_nothing_else() {
    let api = Api::start().await;
    let (long, parts) = ("A".repeat(16_000), ".".repeat(2_000));
    for credentials in [
        "Bearer ",
        "Bearer",
        " ",
        "Bearer \"",
        "Bearer a b c",
        "Bearer ../../../etc/passwd",
        "Bearer {}",
        "Bearer null",
        "Bearer schlüssel",
        long.as_str(),
        parts.as_str(),
    ] {
        let answer = api.send(Method::GET, "/api/v1/auth/me", &[("authorization", credentials)], Vec::new()).await;
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(answer.status == 401 && challenge.starts_with("Bearer"), "{credentials}: {challenge}");
    }
    assert_eq!(api.get("/api/v1/health").await.status, 200);
}

#[tokio::test]
async fn a_log_line_shows_the_beginning_of_a_long_target_only() {
    let api = Api::start().await;
    let path = format!("/{}", "a".repeat(20_000));
    let Ok(answer) = api.try_send(Method::GET, &path, &[], Vec::new()).await else { return };
    assert!(answer.status.is_client_error());
    for line in api.log_lines().unwrap_or_default() {
        assert!(line.len() < 1_000, "{} bytes", line.len());
    }
}

#[tokio::test]
async fn a_request_that_a_proxy_may_understand_in_another_way_is_refused() {
    let api = Api::start().await;
    if api.base_url().is_some() {
        // A host parses heads itself, and its client sends none of these.
        return;
    }
    for (headers, status) in [
        (&[("host", "a.example.com"), ("host", "b.example.com")][..], 400),
        (&[("transfer-encoding", "gzip, chunked")], 501),
        (&[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")], 501),
    ] {
        let answer = api.send(Method::GET, "/api/v1/health", headers, Vec::new()).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}");
    }
}
