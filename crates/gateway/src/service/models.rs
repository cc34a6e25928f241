//! Which models may be asked for.

use domain::UserId;
use ports::Platform;

use crate::{
    Config,
    config::models::is_name,
    error::{Error, ErrorKind, Result},
    store,
};

pub use crate::config::models::MAX_NAME;

/// The model that a request means: the one that it names, if that is allowed, or the one of a request that names none.
pub async fn resolve(platform: &Platform, config: &Config, user: UserId, asked: Option<&str>) -> Result<String> {
    match asked {
        Some(model) if is_allowed(config, model) => Ok(model.to_owned()),
        Some(_) => Err(unknown(config)),
        None => default_of(platform, config, user).await,
    }
}

/// The model of a user's requests that name none: the one that the user has chosen, if it is allowed, or the server's.
pub async fn default_of(platform: &Platform, config: &Config, user: UserId) -> Result<String> {
    let profile = store::profiles::decode(&platform.accounts.run(store::profiles::by_user(user)).await?)?;
    let chosen = profile.and_then(|profile| profile.settings.default_model);
    Ok(chosen.filter(|model| is_allowed(config, model)).unwrap_or_else(|| config.model.clone()))
}

/// The names of the models that may be asked for. What a setting with `*` allows besides has no list.
pub fn names(config: &Config) -> impl Iterator<Item = &str> {
    config.models.iter().map(String::as_str).filter(|name| !name.ends_with('*'))
}

fn is_allowed(config: &Config, model: &str) -> bool {
    config.models.iter().any(|allowed| match allowed.strip_suffix('*') {
        Some(begin) => model.starts_with(begin) && is_name(model),
        None => allowed == model,
    })
}

fn unknown(config: &Config) -> Error {
    let names = config.models.join("`, `");
    let detail = format!("This server offers no model of this name. Choose one of: `{names}`.");
    Error::new(ErrorKind::NotFound, "model_not_found", detail)
}
