//! `/api/v1/runs`: reading, resuming, stopping and deleting.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::{
    RunId,
    run::{RunKey, StopPoint},
};
use http::{HeaderMap, StatusCode, Uri};

use super::wire::{self, json, no_content};
use crate::{
    error::{Error, Result},
    http::{
        body,
        context::{Caller, Context},
        fields::Fields,
        query::Query,
        sse,
    },
    service::{limits, runs},
};

/// `GET /api/v1/runs/{id}`
pub async fn read(context: Context, caller: Caller, path: Result<Path<String>, PathRejection>) -> Result<Response> {
    limits::take_read(&context.platform, &context.config, caller.user).await?;
    let (run, cost) = runs::find(&context.platform, RunKey { user: caller.user, run: id(path)? }).await?;
    let view = wire::Run {
        id: run.id.to_string(),
        status: run.status.as_str(),
        model: run.model,
        conversation_id: run.conversation.map(|id| id.to_string()),
        user_message_id: run.user_message.map(|id| id.to_string()),
        message_id: run.message.map(|id| id.to_string()),
        last_seq: run.last_seq,
        error_code: run.error_code,
        usage: run.usage.and_then(|usage| serde_json::from_str(&usage).ok()),
        text: run.text,
        cost_nano_usd: cost.map(|cost| cost.amount.get()),
        cost_estimated: cost.map(|cost| cost.estimated),
        created_at: run.created_at.to_string(),
        ended_at: run.ended_at.map(|time| time.to_string()),
    };
    Ok(json(StatusCode::OK, &view))
}

/// `DELETE /api/v1/runs/{id}`
pub async fn delete(context: Context, caller: Caller, path: Result<Path<String>, PathRejection>) -> Result<Response> {
    runs::delete(&context.platform, RunKey { user: caller.user, run: id(path)? }).await?;
    Ok(no_content())
}

/// `GET /api/v1/runs/{id}/stream`, resuming after `Last-Event-ID` or `?after=`.
pub async fn stream(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response> {
    let run = id(path)?;
    let (query, header) = (Query::of(&uri), headers.get("last-event-id"));
    let after = match (query.text("after"), header) {
        (Some(text), _) => sse::parse_cursor(run, text.trim())
            .ok_or_else(|| Error::field("?after", "Must be the number of the last event seen, or its id."))?,
        (None, Some(value)) => value
            .to_str()
            .ok()
            .and_then(|text| sse::parse_cursor(run, text.trim()))
            .ok_or_else(|| Error::field("last-event-id:", "Must be the id of the last event seen."))?,
        (None, None) => 0,
    };
    limits::take_read(&context.platform, &context.config, caller.user).await?;
    let events = runs::follow(&context.platform, caller.user, run, after).await?;
    Ok(sse::response(context.platform.clone(), run, &[], events, context.config.heartbeat))
}

/// `POST /api/v1/runs/{id}/stop`
pub async fn stop(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, true).await?);
    let seen = fields.maybe_integer("seen", 0..=1 << 53);
    let length = fields.maybe_integer("seen_length", 0..=1 << 53);
    if seen.is_some() && length.is_some() {
        fields.refuse("seen_length", "Give `seen` or `seen_length`, not both.");
    }
    let point = match (seen, length) {
        (Some(seq), _) => StopPoint::Seq(seq),
        (None, Some(length)) => StopPoint::Length(length),
        (None, None) => StopPoint::Now,
    };
    let point = fields.finish(point)?;
    runs::stop(&context.platform, caller.user, id(path)?, point).await?;
    Ok(no_content())
}

fn id(path: Result<Path<String>, PathRejection>) -> Result<RunId> {
    let text = path.map(|Path(text)| text).unwrap_or_default();
    RunId::parse(&text).ok_or_else(|| Error::not_found("Run"))
}
