//! Personal API keys on the wire.

use serde::Serialize;

#[derive(Serialize)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub prefix: String,
    pub scopes: Vec<&'static str>,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
}

#[derive(Serialize)]
pub struct CreatedApiKey {
    /// Told this once.
    pub key: String,
    #[serde(flatten)]
    pub about: ApiKey,
}

#[derive(Serialize)]
pub struct ApiKeys {
    pub api_keys: Vec<ApiKey>,
}
