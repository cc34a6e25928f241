//! `/api/v1/auth/api-keys`: personal API keys, managed by who has signed in.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::{
    ApiKeyId,
    permission::{Permission, Permissions},
};
use http::{HeaderMap, StatusCode};

use super::wire::{
    self,
    api_keys::{ApiKeys, CreatedApiKey},
    json, no_content,
};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
    },
    service::api_keys::{self, ApiKey, DEFAULT_SCOPES, MAX_DAYS, MAX_NAME, Wish},
};

const DAY: Duration = Duration::from_hours(24);

/// `POST /api/v1/auth/api-keys`
pub async fn create(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let name = fields.text("name", 1..=MAX_NAME);
    let scopes = fields.maybe_words("scopes", Permission::of_keys().count());
    let days = fields.maybe_integer("expires_in_days", 1..=MAX_DAYS);
    let scopes = scopes.map_or(DEFAULT_SCOPES, |words| read_scopes(&mut fields, &words, api_keys::grantable(&caller)));
    let life = days.and_then(|days| u32::try_from(days).ok()).map(|days| DAY * days);
    let wish = fields.finish(Wish { name, scopes, life })?;
    let device = device::of(&context, &headers);
    let (made, key) = api_keys::create(&context.platform, &context.config, &caller, wish, &device).await?;
    let created = CreatedApiKey { key: key.expose().clone(), about: view(made) };
    Ok(json(StatusCode::CREATED, &created))
}

/// `GET /api/v1/auth/api-keys`
pub async fn list(context: Context, caller: Caller) -> Result<Response> {
    let found = api_keys::list(&context.platform, &caller).await?;
    Ok(json(StatusCode::OK, &ApiKeys { api_keys: found.into_iter().map(view).collect() }))
}

/// `DELETE /api/v1/auth/api-keys/{id}`
pub async fn revoke(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let text = path.map(|Path(text)| text).unwrap_or_default();
    let id = ApiKeyId::parse(&text).ok_or_else(api_keys::missing)?;
    let device = device::of(&context, &headers);
    api_keys::revoke(&context.platform, &caller, id, &device).await?;
    Ok(no_content())
}

/// The scopes that words name. What is none, or more than can be given, is refused; so is a key that may do nothing.
fn read_scopes(fields: &mut Fields, words: &[String], grantable: Permissions) -> Permissions {
    let read: Option<Vec<Permission>> = words.iter().map(|word| Permission::parse(word)).collect();
    let scopes = read.filter(|list| !list.is_empty() && list.iter().all(|one| grantable.allow(*one)));
    scopes.map_or_else(
        || {
            let known = grantable.scope().replace(' ', "`, `");
            fields.refuse("scopes", format!("Must name one or more of the scopes that your keys can have: `{known}`."));
            Permissions::default()
        },
        |list| Permissions::of(&list),
    )
}

/// A key as it goes over the wire.
pub fn view(key: ApiKey) -> wire::api_keys::ApiKey {
    wire::api_keys::ApiKey {
        id: key.id.to_string(),
        name: key.name,
        prefix: key.prefix,
        scopes: Permission::ALL.into_iter().filter(|one| key.scopes.allow(*one)).map(Permission::as_str).collect(),
        created_at: key.created_at.to_string(),
        expires_at: key.expires_at.map(|time| time.to_string()),
        last_used_at: key.last_used_at.map(|time| time.to_string()),
    }
}
