//! `/api/v1/admin`: accounts and security events, for admins.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::{
    EventId, UserId,
    account::{Email, Standing},
    permission::Role,
};
use http::{HeaderMap, StatusCode, Uri};

use super::{
    auth::maybe_new_password,
    wire::{
        admin::{self as wire, Ended, Event, Events},
        json, no_content,
    },
};
use crate::{
    error::{Error, Result},
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
        query::{self, Query},
    },
    service::{
        admin::{self, Account, Actor, Change, NewAccount, Search},
        audit::{self, AuditEvent},
        erasure, password_changes,
    },
};

/// The longest text that is searched for, in bytes.
pub const MAX_SEARCH: usize = Email::MAX_BYTES;
/// The longest name of an action, in bytes.
pub const MAX_ACTION: usize = 64;

/// `GET /api/v1/admin/users`
pub async fn list(context: Context, _: Caller, uri: Uri) -> Result<Response> {
    let query = Query::of(&uri);
    let search = Search {
        text: text(&query, "query", MAX_SEARCH)?.map(str::to_lowercase),
        role: word(&query, "role", Role::parse, "`admin`, `user` or `guest`")?,
        standing: word(&query, "standing", Standing::parse, "`active`, `suspended` or `deleted`")?,
        before: query.cursor()?.map(|(number, _)| number),
        limit: query.clamped("limit", 50, 1, 100)?,
    };
    let (found, has_more) = admin::list(&context.platform, &search).await?;
    let next_cursor = found.last().filter(|_| has_more).map(|last| query::cursor(last.number, ""));
    Ok(json(StatusCode::OK, &wire::Accounts { users: found.into_iter().map(view).collect(), has_more, next_cursor }))
}

/// `POST /api/v1/admin/users`
pub async fn create(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = fields.text("email", 1..=Email::MAX_BYTES);
    let parsed = Email::parse(&email);
    if parsed.is_none() && !email.is_empty() {
        fields.refuse("email", "Must be an e-mail address.");
    }
    let password = maybe_new_password(&context, &mut fields, "password", Some(&email));
    let role = role(&mut fields).unwrap_or(Role::User);
    let email_verified = fields.maybe_bool("email_verified").unwrap_or(false);
    // Without an address there is at least one entry, so that `finish` fails.
    let Some(email) = fields.finish(parsed)? else {
        return Err(Error::field("/email", "This field is required."));
    };
    let is_theirs_to_choose = password.is_none();
    let account = NewAccount { email: &email, password, role, email_verified };
    let (platform, config) = (&context.platform, &context.config);
    let device = device::of(&context, &headers);
    let made = admin::create(platform, config, Actor::Admin(&caller), account, &device).await?;
    if is_theirs_to_choose {
        password_changes::forget(platform, config, email);
    }
    Ok(json(StatusCode::CREATED, &view(made)))
}

/// `GET /api/v1/admin/users/{id}`
pub async fn read(context: Context, _: Caller, path: Result<Path<String>, PathRejection>) -> Result<Response> {
    Ok(json(StatusCode::OK, &view(admin::find(&context.platform, id(path)?).await?)))
}

/// `PATCH /api/v1/admin/users/{id}`
pub async fn change(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let standing = fields.maybe_text("standing", 1..=16);
    let parsed = standing.as_deref().and_then(Standing::parse).filter(|standing| *standing != Standing::Deleted);
    if standing.is_some_and(|word| !word.is_empty()) && parsed.is_none() {
        fields.refuse("standing", "Must be `active` or `suspended`.");
    }
    let verified = fields.maybe_bool("email_verified");
    if verified == Some(false) {
        fields.refuse("email_verified", "Must be true: what was proved stays so.");
    }
    let wish = Change {
        role: role(&mut fields),
        standing: parsed,
        must_change_password: fields.maybe_bool("must_change_password"),
        verify_email: verified == Some(true),
    };
    let (wish, id) = (fields.finish(wish)?, id(path)?);
    let device = device::of(&context, &headers);
    let changed = admin::change(&context.platform, &context.config, Actor::Admin(&caller), id, wish, &device).await?;
    Ok(json(StatusCode::OK, &view(changed)))
}

/// `DELETE /api/v1/admin/users/{id}`
pub async fn delete(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let device = device::of(&context, &headers);
    admin::delete(&context.platform, &context.config, Actor::Admin(&caller), id(path)?, &device).await?;
    erasure::begin(&context.platform, &context.config);
    Ok(no_content())
}

/// `DELETE /api/v1/admin/users/{id}/sessions`
pub async fn end_sessions(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let device = device::of(&context, &headers);
    let actor = Actor::Admin(&caller);
    let ended = admin::end_sessions(&context.platform, &context.config, actor, id(path)?, &device).await?;
    Ok(json(StatusCode::OK, &Ended { ended }))
}

/// `DELETE /api/v1/admin/users/{id}/api-keys`
pub async fn revoke_keys(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let device = device::of(&context, &headers);
    let ended = admin::revoke_keys(&context.platform, Actor::Admin(&caller), id(path)?, &device).await?;
    Ok(json(StatusCode::OK, &Ended { ended }))
}

/// `DELETE /api/v1/admin/users/{id}/factors`
pub async fn remove_factors(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let device = device::of(&context, &headers);
    let actor = Actor::Admin(&caller);
    let ended = admin::remove_factors(&context.platform, &context.config, actor, id(path)?, &device).await?;
    Ok(json(StatusCode::OK, &Ended { ended }))
}

/// `GET /api/v1/admin/audit`
pub async fn audit(context: Context, _: Caller, uri: Uri) -> Result<Response> {
    let query = Query::of(&uri);
    let user = word(&query, "user", UserId::parse, "a user's id")?;
    let action = text(&query, "action", MAX_ACTION)?;
    let limit = query.clamped("limit", 50, 1, 100)?;
    let before = query.cursor()?.and_then(|(_, id)| EventId::parse(&id));
    let (platform, config) = (&*context.platform, &*context.config);
    let (found, has_more) = match action {
        Some(action) => audit::page_of(platform, config, action, user, before, limit).await?,
        None => audit::page(platform, config, user, before, limit).await?,
    };
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| query::cursor(last.created_at.millis(), &last.id.to_string()));
    Ok(json(StatusCode::OK, &Events { events: found.into_iter().map(event).collect(), has_more, next_cursor }))
}

/// The account that a path names. What is no id names none.
fn id(path: Result<Path<String>, PathRejection>) -> Result<UserId> {
    UserId::parse(&path.map(|Path(text)| text).unwrap_or_default()).ok_or_else(admin::missing)
}

/// A role that can be given.
fn role(fields: &mut Fields) -> Option<Role> {
    let word = fields.maybe_text("role", 1..=16).filter(|word| !word.is_empty())?;
    let role = Role::parse(&word).filter(|role| *role != Role::Guest);
    if role.is_none() {
        fields.refuse("role", "Must be `admin` or `user`.");
    }
    role
}

/// A parameter of at most so many bytes.
fn text<'a>(query: &'a Query, name: &str, most: usize) -> Result<Option<&'a str>> {
    match query.text(name) {
        Some(text) if text.len() > most || text.contains('\0') => {
            Err(Error::field(format!("?{name}"), format!("Must have at most {most} bytes, and no NUL.")))
        }
        text => Ok(text),
    }
}

/// A parameter that is one of some words.
fn word<T>(query: &Query, name: &str, parse: fn(&str) -> Option<T>, expected: &str) -> Result<Option<T>> {
    let parsed = |text| parse(text).ok_or_else(|| Error::field(format!("?{name}"), format!("Must be {expected}.")));
    query.text(name).map(parsed).transpose()
}

fn view(account: Account) -> wire::Account {
    wire::Account {
        id: account.number,
        user_id: account.id.to_string(),
        email: account.email,
        email_verified: account.email_verified_at.is_some(),
        role: account.role.as_str(),
        standing: account.standing.as_str(),
        has_password: account.has_password,
        must_change_password: account.must_change_password,
        sessions: account.sessions,
        api_keys: account.api_keys,
        identities: account.identities,
        created_at: account.created_at.to_string(),
        last_sign_in_at: account.last_sign_in_at.map(|time| time.to_string()),
        last_seen_at: account.last_seen_at.map(|time| time.to_string()),
    }
}

fn event(event: AuditEvent) -> Event {
    Event {
        id: event.id.to_string(),
        user_id: event.user.map(|user| user.to_string()),
        actor_id: event.actor.map(|user| user.to_string()),
        action: event.action,
        outcome: if event.succeeded { "success" } else { "failure" },
        detail: event.detail,
        session_id: event.session.map(|session| session.to_string()),
        device: event.device,
        address: event.address,
        country: event.country,
        created_at: event.created_at.to_string(),
    }
}
