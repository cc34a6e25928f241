//! Littoral's own surface, `/api/v1`, which is also the one that seed 004's README names.

pub mod admin;
pub mod api_keys;
pub mod auth;
pub mod completions;
pub mod conversations;
pub mod email_addresses;
pub mod export;
pub mod guests;
pub mod identities;
pub mod jwks;
pub mod messages;
pub mod models;
pub mod options;
pub mod passwords;
pub mod routes;
pub mod runs;
pub mod second_factors;
pub mod sessions;
pub mod users;
pub mod wire;
