//! Wrong types and values of every field of every operation.

use http::Method;
use serde_json::{Value, json};

use super::{CANARY, Victim};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A text that must be there.
    Required,
    /// A text.
    Text,
    Bool,
    Integer,
    Number,
}

/// The fields of the operation of this path.
fn fields(path: &str) -> &'static [(&'static str, Kind)] {
    use Kind::{Bool, Integer, Number, Required, Text};
    if path.ends_with("/password/change") {
        return &[("current_password", Required), ("new_password", Required)];
    }
    match path.rsplit('/').next().unwrap_or_default() {
        "register" | "login" | "upgrade" => &[("email", Required), ("password", Required), ("captcha_token", Text)],
        "test" => &[("id_token", Required), ("nonce", Text), ("name", Text)],
        "forgot" => &[("email", Required), ("captcha_token", Text)],
        "resend" => &[("email", Required)],
        "reset" => &[("token", Required), ("new_password", Required)],
        "verify" => &[("token", Required), ("password", Text)],
        "confirm" | "restore" => &[("token", Required)],
        "change" => &[("new_email", Required), ("password", Text)],
        "refresh" => &[("refresh_token", Required)],
        "messages" => &[
            ("content", Required),
            ("parent_id", Text),
            ("model", Text),
            ("max_tokens", Integer),
            ("temperature", Number),
            ("stream", Bool),
            ("disconnect", Text),
        ],
        "complete" => &[
            ("prompt", Required),
            ("model", Text),
            ("max_tokens", Integer),
            ("temperature", Number),
            ("stream", Bool),
            ("store", Bool),
            ("disconnect", Text),
        ],
        "stop" => &[("seen", Integer), ("seen_length", Integer)],
        _ => &[("title", Text)],
    }
}

fn wrong(kind: Kind) -> Vec<Value> {
    let nested = json!({ CANARY: [CANARY] });
    let common = [json!([]), json!([CANARY]), json!({}), nested];
    let special = match kind {
        Kind::Required => vec![Value::Null, json!(""), json!(5), json!(1.5), json!(true), json!("a\0b")],
        Kind::Text => vec![json!(""), json!(5), json!(-1.5), json!(false), json!("a\0b")],
        Kind::Bool => vec![json!(0), json!(1), json!("true"), json!(""), json!(CANARY)],
        Kind::Integer => vec![
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(9_007_199_254_740_993_u64),
            json!(u64::MAX),
            json!(i64::MIN),
            json!("1"),
            json!(true),
            json!(CANARY),
        ],
        Kind::Number => {
            vec![json!(-0.1), json!(2.1), json!(1e300), json!(u64::MAX), json!("1"), json!(true), json!(CANARY)]
        }
    };
    special.into_iter().chain(common).collect()
}

#[tokio::test]
async fn every_wrong_value_of_every_field_is_named() {
    let victim = Victim::new().await;
    for (method, path, right) in victim.operations() {
        for &(name, kind) in fields(&path) {
            for value in wrong(kind) {
                let mut body = right.clone();
                if path.ends_with("/stop") {
                    body = json!({});
                }
                body[name] = value;
                let body = body.to_string();
                let problem = victim.refused(method.clone(), &path, &[], body.as_bytes(), 422).await;
                let pointers: Vec<_> = problem["errors"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|entry| entry["pointer"].as_str().unwrap())
                    .collect();
                let expected = format!("/{name}");
                assert!(
                    !pointers.is_empty() && pointers.iter().all(|pointer| *pointer == expected),
                    "{path} {body}: {problem}"
                );
            }
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn required_fields_that_are_missing_are_named_together() {
    let victim = Victim::new().await;
    for (path, pointers) in [
        ("/api/v1/auth/register", &["/email", "/password"][..]),
        ("/api/v1/auth/login", &["/email", "/password"]),
        ("/api/v1/auth/refresh", &["/refresh_token"]),
        ("/api/v1/auth/guest/upgrade", &["/email", "/password"]),
        ("/api/v1/auth/oidc/test", &["/id_token"]),
        ("/api/v1/auth/identities/test", &["/id_token"]),
        ("/api/v1/auth/password/change", &["/current_password", "/new_password"]),
        ("/api/v1/auth/password/forgot", &["/email"]),
        ("/api/v1/auth/password/reset", &["/token", "/new_password"]),
        ("/api/v1/auth/email/verify", &["/token"]),
        ("/api/v1/auth/email/resend", &["/email"]),
        ("/api/v1/auth/email/change", &["/new_email"]),
        ("/api/v1/auth/email/confirm", &["/token"]),
        ("/api/v1/auth/email/restore", &["/token"]),
        (&victim.messages_path(), &["/content"]),
        ("/api/v1/ai/complete", &["/prompt"]),
    ] {
        for (body, unknown) in [
            (json!({}), &[][..]),
            (json!({ "unknown": CANARY }), &["/unknown"]),
            (json!({ "": CANARY, "Email": CANARY, "CONTENT": CANARY }), &["", "/CONTENT", "/Email"]),
        ] {
            let pointers = [pointers, unknown].concat();
            victim.invalid(Method::POST, path, &[], body.to_string().as_bytes(), &pointers).await;
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn texts_beyond_their_bounds_are_refused() {
    let victim = Victim::new().await;
    let million = format!("{CANARY}{}", "x".repeat(1_000_000));
    for (method, path, right) in victim.operations() {
        for &(name, _) in fields(&path).iter().filter(|(_, kind)| matches!(kind, Kind::Text | Kind::Required)) {
            let mut body = right.clone();
            body[name] = json!(million);
            let problem = victim.refused(method.clone(), &path, &[], body.to_string().as_bytes(), 422).await;
            let entries = problem["errors"].as_array().unwrap();
            assert!(entries.iter().all(|entry| entry["pointer"] == json!(format!("/{name}"))), "{name}: {problem}");
        }
    }
    let conversation = victim.conversation_path();
    for (method, path, name, most) in [
        (Method::POST, "/api/v1/chat/conversations", "title", 200),
        (Method::PATCH, conversation.as_str(), "title", 200),
        (Method::POST, &victim.messages_path(), "content", 32_000),
        (Method::POST, "/api/v1/ai/complete", "prompt", 32_000),
    ] {
        // Characters, not bytes; one too many.
        let body = json!({ name: "é".repeat(most + 1) }).to_string();
        victim.invalid(method, path, &[], body.as_bytes(), &[&format!("/{name}")]).await;
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn numbers_at_their_bounds_are_kept_and_beyond_refused() {
    let victim = Victim::new().await;
    let path = victim.messages_path();
    for (name, low, high) in
        [("max_tokens", json!(0), json!(1_000_001)), ("temperature", json!(-0.0001), json!(2.0001))]
    {
        for value in [low, high] {
            let body = json!({ "content": "x", "model": victim.model, name: value }).to_string();
            victim.invalid(Method::POST, &path, &[], body.as_bytes(), &[&format!("/{name}")]).await;
        }
    }
    for (name, value) in [
        ("max_tokens", json!(1)),
        ("max_tokens", json!(1_000_000)),
        ("temperature", json!(0)),
        ("temperature", json!(2)),
    ] {
        let body = json!({ "prompt": "x", "model": "littoral-offline", name: value });
        assert_eq!(victim.user.post("/api/v1/ai/complete", &body).await.status, 200, "{body}");
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn what_goes_to_a_model_has_no_control_characters_but_newlines_and_tabs() {
    let victim = Victim::new().await;
    for (path, name) in [(victim.messages_path(), "content"), ("/api/v1/ai/complete".to_owned(), "prompt")] {
        for bad in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{e}', '\u{1b}', '\u{1f}', '\u{7f}'] {
            let body = json!({ name: format!("a{bad}b"), "model": victim.model }).to_string();
            victim.invalid(Method::POST, &path, &[], body.as_bytes(), &[&format!("/{name}")]).await;
        }
    }
    let body = json!({ "prompt": "a\tb\r\nc", "model": "littoral-offline" });
    assert_eq!(victim.user.post("/api/v1/ai/complete", &body).await.status, 200);
    victim.unharmed().await;
}

#[tokio::test]
async fn absurd_policies_are_refused() {
    let victim = Victim::new().await;
    for policy in [
        "never",
        "Finish",
        "finish ",
        "cancel:1",
        "grace",
        "grace:",
        "grace:-1",
        "grace:+1",
        "grace:1.5",
        "grace:601",
        "grace:1e2",
        "grace: 5",
        "grace:99999999999",
        "grace:x",
    ] {
        for (path, name) in [(victim.messages_path(), "content"), ("/api/v1/ai/complete".into(), "prompt")] {
            let body = json!({ name: "x", "model": victim.model, "disconnect": policy }).to_string();
            victim.invalid(Method::POST, &path, &[], body.as_bytes(), &["/disconnect"]).await;
        }
    }
    victim.unharmed().await;
}

#[tokio::test]
async fn a_stop_says_where_in_one_way_only() {
    let victim = Victim::new().await;
    let path = "/api/v1/runs/01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e/stop";
    victim.invalid(Method::POST, path, &[], br#"{"seen":1,"seen_length":1}"#, &["/seen_length"]).await;
    victim.unharmed().await;
}

#[tokio::test]
async fn all_wrong_fields_are_named_at_once() {
    let victim = Victim::new().await;
    let body = json!({
        "content": 1, "parent_id": CANARY, "model": [], "max_tokens": "x", "temperature": CANARY, "stream": CANARY, "disconnect": "grace:x",
    });
    let problem = victim.refused(Method::POST, &victim.messages_path(), &[], body.to_string().as_bytes(), 422).await;
    let mut pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|entry| entry["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/content", "/disconnect", "/max_tokens", "/model", "/parent_id", "/stream", "/temperature"]);
    victim.unharmed().await;
}
