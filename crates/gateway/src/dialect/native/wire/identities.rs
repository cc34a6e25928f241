//! Identities of other providers.

use serde::Serialize;

#[derive(Serialize)]
pub struct LinkedIdentity {
    pub provider: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub created_at: String,
    pub last_used_at: String,
}

#[derive(Serialize)]
pub struct LinkedIdentities {
    pub identities: Vec<LinkedIdentity>,
}
