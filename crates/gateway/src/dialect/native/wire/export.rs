//! Wire structs of an export: one line each. `docs/export.md` describes them, and a test holds the two together.

use serde::Serialize;
use serde_json::Value;

use super::users;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    Header(Header),
    Profile(Box<Profile>),
    Identity(super::identities::LinkedIdentity),
    ApiKey(super::api_keys::ApiKey),
    Factor(super::second_factors::Factor),
    TrustedDevice(TrustedDevice),
    Session(Session),
    Event(Event),
    Conversation(super::Conversation),
    Message(Message),
    Run(Run),
    Charge(Charge),
    End(End),
}

#[derive(Serialize)]
pub struct Header {
    pub format: &'static str,
    pub version: u32,
    pub user_id: String,
    pub exported_at: String,
}

#[derive(Serialize)]
pub struct Profile {
    #[serde(flatten)]
    pub profile: users::Profile,
    pub settings: users::Settings,
}

#[derive(Serialize)]
pub struct TrustedDevice {
    pub id: String,
    pub device: Option<String>,
    pub created_at: String,
    pub last_used_at: String,
    pub expires_at: String,
}

#[derive(Serialize)]
pub struct Session {
    pub id: String,
    pub device_name: Option<String>,
    pub platform: Option<String>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub country: Option<String>,
    pub created_at: String,
    pub last_used_at: String,
    pub expires_at: String,
    pub ended_at: Option<String>,
    pub ended_reason: Option<String>,
}

#[derive(Serialize)]
pub struct Event {
    pub id: String,
    pub action: String,
    pub outcome: &'static str,
    pub detail: Option<String>,
    pub session_id: Option<String>,
    pub device: Option<String>,
    pub address: Option<String>,
    pub country: Option<String>,
    pub created_at: String,
}

#[derive(Serialize)]
pub struct Message {
    pub conversation_id: String,
    #[serde(flatten)]
    pub message: super::Message,
}

#[derive(Serialize)]
pub struct Run {
    pub id: String,
    pub conversation_id: Option<String>,
    pub user_message_id: Option<String>,
    pub message_id: Option<String>,
    pub model: String,
    pub status: String,
    pub error_code: Option<String>,
    pub usage: Option<Value>,
    pub text: Option<String>,
    pub created_at: String,
    pub ended_at: String,
}

#[derive(Serialize)]
pub struct Charge {
    pub run_id: String,
    pub model: String,
    pub input_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    pub cache_write_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub cost_nano_usd: i64,
    pub estimated: bool,
    pub created_at: String,
    pub settled_at: String,
}

#[derive(Serialize, Default)]
pub struct End {
    pub counts: Counts,
}

#[derive(Serialize, Default)]
pub struct Counts {
    pub profile: u64,
    pub identity: u64,
    pub api_key: u64,
    pub factor: u64,
    pub trusted_device: u64,
    pub session: u64,
    pub event: u64,
    pub conversation: u64,
    pub message: u64,
    pub run: u64,
    pub charge: u64,
}
