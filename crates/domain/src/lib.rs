//! Ids, entities and rules of the product: plain values and pure functions.
//!
//! No async, no I/O, no HTTP, no SQL and no wire format belong here.

pub mod account;
pub mod chat;
pub mod factor;
pub mod gcra;
pub mod id;
pub mod money;
pub mod permission;
pub mod profile;
pub mod run;
pub mod secret;
pub mod timestamp;
pub mod user_agent;

pub use id::{
    ApiKeyId, ChallengeId, ConversationId, EventId, FactorId, MessageId, RunId, SessionId, TrustedDeviceId, UserId,
};
pub use secret::Secret;
pub use timestamp::Timestamp;
