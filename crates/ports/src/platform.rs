//! The record of all ports that a host hands to the core.

use std::sync::Arc;

use crate::{Assets, Chats, Clock, Database, Entropy, HttpClient, KeyValue, Log, Mailer, RateLimiter, Runs, Tasks};

/// Everything the core may ask of a host.
#[derive(Clone)]
pub struct Platform {
    /// Users, sessions and everything else about accounts.
    pub accounts: Arc<dyn Database>,
    /// Conversations, messages and runs.
    pub chats: Arc<dyn Chats>,
    /// The small byte store.
    pub keys: Arc<dyn KeyValue>,
    /// Rate limits.
    pub limiter: Arc<dyn RateLimiter>,
    /// Owners of runs.
    pub runs: Arc<dyn Runs>,
    /// Outbound HTTP.
    pub http: Arc<dyn HttpClient>,
    /// Mail.
    pub mail: Arc<dyn Mailer>,
    /// Files beside the code.
    pub assets: Arc<dyn Assets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Log lines.
    pub log: Arc<dyn Log>,
    /// The executor.
    pub tasks: Arc<dyn Tasks>,
}
