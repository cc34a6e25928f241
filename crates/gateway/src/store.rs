//! SQL literals beside their row mapping: one file a table family, parameters numbered, rows decoded by position.
//! No rule of the product and no clock.

pub mod api_keys;
pub mod audit_events;
pub mod challenges;
pub mod conversations;
pub mod directory;
pub mod factor_guesses;
pub mod factors;
pub mod identities;
pub mod ledger;
pub mod login_failures;
pub mod messages;
pub mod one_time_tokens;
pub mod password_history;
pub mod profiles;
pub mod proofs;
pub mod recovery_codes;
pub mod run_events;
pub mod runs;
pub mod sessions;
pub mod trusted_devices;
pub mod users;
