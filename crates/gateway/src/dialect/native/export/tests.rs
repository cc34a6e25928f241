//! Holds the lines against their documentation.

use domain::Timestamp;

use super::*;

/// The fields that `docs/export.md` names for a type, in its row of the table.
fn described(kind: &str) -> Vec<String> {
    let text = include_str!("../../../../../../docs/export.md");
    let row = text.lines().find_map(|line| line.strip_prefix(&format!("| `{kind}` | "))).expect("a row");
    row.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one of each line")]
fn the_fields_of_every_line_are_documented() {
    let text = String::new;
    let session = Session {
        id: text(),
        device_name: None,
        platform: None,
        user_agent: None,
        address: None,
        country: None,
        created_at: text(),
        last_used_at: text(),
        expires_at: text(),
        ended_at: None,
        ended_reason: None,
    };
    let event = Event {
        id: text(),
        action: text(),
        outcome: "success",
        detail: None,
        session_id: None,
        device: None,
        address: None,
        country: None,
        created_at: text(),
    };
    let message = messages::view(&export::Message {
        id: domain::MessageId::new(Timestamp::default(), [0; 10]),
        parent: None,
        position: 1,
        role: text(),
        content: text(),
        status: text(),
        run: None,
        model: None,
        created_at: Timestamp::default(),
    });
    let conversation = conversations::view(&export::Conversation {
        id: domain::ConversationId::new(Timestamp::default(), [0; 10]),
        title: None,
        message_count: 0,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    });
    let profile = crate::service::profiles::Profile {
        id: UserId::new(Timestamp::default(), [0; 10]),
        number: 1,
        email: None,
        email_verified_at: None,
        role: domain::permission::Role::User,
        username: None,
        details: crate::service::profiles::Details::default(),
        settings: crate::service::profiles::Settings::default(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        deletion_requested_at: None,
        deletion_scheduled_at: None,
    };
    let run = Run {
        id: text(),
        conversation_id: None,
        user_message_id: None,
        message_id: None,
        model: text(),
        status: text(),
        error_code: None,
        usage: None,
        text: None,
        created_at: text(),
        ended_at: text(),
    };
    let charge = Charge {
        run_id: text(),
        model: text(),
        input_tokens: None,
        cache_read_tokens: None,
        cache_write_tokens: None,
        output_tokens: None,
        reasoning_tokens: None,
        cost_nano_usd: 0,
        estimated: false,
        created_at: text(),
        settled_at: text(),
    };
    let identity = super::super::wire::identities::LinkedIdentity {
        provider: text(),
        email: None,
        name: None,
        created_at: text(),
        last_used_at: text(),
    };
    let key = super::super::wire::api_keys::ApiKey {
        id: text(),
        name: text(),
        prefix: text(),
        scopes: Vec::new(),
        created_at: text(),
        expires_at: None,
        last_used_at: None,
    };
    let factor = super::super::wire::second_factors::Factor {
        id: text(),
        kind: "totp",
        name: None,
        created_at: text(),
        last_used_at: None,
    };
    let trusted =
        TrustedDevice { id: text(), device: None, created_at: text(), last_used_at: text(), expires_at: text() };
    let lines = [
        Line::Factor(factor),
        Line::TrustedDevice(trusted),
        Line::Header(Header { format: "littoral-export", version: VERSION, user_id: text(), exported_at: text() }),
        view(Item::Profile(Box::new(profile)), &mut Counts::default()),
        Line::Session(session),
        Line::Event(event),
        Line::Conversation(conversation),
        Line::Message(Message { conversation_id: text(), message }),
        Line::Run(run),
        Line::Charge(charge),
        Line::Identity(identity),
        Line::ApiKey(key),
        Line::End(End::default()),
    ];
    for one in lines {
        let sent: Value = serde_json::from_slice(&line(&one)).unwrap();
        let kind = sent["type"].as_str().unwrap().to_owned();
        let described = described(&kind);
        for field in sent.as_object().unwrap().keys().filter(|field| *field != "type") {
            assert!(described.contains(field), "docs/export.md does not tell of {kind}.{field}");
        }
    }
}
