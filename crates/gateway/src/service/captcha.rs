//! Whether a person signs in: asked of the service of the settings, if there is one.

use domain::{Secret, account::Device};
use ports::Platform;

use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    turnstile,
};

/// The longest token of the service's widget, in characters.
pub const MAX_TOKEN: usize = 2048;

/// Refuses who brings no good token of the service's widget. Without a service everybody may pass.
pub async fn require(
    platform: &Platform,
    config: &Config,
    token: Option<Secret<String>>,
    device: &Device,
) -> Result<()> {
    let Some(captcha) = &config.accounts.captcha else { return Ok(()) };
    let token = token.ok_or_else(|| Error::field("/captcha_token", "This field is required."))?;
    match turnstile::verify(platform, captcha, &token, device.address).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::new(
            ErrorKind::Refused,
            "captcha_failed",
            "The check that you are a person failed or has expired. Do it again.",
        )),
        Err(source) => Err(Error::unavailable(source)),
    }
}
