//! Settings of sessions and of the audit log.

use std::time::Duration;

use ports::SettingsError;

use super::reader::Reader;

/// How long sessions live, how many a user may have, and how long is remembered what happened in them.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// The open sessions of a user: one more ends the one that was not used for longest.
    pub most: u32,
    /// Age at which security events are deleted.
    pub audit_retention: Duration,
}

impl Sessions {
    pub(super) async fn read(read: &mut Reader<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            most: read.number("LITTORAL_MAX_SESSIONS", 50, 1..=1_000).await?,
            audit_retention: Duration::from_hours(24 * read.number("LITTORAL_AUDIT_DAYS", 90, 1..=3_650).await?),
        })
    }
}
