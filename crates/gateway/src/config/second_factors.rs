//! Settings of second factors.

use std::time::Duration;

use ports::SettingsError;

use super::reader::Reader;

/// Second factors: how long a proof counts.
#[derive(Clone, Copy, Debug)]
pub struct SecondFactors {
    /// What is sensitive wants a proof that the user is there which is no older than this.
    pub step_up: Duration,
    /// A device is trusted for this long; zero: none is.
    pub trusted_device: Duration,
}

impl SecondFactors {
    pub(super) async fn read(read: &mut Reader<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            step_up: read.seconds("LITTORAL_STEP_UP_SECONDS", 600, 30..=86_400).await?,
            trusted_device: read.seconds("LITTORAL_TRUSTED_DEVICE_SECONDS", 30 * 86_400, 0..=31_536_000).await?,
        })
    }
}
