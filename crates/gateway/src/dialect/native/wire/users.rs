//! Wire structs of `/api/v1/users/me`.

use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub struct Profile {
    /// The small integer of seed 004.
    pub id: i64,
    pub user_id: String,
    /// A guest has none.
    pub email: Option<String>,
    pub email_verified: bool,
    pub role: &'static str,
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub avatar_url: Option<String>,
    pub bio: Option<String>,
    pub date_of_birth: Option<String>,
    pub profession: Option<String>,
    pub heard_from: Option<String>,
    pub locale: Option<String>,
    pub time_zone: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub deletion_requested_at: Option<String>,
    pub deletion_scheduled_at: Option<String>,
}

#[derive(Serialize)]
pub struct Settings {
    pub theme: Option<String>,
    pub language: Option<String>,
    pub default_model: Option<String>,
    pub preferences: Map<String, Value>,
    pub updated_at: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub struct Deletion {
    pub mode: &'static str,
    pub deletion_requested_at: String,
    pub deletion_scheduled_at: String,
}
