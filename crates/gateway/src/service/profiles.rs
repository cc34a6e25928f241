//! What users say of themselves, and how they want their app. The form of single values is checked by `domain::profile`.

use domain::UserId;
use ports::{Outcome, Platform};
use serde_json::{Map, Value};

use crate::{
    error::{Error, ErrorKind, Result},
    store,
};

pub use store::profiles::{Details, Profile, Settings};

/// The longest name that others see, in characters.
pub const MAX_DISPLAY_NAME: usize = 120;
/// The longest given or family name, in characters.
pub const MAX_NAME: usize = 50;
/// The longest address of a picture, in characters.
pub const MAX_PICTURE_URL: usize = 1024;
/// The longest text about oneself, in characters.
pub const MAX_BIO: usize = 500;
/// The longest answer to other questions, in characters.
pub const MAX_ANSWER: usize = 120;
/// The themes of an app.
pub const THEMES: [&str; 3] = ["system", "light", "dark"];
/// How large the preferences may be, in bytes of JSON.
pub const MAX_PREFERENCES_BYTES: usize = 8 * 1024;
/// Objects and arrays within each other in the preferences.
pub const MAX_PREFERENCES_DEPTH: usize = 8;

/// What changes in a profile.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// A new user name, or none from now on.
    pub username: Option<Option<String>>,
    /// Members of [`Details`], with null for what is to be forgotten.
    pub details: Map<String, Value>,
}

/// Reads a profile.
pub async fn find(platform: &Platform, user: UserId) -> Result<Profile> {
    one(&platform.accounts.run(store::profiles::by_user(user)).await?)
}

/// Changes a profile and returns it.
pub async fn update(platform: &Platform, user: UserId, changes: &Changes) -> Result<Profile> {
    if changes.username.is_none() && changes.details.is_empty() {
        return find(platform, user).await;
    }
    let (renames, username) = (changes.username.is_some(), changes.username.as_ref().and_then(Option::as_deref));
    let update = store::profiles::update(user, &changes.details, renames, username, platform.clock.now());
    match platform.accounts.batch(vec![update, store::profiles::by_user(user)]).await {
        Ok(outcomes) => outcomes.last().map_or_else(|| Err(missing()), one),
        Err(error) if error.is_unique("profiles.username") => Err(Error::new(
            ErrorKind::Conflict,
            "username_taken",
            "Somebody else has this user name. Choose another one.",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Changes settings by a merge patch (RFC 7396) of members of [`Settings`], and returns them all.
pub async fn update_settings(platform: &Platform, user: UserId, patch: &Map<String, Value>) -> Result<Profile> {
    if patch.is_empty() {
        return find(platform, user).await;
    }
    check_preferences(patch.get("preferences"))?;
    let most = i64::try_from(MAX_PREFERENCES_BYTES).unwrap_or(i64::MAX);
    let update = store::profiles::update_settings(user, patch, most, platform.clock.now());
    let outcomes = platform.accounts.batch(vec![update, store::profiles::by_user(user)]).await?;
    let profile = outcomes.last().map_or_else(|| Err(missing()), one)?;
    if outcomes.first().is_none_or(|outcome| outcome.rows.is_empty()) {
        return Err(too_large());
    }
    Ok(profile)
}

fn check_preferences(preferences: Option<&Value>) -> Result<()> {
    let Some(preferences) = preferences else { return Ok(()) };
    if depth(preferences) > MAX_PREFERENCES_DEPTH {
        let detail = format!("Must not nest deeper than {MAX_PREFERENCES_DEPTH} levels.");
        return Err(Error::field("/preferences", detail));
    }
    if preferences.to_string().len() > MAX_PREFERENCES_BYTES { Err(too_large()) } else { Ok(()) }
}

/// Bounded by the depth of a body.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn too_large() -> Error {
    let detail = format!("All preferences together may have at most {MAX_PREFERENCES_BYTES} bytes of JSON.");
    Error::field("/preferences", detail)
}

fn missing() -> Error {
    Error::bad_bearer("user_not_found", "User not found")
}

fn one(outcome: &Outcome) -> Result<Profile> {
    store::profiles::decode(outcome)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn preferences_are_bounded_in_depth_and_size() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(check_preferences(Some(&nested(MAX_PREFERENCES_DEPTH))).is_ok());
        assert!(check_preferences(Some(&nested(MAX_PREFERENCES_DEPTH + 1))).is_err());
        let sized = |bytes: usize| json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) });
        assert!(check_preferences(Some(&sized(MAX_PREFERENCES_BYTES))).is_ok());
        assert!(check_preferences(Some(&sized(MAX_PREFERENCES_BYTES + 1))).is_err());
    }
}
