//! The schemas against what is sent and read: fields, words and limits.

use std::collections::BTreeSet;

use domain::{
    account::Email,
    chat::{ChatEvent, Finish, Usage},
    run::{DisconnectPolicy, EventKind, RunStatus},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{document, list, object, words};
use crate::{
    config::tests::sample,
    dialect::native::{admin, users, wire},
    error::{Error, ErrorKind},
    http::problem,
    run::payload::{self, End, Fault},
    service::{
        access_tokens, api_keys, captcha, conversations::MAX_TITLE, id_tokens, messages::MAX_CONTENT, models::MAX_NAME,
        one_time_tokens, passwords, profiles, sessions::Scope,
    },
};

pub fn schema(name: &str) -> Value {
    document()["components"]["schemas"][name].clone()
}

/// What is sent has exactly the fields that the schema names; `optional` ones may be missing.
pub fn same_fields(name: &str, sent: &impl Serialize, optional: &[&str]) {
    let (schema, sent) = (schema(name), serde_json::to_value(sent).unwrap());
    let described: BTreeSet<&str> = object(&schema["properties"]).keys().map(String::as_str).collect();
    let sent: BTreeSet<&str> = object(&sent).keys().map(String::as_str).collect();
    assert_eq!(sent, described, "{name}");
    let always: BTreeSet<&str> = described.into_iter().filter(|field| !optional.contains(field)).collect();
    assert_eq!(words(&schema["required"]), always, "{name}: required");
}

fn message() -> wire::Message {
    wire::Message {
        id: String::new(),
        parent_id: None,
        role: "user".into(),
        content: String::new(),
        status: "completed".into(),
        model: None,
        run_id: None,
        created_at: String::new(),
    }
}

#[test]
fn responses_have_the_fields_of_the_wire() {
    let text = String::new;
    let tokens = wire::Tokens { access_token: text(), refresh_token: text(), token_type: "bearer", expires_in: 1 };
    same_fields("Tokens", &tokens, &[]);
    same_fields("Accepted", &wire::Accepted { status: "accepted" }, &[]);
    let me = wire::Me {
        id: 1,
        user_id: text(),
        email: Some(text()),
        email_verified: true,
        role: "user",
        created_at: text(),
    };
    same_fields("Me", &me, &[]);
    let identity = wire::identities::LinkedIdentity {
        provider: text(),
        email: None,
        name: None,
        created_at: text(),
        last_used_at: text(),
    };
    same_fields("LinkedIdentity", &identity, &[]);
    same_fields("LinkedIdentities", &wire::identities::LinkedIdentities { identities: Vec::new() }, &[]);
    let conversation =
        wire::Conversation { id: text(), title: None, message_count: 0, created_at: text(), updated_at: text() };
    same_fields("Conversation", &conversation, &[]);
    let page = wire::Conversations { conversations: Vec::new(), has_more: false, next_cursor: None };
    same_fields("Conversations", &page, &[]);
    same_fields("Message", &message(), &[]);
    same_fields("Messages", &wire::Messages { messages: Vec::new(), has_more: false, next_cursor: None }, &[]);
    let exchange = wire::Exchange { user_message: message(), model_message: message(), run_id: text(), usage: None };
    same_fields("Exchange", &exchange, &[]);
    same_fields("Models", &wire::models::Models { models: Vec::new(), default_model: text() }, &[]);
    let completion = wire::Completion {
        text: text(),
        model: text(),
        run_id: text(),
        status: text(),
        finish_reason: None,
        usage: None,
    };
    same_fields("Completion", &completion, &[]);
    let run = wire::Run {
        id: text(),
        status: "running",
        model: text(),
        conversation_id: None,
        user_message_id: None,
        message_id: None,
        last_seq: 0,
        error_code: None,
        usage: None,
        text: None,
        cost_nano_usd: None,
        cost_estimated: None,
        created_at: text(),
        ended_at: None,
    };
    same_fields("Run", &run, &[]);
}

#[test]
fn sessions_and_events_have_the_fields_of_the_wire() {
    let text = String::new;
    let session = wire::sessions::Session {
        id: text(),
        current: true,
        device_name: None,
        platform: None,
        program: None,
        address: None,
        country: None,
        created_at: text(),
        last_used_at: text(),
        idle_expires_at: text(),
        expires_at: text(),
    };
    same_fields("Session", &session, &[]);
    same_fields("Sessions", &wire::sessions::Sessions { sessions: Vec::new() }, &[]);
    let event = wire::sessions::Event {
        id: text(),
        action: text(),
        outcome: "success",
        detail: None,
        by_operator: false,
        session_id: None,
        device: None,
        address: None,
        country: None,
        created_at: text(),
    };
    same_fields("AccountEvent", &event, &[]);
    let page = wire::sessions::Events { events: Vec::new(), has_more: false, next_cursor: None };
    same_fields("AccountEvents", &page, &[]);
    let scopes = schema("SignOut")["properties"]["scope"]["enum"].clone();
    let scopes: Vec<_> = list(&scopes).filter_map(Value::as_str).map(Scope::parse).collect();
    assert_eq!(scopes, Scope::ALL.map(Some));
    let ring = "a:es256:jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
    let keys = access_tokens::public_keys(&sample(&[("LITTORAL_JWT_KEYS", ring)]));
    same_fields("PublicKeys", &keys, &[]);
    same_fields("PublicKey", &keys.keys[0], &["y"]);
}

#[test]
fn keys_and_accounts_have_the_fields_of_the_wire() {
    use wire::{admin, api_keys};
    let text = String::new;
    let key = || api_keys::ApiKey {
        id: text(),
        name: text(),
        prefix: text(),
        scopes: Vec::new(),
        created_at: text(),
        expires_at: None,
        last_used_at: None,
    };
    same_fields("ApiKey", &key(), &[]);
    same_fields("CreatedApiKey", &api_keys::CreatedApiKey { key: text(), about: key() }, &[]);
    same_fields("ApiKeys", &api_keys::ApiKeys { api_keys: Vec::new() }, &[]);
    let user = admin::Account {
        id: 1,
        user_id: text(),
        email: None,
        email_verified: false,
        role: "user",
        standing: "active",
        has_password: false,
        must_change_password: false,
        sessions: 0,
        api_keys: 0,
        identities: Vec::new(),
        created_at: text(),
        last_sign_in_at: None,
        last_seen_at: None,
    };
    same_fields("AdminUser", &user, &[]);
    same_fields("AdminUsers", &admin::Accounts { users: Vec::new(), has_more: false, next_cursor: None }, &[]);
    let event = admin::Event {
        id: text(),
        user_id: None,
        actor_id: None,
        action: text(),
        outcome: "success",
        detail: None,
        session_id: None,
        device: None,
        address: None,
        country: None,
        created_at: text(),
    };
    same_fields("AdminEvent", &event, &[]);
    same_fields("AdminEvents", &admin::Events { events: Vec::new(), has_more: false, next_cursor: None }, &[]);
    same_fields("Ended", &admin::Ended { ended: 0 }, &[]);
}

#[test]
fn scopes_of_keys_are_the_permissions_that_fit_one() {
    use domain::permission::Permission;
    let fitting: BTreeSet<_> = Permission::of_keys().map(Permission::as_str).collect();
    for name in ["ApiKey", "CreatedApiKey", "NewApiKey"] {
        assert_eq!(words(&schema(name)["properties"]["scopes"]["items"]["enum"]), fitting, "{name}");
    }
    let days = schema("NewApiKey")["properties"]["expires_in_days"]["maximum"].clone();
    assert_eq!(days, crate::service::api_keys::MAX_DAYS);
    for (parameter, most) in [("UserSearch", admin::MAX_SEARCH), ("AuditAction", admin::MAX_ACTION)] {
        assert_eq!(document()["components"]["parameters"][parameter]["schema"]["maxLength"], most, "{parameter}");
    }
}

#[test]
fn profiles_have_the_fields_of_the_wire() {
    let profile = profiles::Profile {
        id: domain::UserId::new(domain::Timestamp::default(), [0; 10]),
        number: 1,
        email: None,
        email_verified_at: None,
        role: domain::permission::Role::User,
        username: None,
        details: profiles::Details::default(),
        settings: profiles::Settings::default(),
        created_at: domain::Timestamp::default(),
        updated_at: domain::Timestamp::default(),
        deletion_requested_at: None,
        deletion_scheduled_at: None,
    };
    same_fields("Profile", &users::view(profile.clone()), &[]);
    same_fields("Settings", &users::view_settings(profile), &[]);
    let deletion = wire::users::Deletion {
        mode: "scheduled",
        deletion_requested_at: String::new(),
        deletion_scheduled_at: String::new(),
    };
    same_fields("Deletion", &deletion, &[]);
    let preferences = schema("SettingsChanges")["properties"]["preferences"]["description"].clone();
    let (bytes, depth) = (profiles::MAX_PREFERENCES_BYTES, profiles::MAX_PREFERENCES_DEPTH);
    assert!(preferences.as_str().unwrap().contains(&format!("at most {bytes} bytes of JSON in all, {depth} levels")));
    let themes = schema("SettingsChanges")["properties"]["theme"]["enum"].clone();
    assert_eq!(list(&themes).filter_map(Value::as_str).collect::<Vec<_>>(), profiles::THEMES);
}

#[test]
fn events_have_the_fields_of_their_payloads() {
    let known = Fault::new(502, "provider_error", "");
    let fault = Fault { request_id: Some(String::new()), retry_after_ms: Some(1), ..known };
    same_fields("Fault", &fault, &["request_id", "retry_after_ms"]);
    same_fields("End", &End::new(RunStatus::Completed, None, ""), &[]);
    same_fields("Usage", &payload::of_usage(Usage::default()), &[]);
    let payload_of = |event| {
        let (_, data) = payload::of_output(&event).unwrap();
        serde_json::from_str::<Value>(&data).unwrap()
    };
    same_fields("Text", &payload_of(ChatEvent::Text("a".into())), &[]);
    same_fields("Text", &payload_of(ChatEvent::Reasoning("a".into())), &[]);
    let call = ChatEvent::ToolCall { index: 0, id: None, name: None, arguments: String::new() };
    same_fields("ToolFragment", &payload_of(call), &[]);
}

#[test]
fn every_kind_of_event_has_a_schema_under_its_name() {
    let event = schema("Event");
    let mapped = object(&event["discriminator"]["mapping"]);
    let alternatives: BTreeSet<_> = list(&event["oneOf"]).map(|schema| schema["$ref"].as_str().unwrap()).collect();
    assert_eq!(mapped.values().map(|name| name.as_str().unwrap()).collect::<BTreeSet<_>>(), alternatives);
    // A new kind does not compile until it stands here.
    let next = |kind| match kind {
        EventKind::State => Some(EventKind::Delta),
        EventKind::Delta => Some(EventKind::Reasoning),
        EventKind::Reasoning => Some(EventKind::Tool),
        EventKind::Tool => Some(EventKind::Usage),
        EventKind::Usage => Some(EventKind::Error),
        EventKind::Error => Some(EventKind::Reset),
        EventKind::Reset => Some(EventKind::End),
        EventKind::End => None,
    };
    let kinds: Vec<_> = std::iter::successors(Some(EventKind::State), |kind| next(*kind)).collect();
    assert_eq!(kinds.len(), mapped.len());
    for kind in kinds {
        let name = mapped[kind.as_str()].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!(schema(name)["properties"]["event"]["const"], kind.as_str());
    }
}

#[test]
fn words_are_the_products() {
    let statuses = schema("RunStatus");
    assert_eq!(words(&statuses["enum"]).len(), 7);
    assert!(words(&statuses["enum"]).into_iter().all(|word| RunStatus::parse(word).is_some()));
    for (name, field) in [("End", "status"), ("Completion", "status")] {
        let schema = schema(name);
        for word in words(&schema["properties"][field]["enum"]) {
            assert!(RunStatus::parse(word).is_some_and(RunStatus::is_final), "{name} {word}");
        }
    }
    let finishes = [Finish::Complete, Finish::Length, Finish::ToolCalls, Finish::Filtered].map(|f| json!(f.as_str()));
    for name in ["End", "Completion"] {
        let reasons = schema(name)["properties"]["finish_reason"]["enum"].clone();
        assert_eq!(list(&reasons).filter(|reason| !reason.is_null()).cloned().collect::<Vec<_>>(), finishes);
    }
}

#[test]
fn limits_are_the_ones_that_are_kept() {
    for (name, field, low, high) in [
        ("Registration", "email", 1, Email::MAX_BYTES),
        ("Registration", "password", passwords::LEAST_CHARACTERS, passwords::MAX_CHARACTERS),
        ("NewApiKey", "name", 1, api_keys::MAX_NAME),
        ("NewUser", "email", 1, Email::MAX_BYTES),
        ("NewUser", "password", passwords::LEAST_CHARACTERS, passwords::MAX_CHARACTERS),
        ("PasswordChange", "new_password", passwords::LEAST_CHARACTERS, passwords::MAX_CHARACTERS),
        ("PasswordReset", "token", 1, one_time_tokens::MAX_TOKEN),
        ("Verification", "token", 1, one_time_tokens::MAX_TOKEN),
        ("Verification", "password", passwords::LEAST_CHARACTERS, passwords::MAX_CHARACTERS),
        ("Registration", "captcha_token", 1, captcha::MAX_TOKEN),
        ("Credentials", "password", 1, passwords::MAX_CHARACTERS),
        ("ConversationTitle", "title", 1, MAX_TITLE),
        ("IdToken", "id_token", 1, id_tokens::MAX_TOKEN),
        ("IdToken", "nonce", 1, id_tokens::MAX_NONCE),
        ("IdToken", "name", 1, id_tokens::MAX_NAME),
        ("ProfileChanges", "username", 1, domain::profile::MAX_USERNAME),
        ("ProfileChanges", "display_name", 1, profiles::MAX_DISPLAY_NAME),
        ("ProfileChanges", "first_name", 1, profiles::MAX_NAME),
        ("ProfileChanges", "last_name", 1, profiles::MAX_NAME),
        ("ProfileChanges", "avatar_url", 1, profiles::MAX_PICTURE_URL),
        ("ProfileChanges", "bio", 1, profiles::MAX_BIO),
        ("ProfileChanges", "profession", 1, profiles::MAX_ANSWER),
        ("ProfileChanges", "heard_from", 1, profiles::MAX_ANSWER),
        ("SettingsChanges", "default_model", 1, MAX_NAME),
        ("NewMessage", "content", 1, MAX_CONTENT),
        ("NewCompletion", "prompt", 1, MAX_CONTENT),
        ("NewMessage", "model", 1, MAX_NAME),
        ("NewCompletion", "model", 1, MAX_NAME),
    ] {
        let field_schema = schema(name)["properties"][field].clone();
        assert_eq!(field_schema["minLength"], low, "{name} {field}");
        assert_eq!(field_schema["maxLength"], high, "{name} {field}");
    }
    for name in ["NewMessage", "NewCompletion"] {
        let description = schema(name)["properties"]["disconnect"]["description"].as_str().unwrap().to_owned();
        assert!(description.contains(&format!("at most {} s", DisconnectPolicy::MAX_GRACE_SECONDS)), "{name}");
    }
}

#[test]
fn problems_have_the_fields_that_are_rendered() {
    let render = |error: &Error| {
        let response = problem::render(error, "id", axum::response::Response::default());
        let body = futures_util::FutureExt::now_or_never(http_body_util::BodyExt::collect(response.into_body()));
        serde_json::from_slice::<Value>(&body.unwrap().unwrap().to_bytes()).unwrap()
    };
    let invalid = render(&Error::field("/email", "Must be a text."));
    same_fields("Problem", &invalid, &["errors"]);
    same_fields("FieldError", &invalid["errors"][0], &[]);
    let plain = render(&Error::new(ErrorKind::NotFound, "not_found", "Run not found"));
    assert_eq!(object(&plain).len(), words(&schema("Problem")["required"]).len());
}
