//! What goes over the wire: serde structs and nothing else. Times are RFC 3339 with `Z`.

mod accounts;
pub mod admin;
pub mod api_keys;
pub mod export;
pub mod identities;
pub mod models;
pub mod second_factors;
pub mod sessions;
pub mod users;

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

pub use self::accounts::Accepted;

/// A JSON response.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response without a body.
pub fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 202, always the same.
pub fn accepted() -> Response {
    json(StatusCode::ACCEPTED, &Accepted { status: "accepted" })
}

#[derive(Serialize)]
pub struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
}

#[derive(Serialize)]
pub struct Me {
    /// The small integer of seed 004.
    pub id: i64,
    pub user_id: String,
    /// A guest has none.
    pub email: Option<String>,
    pub email_verified: bool,
    pub role: &'static str,
    pub created_at: String,
}

#[derive(Serialize)]
pub struct Conversation {
    pub id: String,
    pub title: Option<String>,
    pub message_count: i64,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct Conversations {
    pub conversations: Vec<Conversation>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}

#[derive(Serialize)]
pub struct Message {
    pub id: String,
    pub parent_id: Option<String>,
    pub role: String,
    pub content: String,
    pub status: String,
    pub model: Option<String>,
    pub run_id: Option<String>,
    pub created_at: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct Messages {
    pub messages: Vec<Message>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}

#[derive(Serialize)]
pub struct Exchange {
    pub user_message: Message,
    pub model_message: Message,
    pub run_id: String,
    pub usage: Option<Value>,
}

#[derive(Serialize)]
pub struct Completion {
    pub text: String,
    pub model: String,
    pub run_id: String,
    pub status: String,
    pub finish_reason: Option<String>,
    pub usage: Option<Value>,
}

#[derive(Serialize)]
pub struct Run {
    pub id: String,
    pub status: &'static str,
    pub model: String,
    pub conversation_id: Option<String>,
    pub user_message_id: Option<String>,
    pub message_id: Option<String>,
    pub last_seq: u64,
    pub error_code: Option<String>,
    pub usage: Option<Value>,
    /// Of a run without a conversation that is over.
    pub text: Option<String>,
    pub cost_nano_usd: Option<i64>,
    pub cost_estimated: Option<bool>,
    pub created_at: String,
    pub ended_at: Option<String>,
}
