//! Which models may be asked for.

use crate::{
    Config,
    config::OFFLINE_MODEL,
    error::{Error, Result},
};

/// The longest model name, in characters.
pub const MAX_NAME: usize = 200;

/// The model that a request means. Without a configured provider only the built-in one exists.
pub fn resolve(config: &Config, asked: Option<&str>) -> Result<String> {
    let model = asked.unwrap_or(&config.model);
    if config.openai.is_none() && model != OFFLINE_MODEL {
        return Err(Error::field(
            "/model",
            format!("No provider is configured for this model; only `{OFFLINE_MODEL}` is available."),
        ));
    }
    Ok(model.to_owned())
}
