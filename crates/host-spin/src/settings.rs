//! Settings from Spin's variables, which `spin.toml` declares in lower case.

use async_trait::async_trait;
use ports::{Settings, SettingsError};
use spin_sdk::variables::{self, Error};

/// The component's variables. All of them have a default; an empty value counts as unset.
pub struct SpinVariables;

#[async_trait]
impl Settings for SpinVariables {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        match variables::get(name.to_ascii_lowercase()).await {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(Error::Undefined(_)) => Ok(None),
            Err(Error::InvalidName(why) | Error::Provider(why) | Error::Other(why)) => {
                Err(SettingsError(format!("{name}: Spin could not read its variable: {why}")))
            }
        }
    }
}
