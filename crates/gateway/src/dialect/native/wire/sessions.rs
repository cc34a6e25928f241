//! Sessions and security events.

use serde::Serialize;

#[derive(Serialize)]
pub struct Session {
    pub id: String,
    /// The one that the request came with.
    pub current: bool,
    pub device_name: Option<String>,
    pub platform: Option<String>,
    /// What the `User-Agent` says in a word.
    pub program: Option<String>,
    pub address: Option<String>,
    pub country: Option<String>,
    pub created_at: String,
    pub last_used_at: String,
    pub idle_expires_at: String,
    pub expires_at: String,
}

#[derive(Serialize)]
pub struct Sessions {
    pub sessions: Vec<Session>,
}

#[derive(Serialize)]
pub struct Event {
    pub id: String,
    pub action: String,
    pub outcome: &'static str,
    pub detail: Option<String>,
    pub by_operator: bool,
    pub session_id: Option<String>,
    pub device: Option<String>,
    pub address: Option<String>,
    pub country: Option<String>,
    pub created_at: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct Events {
    pub events: Vec<Event>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}
