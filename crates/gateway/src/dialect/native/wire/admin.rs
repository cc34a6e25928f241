//! Accounts and security events as admins see them, on the wire.

use serde::Serialize;

#[derive(Serialize)]
pub struct Account {
    /// The small integer of seed 004.
    pub id: i64,
    pub user_id: String,
    /// A guest has none.
    pub email: Option<String>,
    pub email_verified: bool,
    pub role: &'static str,
    pub standing: &'static str,
    pub has_password: bool,
    pub must_change_password: bool,
    pub sessions: i64,
    pub api_keys: i64,
    /// The providers.
    pub identities: Vec<String>,
    pub created_at: String,
    pub last_sign_in_at: Option<String>,
    pub last_seen_at: Option<String>,
}

#[derive(Serialize)]
pub struct Accounts {
    pub users: Vec<Account>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}

#[derive(Serialize)]
pub struct Ended {
    /// How many.
    pub ended: usize,
}

#[derive(Serialize)]
pub struct Event {
    pub id: String,
    pub user_id: Option<String>,
    /// Who did it, if not the user.
    pub actor_id: Option<String>,
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
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct Events {
    pub events: Vec<Event>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}
