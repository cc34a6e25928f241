//! What the product does: every rule that is no SQL and no HTTP. Services make the ids and the times; stores keep them as
//! they are.

pub mod access_tokens;
pub mod accounts;
pub mod admin;
pub mod api_keys;
pub mod audit;
pub mod base62;
pub mod charges;
pub mod completions;
pub mod conversations;
pub mod first_admin;
pub mod guests;
pub mod health;
pub mod id_tokens;
pub mod identities;
pub mod identity;
pub mod letters;
pub mod limits;
pub mod messages;
pub mod models;
pub mod passwords;
pub mod provider_keys;
pub mod refresh_tokens;
pub mod runs;
pub mod sessions;
pub mod sign_in;
