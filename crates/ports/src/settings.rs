//! Settings, read once at start.

use std::fmt;

use async_trait::async_trait;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings: {}", self.0)
    }
}

impl std::error::Error for SettingsError {}

/// Where settings come from: the environment natively, vars and secrets on Workers, variables on Spin.
#[async_trait]
pub trait Settings: Send + Sync {
    /// The setting of this name (`LITTORAL_…`; Spin spells it in lower case), or `None` when it is unset or empty.
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError>;
}
