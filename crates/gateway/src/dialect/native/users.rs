//! `/api/v1/users/me`: the profile, the settings, and leaving.

use axum::{body::Body, response::Response};
use domain::profile;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::wire::{self, json};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
    },
    service::{
        deletion, erasure, models,
        profiles::{self, Changes, MAX_ANSWER, MAX_BIO, MAX_DISPLAY_NAME, MAX_NAME, MAX_PICTURE_URL, Profile, THEMES},
    },
};

/// `GET /api/v1/users/me`
pub async fn read(context: Context, caller: Caller) -> Result<Response> {
    Ok(json(StatusCode::OK, &view(profiles::find(&context.platform, caller.user).await?)))
}

/// `PATCH /api/v1/users/me`
pub async fn update(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let changes = changes(&mut fields, &context);
    let changes = fields.finish(changes)?;
    Ok(json(StatusCode::OK, &view(profiles::update(&context.platform, caller.user, &changes).await?)))
}

/// Reads what changes. Null takes away what was said.
fn changes(fields: &mut Fields, context: &Context) -> Changes {
    let mut username = fields.has("username").then(|| fields.maybe_text("username", 1..=profile::MAX_USERNAME));
    if let Some(Some(text)) = &mut username {
        match profile::username(text) {
            Some(folded) => *text = folded,
            None => fields.refuse(
                "username",
                format!(
                    "Must have {} to {} letters (a to z), digits, dots, dashes or underscores, with a letter or digit at both ends.",
                    profile::MIN_USERNAME,
                    profile::MAX_USERNAME
                ),
            ),
        }
    }
    let mut details = Map::new();
    for (name, longest) in [
        ("display_name", MAX_DISPLAY_NAME),
        ("first_name", MAX_NAME),
        ("last_name", MAX_NAME),
        ("profession", MAX_ANSWER),
        ("heard_from", MAX_ANSWER),
    ] {
        let one_line = |text: &str| !text.chars().any(char::is_control) && !text.trim().is_empty();
        checked(fields, &mut details, name, longest, "Must be one line of text.", one_line);
    }
    checked(fields, &mut details, "bio", MAX_BIO, "", |_| true);
    let picture = "Must be an https address at a public host, without user name and password.";
    checked(fields, &mut details, "avatar_url", MAX_PICTURE_URL, picture, profile::is_picture_url);
    let now = context.platform.clock.now();
    let birthday = "Must be a day of the past, like 1990-12-31.";
    checked(fields, &mut details, "date_of_birth", 10, birthday, |text| profile::is_birthday(text, now));
    checked(fields, &mut details, "locale", 35, LANGUAGE, profile::is_language);
    let zone = "Must be a time zone, like Europe/Berlin.";
    checked(fields, &mut details, "time_zone", 64, zone, profile::is_time_zone);
    Changes { username, details }
}

const LANGUAGE: &str = "Must be a language tag, like de or pt-BR.";

/// Puts a field into the patch, if it is there and null or right.
fn checked(
    fields: &mut Fields,
    patch: &mut Map<String, Value>,
    name: &'static str,
    longest: usize,
    expected: &str,
    is_right: impl Fn(&str) -> bool,
) {
    if !fields.has(name) {
        return;
    }
    let text = fields.maybe_text(name, 1..=longest);
    // One that is empty or no text has its entry already.
    if text.as_deref().is_some_and(|text| !text.is_empty() && !is_right(text)) {
        fields.refuse(name, expected);
    }
    patch.insert(name.into(), text.into());
}

/// `GET /api/v1/users/me/settings`
pub async fn read_settings(context: Context, caller: Caller) -> Result<Response> {
    Ok(json(StatusCode::OK, &view_settings(profiles::find(&context.platform, caller.user).await?)))
}

/// `PATCH /api/v1/users/me/settings`
pub async fn update_settings(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let mut patch = Map::new();
    checked(&mut fields, &mut patch, "theme", 16, "Must be `system`, `light` or `dark`.", |text| {
        THEMES.contains(&text)
    });
    checked(&mut fields, &mut patch, "language", 35, LANGUAGE, profile::is_language);
    let one_line = |text: &str| !text.chars().any(char::is_control);
    checked(&mut fields, &mut patch, "default_model", models::MAX_NAME, "Must be the name of a model.", one_line);
    if fields.has("preferences") {
        let preferences = fields.maybe_object("preferences").map_or(Value::Null, Value::Object);
        if has_control_in_names(&preferences) {
            fields.refuse("preferences", "The names in it must have no control characters.");
        }
        patch.insert("preferences".into(), preferences);
    }
    let patch = fields.finish(patch)?;
    let profile = profiles::update_settings(&context.platform, caller.user, &patch).await?;
    Ok(json(StatusCode::OK, &view_settings(profile)))
}

/// Whether a name in a value has a control character, at any depth. SQLite's `json_patch` takes a name that begins with U+0000 for
/// an empty one.
fn has_control_in_names(value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            object.iter().any(|(name, value)| name.chars().any(char::is_control) || has_control_in_names(value))
        }
        Value::Array(values) => values.iter().any(has_control_in_names),
        _ => false,
    }
}

/// `DELETE /api/v1/users/me`
pub async fn delete(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, true).await?);
    let mode = fields.maybe_text("mode", 1..=16).unwrap_or_else(|| SCHEDULED.into());
    if ![SCHEDULED, IMMEDIATE].contains(&mode.as_str()) {
        fields.refuse("mode", "Must be `scheduled` or `immediate`.");
    }
    let immediate = fields.finish(mode == IMMEDIATE)?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    let deletion = if immediate {
        deletion::leave(platform, config, &caller, &device).await?
    } else {
        deletion::schedule(platform, config, &caller, &device).await?
    };
    erasure::begin(platform, config);
    let accepted = wire::users::Deletion {
        mode: if immediate { IMMEDIATE } else { SCHEDULED },
        deletion_requested_at: deletion.requested_at.to_string(),
        deletion_scheduled_at: deletion.scheduled_at.to_string(),
    };
    Ok(json(StatusCode::ACCEPTED, &accepted))
}

const SCHEDULED: &str = "scheduled";
const IMMEDIATE: &str = "immediate";

/// `POST /api/v1/users/me/deletion/cancel`
pub async fn cancel_deletion(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    body::none(&context, &headers, body).await?;
    let profile = deletion::cancel(&context.platform, caller.user, &device::of(&context, &headers)).await?;
    erasure::begin(&context.platform, &context.config);
    Ok(json(StatusCode::OK, &view(profile)))
}

/// A profile as it goes over the wire.
pub fn view(profile: Profile) -> wire::users::Profile {
    let details = profile.details;
    let time = |time: domain::Timestamp| time.to_string();
    wire::users::Profile {
        id: profile.number,
        user_id: profile.id.to_string(),
        email: profile.email,
        email_verified: profile.email_verified_at.is_some(),
        role: profile.role.as_str(),
        username: profile.username,
        display_name: details.display_name,
        first_name: details.first_name,
        last_name: details.last_name,
        avatar_url: details.avatar_url,
        bio: details.bio,
        date_of_birth: details.date_of_birth,
        profession: details.profession,
        heard_from: details.heard_from,
        locale: details.locale,
        time_zone: details.time_zone,
        created_at: time(profile.created_at),
        updated_at: time(profile.updated_at),
        deletion_requested_at: profile.deletion_requested_at.map(time),
        deletion_scheduled_at: profile.deletion_scheduled_at.map(time),
    }
}

/// The settings of a profile as they go over the wire.
pub fn view_settings(profile: Profile) -> wire::users::Settings {
    let settings = profile.settings;
    wire::users::Settings {
        theme: settings.theme,
        language: settings.language,
        default_model: settings.default_model,
        preferences: settings.preferences,
        updated_at: profile.updated_at.to_string(),
    }
}
