//! Taking everything along.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use tests::{Api, PASSWORD, User, authenticator::Protected};

use super::{ME, SETTINGS};

const EXPORT: &str = "/api/v1/users/me/export";

async fn export(user: &User) -> (String, Vec<Value>) {
    let answer = user.get(EXPORT).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"littoral-export.jsonl\""));
    let text = answer.text().await;
    assert!(text.ends_with('\n'));
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    (text, lines)
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// The frame of every export: a header, what it counts, and the counts.
fn check_frame(lines: &[Value]) {
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    assert_eq!(
        (&first["type"], &first["format"], &first["version"]),
        (&json!("header"), &json!("littoral-export"), &json!(1))
    );
    assert_eq!(last["type"], "end");
    let mut counts = BTreeMap::from(
        [
            "profile",
            "identity",
            "api_key",
            "factor",
            "trusted_device",
            "session",
            "event",
            "conversation",
            "message",
            "run",
            "charge",
        ]
        .map(|kind| (kind.to_owned(), 0_u64)),
    );
    for line in &lines[1..lines.len() - 1] {
        *counts.get_mut(line["type"].as_str().unwrap()).expect("a known type") += 1;
    }
    assert_eq!(last["counts"], json!(counts));
}

async fn say(user: &User, conversation: &str, content: &str) {
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    let answer = user.post(&path, &json!({ "content": content, "model": "littoral-offline" })).await;
    assert_eq!(answer.status, 200);
    answer.bytes().await;
}

#[tokio::test]
async fn everything_is_there_and_nothing_of_anybody_else() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": "canary-wrong-password" })).await;
    user.patch(ME, &json!({ "display_name": "Ada", "bio": "tides" })).await;
    user.patch(SETTINGS, &json!({ "theme": "dark", "preferences": { "a": 1 } })).await;
    let (one, two, empty) = (user.conversation().await, user.conversation().await, user.conversation().await);
    for (conversation, content) in [(&one, "first"), (&two, "second"), (&one, "third")] {
        say(&user, conversation, content).await;
    }
    let key = [("idempotency-key", "export")];
    let prompt = json!({ "prompt": "alone", "model": "littoral-offline" });
    let (_, completion) = user.send(Method::POST, "/api/v1/ai/complete", &key, Some(&prompt)).await.json().await;
    let theirs = other.conversation().await;
    say(&other, &theirs, "canary-of-the-other").await;

    let (status, key) = user.post("/api/v1/auth/api-keys", &json!({ "name": "mine" })).await.json().await;
    assert_eq!(status, 201, "{key}");

    let (text, lines) = export(&user).await;
    check_frame(&lines);
    let (_, profile) = user.get(ME).await.json().await;
    let (_, settings) = user.get(SETTINGS).await.json().await;
    let exported = of_type(&lines, "profile")[0];
    for (field, value) in profile.as_object().unwrap() {
        assert_eq!(&exported[field], value, "{field}");
    }
    assert_eq!((&exported["settings"], &lines[0]["user_id"]), (&settings, &profile["user_id"]));

    let conversations = of_type(&lines, "conversation");
    let ids: BTreeSet<_> = conversations.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&one, &two, &empty].map(String::as_str).into());
    assert_eq!(conversations.len(), 3);
    for conversation in [&one, &two, &empty] {
        let exported: Vec<Value> = of_type(&lines, "message")
            .into_iter()
            .filter(|line| line["conversation_id"] == json!(conversation))
            .cloned()
            .map(|mut line| {
                let members = line.as_object_mut().unwrap();
                members.remove("type");
                members.remove("conversation_id");
                line
            })
            .collect();
        assert_eq!(exported, user.messages(conversation).await);
    }
    let runs = of_type(&lines, "run");
    assert_eq!(runs.len(), 4);
    let alone = runs.iter().find(|run| run["id"] == completion["run_id"]).expect("the completion");
    assert_eq!((&alone["text"], &alone["conversation_id"]), (&completion["text"], &Value::Null));
    assert_eq!(of_type(&lines, "charge").len(), 4);
    assert_eq!(of_type(&lines, "api_key")[0]["name"], "mine");
    assert_eq!(of_type(&lines, "session").len(), 1);
    let events: Vec<_> = of_type(&lines, "event");
    for (action, outcome) in [("registered", "success"), ("signed_in", "failure"), ("exported", "success")] {
        let found = events.iter().any(|event| event["action"] == action && event["outcome"] == outcome);
        assert!(found, "{action} {outcome}: {events:#?}");
    }

    let (_, others) = other.get(ME).await.json().await;
    let token = |user: &User, name: &str| user.tokens[name].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    for secret in [
        others["user_id"].as_str().unwrap(),
        &other.email,
        &theirs,
        "canary-of-the-other",
        PASSWORD,
        "canary-wrong-password",
        "argon2",
        key["key"].as_str().unwrap(),
        &token(&user, "access_token"),
        &token(&user, "refresh_token"),
    ] {
        assert!(!text.contains(secret), "{secret} is in the export");
    }
}

#[tokio::test]
async fn a_long_history_comes_whole_and_in_order() {
    let api = Api::start().await;
    let user = api.user().await;
    let mut expected = Vec::new();
    let long = user.conversation().await;
    for number in 0..55 {
        say(&user, &long, &format!("long {number}")).await;
        expected.push(format!("long {number}"));
    }
    for number in 0..60 {
        let short = user.conversation().await;
        if number % 3 == 0 {
            say(&user, &short, &format!("short {number}")).await;
            expected.push(format!("short {number}"));
        }
    }
    let (_, lines) = export(&user).await;
    check_frame(&lines);
    assert_eq!(of_type(&lines, "conversation").len(), 61);
    assert_eq!(of_type(&lines, "message").len(), 150);
    assert_eq!(of_type(&lines, "run").len(), 75);
    let asked: Vec<_> = of_type(&lines, "message")
        .into_iter()
        .filter(|line| line["role"] == "user")
        .map(|line| line["content"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(asked, expected);
    // Each conversation stands before its messages.
    let mut current = Value::Null;
    for line in &lines {
        match line["type"].as_str().unwrap() {
            "conversation" => current = line["id"].clone(),
            "message" => assert_eq!(line["conversation_id"], current),
            _ => {}
        }
    }
}

#[tokio::test]
async fn everything_is_given_out_a_few_times_an_hour() {
    let api = Api::start().await;
    let user = api.user().await;
    for _ in 0..5 {
        assert_eq!(user.get(EXPORT).await.status, 200);
    }
    let answer = user.get(EXPORT).await;
    assert!(answer.header("retry-after").is_some());
    let (status, refused) = answer.json().await;
    assert_eq!((status, &refused["code"]), (429, &json!("rate_limited")));
    assert_eq!(api.user().await.get(EXPORT).await.status, 200, "others are not concerned");
}

#[tokio::test]
async fn second_factors_are_there_without_what_proves_them() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let proof = json!({ "recovery_code": protected.codes[0], "trust_device": true });
    let trusted = protected.sign_in(&proof).await["trusted_device_token"].as_str().unwrap().to_owned();
    let (text, lines) = export(&protected.user).await;
    check_frame(&lines);
    let factors = of_type(&lines, "factor");
    assert_eq!((factors.len(), &factors[0]["kind"]), (1, &json!("totp")));
    assert_eq!(of_type(&lines, "trusted_device").len(), 1);
    let secret = trusted.rsplit('.').next().unwrap();
    for proof in protected.codes.iter().map(String::as_str).chain([protected.app.base32().as_str(), secret]) {
        assert!(!text.contains(proof), "{proof} is in the export");
    }
}
