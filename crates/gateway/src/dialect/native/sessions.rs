//! `/api/v1/auth/sessions`, `/events` and `/logout`: the devices that a user is signed in on, what happened to the account,
//! and the ways out.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::{EventId, SessionId, UserId, user_agent};
use http::{HeaderMap, StatusCode, Uri};

use super::wire::{json, no_content, sessions as wire};
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
        audit::{self, AuditEvent},
        sessions::{self, OpenSession, Scope},
    },
};

/// The longest word that is looked at, in characters.
const MAX_WORD: usize = 16;

/// `GET /api/v1/auth/sessions`
pub async fn list(context: Context, caller: Caller) -> Result<Response> {
    let open = sessions::list(&context.platform, caller.user).await?;
    let sessions = open.into_iter().map(|session| view(session, caller.session)).collect();
    Ok(json(StatusCode::OK, &wire::Sessions { sessions }))
}

/// `DELETE /api/v1/auth/sessions/{id}`
pub async fn end(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let text = path.map(|Path(text)| text).unwrap_or_default();
    let session = SessionId::parse(&text).ok_or_else(sessions::missing)?;
    let device = device::of(&context, &headers);
    sessions::end(&context.platform, &context.config, caller.user, session, &device).await?;
    Ok(no_content())
}

/// `POST /api/v1/auth/logout`. `GoTrue`'s clients send the scope in the query, others in the body.
pub async fn logout(context: Context, caller: Caller, uri: Uri, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, true).await?);
    let given = fields.maybe_text("scope", 1..=MAX_WORD);
    let scope = given.as_deref().map(Scope::parse);
    if scope == Some(None) {
        fields.refuse("scope", EXPECTED);
    }
    let scope = fields.finish(scope.flatten())?;
    let asked = Query::of(&uri).text("scope").map(|word| Scope::parse(word).ok_or(()));
    let asked = asked.transpose().map_err(|()| Error::field("?scope", EXPECTED))?;
    let (scope, session) = (scope.or(asked).unwrap_or_default(), caller.session()?);
    let device = device::of(&context, &headers);
    sessions::sign_out(&context.platform, &context.config, caller.user, session, scope, &device).await?;
    Ok(no_content())
}

const EXPECTED: &str = "Must be `local`, `global` or `others`.";

/// `GET /api/v1/auth/events`
pub async fn events(context: Context, caller: Caller, uri: Uri) -> Result<Response> {
    let query = Query::of(&uri);
    let (limit, before) = (query.clamped("limit", 20, 1, 100)?, event_cursor(&query)?);
    let (found, has_more) = audit::page(&context.platform, &context.config, Some(caller.user), before, limit).await?;
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| query::cursor(last.created_at.millis(), &last.id.to_string()));
    let events = found.into_iter().map(|found| event(found, caller.user)).collect();
    Ok(json(StatusCode::OK, &wire::Events { events, has_more, next_cursor }))
}

/// Where a page of events begins.
pub fn event_cursor(query: &Query) -> Result<Option<EventId>> {
    let event = |(_, id): (i64, String)| {
        EventId::parse(&id).ok_or_else(|| Error::field("?cursor", "Must be a `next_cursor` of an earlier page."))
    };
    query.cursor()?.map(event).transpose()
}

fn view(session: OpenSession, current: Option<SessionId>) -> wire::Session {
    let device = session.device;
    wire::Session {
        id: session.id.to_string(),
        current: current == Some(session.id),
        device_name: device.name,
        platform: device.platform,
        program: device.user_agent.as_deref().and_then(user_agent::program),
        address: device.address,
        country: device.country,
        created_at: session.created_at.to_string(),
        last_used_at: session.last_used_at.to_string(),
        idle_expires_at: session.idle_at.min(session.expires_at).to_string(),
        expires_at: session.expires_at.to_string(),
    }
}

/// What somebody who runs the service did shows neither who nor from where.
fn event(event: AuditEvent, user: UserId) -> wire::Event {
    let by_operator = event.actor.is_some_and(|actor| actor != user);
    let own = |text: Option<String>| text.filter(|_| !by_operator);
    wire::Event {
        id: event.id.to_string(),
        action: event.action,
        outcome: if event.succeeded { "success" } else { "failure" },
        detail: event.detail,
        by_operator,
        session_id: event.session.map(|session| session.to_string()),
        device: own(event.device),
        address: own(event.address),
        country: own(event.country),
        created_at: event.created_at.to_string(),
    }
}
