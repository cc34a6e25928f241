//! `/api/v1/chat/conversations`: as seed 004 has it, with titles, cursors and renaming.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::ConversationId;
use http::{HeaderMap, StatusCode, Uri};

use super::wire::{self, json, no_content};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        fields::Fields,
        query::{self, Query},
    },
    service::{
        conversations::{self, Conversation, MAX_TITLE, Page},
        limits,
    },
};

/// `POST /api/v1/chat/conversations`
pub async fn create(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, true).await?);
    let title = fields.maybe_text("title", 1..=MAX_TITLE);
    let title = fields.finish(title)?;
    let conversation = conversations::create(&context.platform, caller.user, title).await?;
    Ok(json(StatusCode::CREATED, &view(&conversation)))
}

/// `GET /api/v1/chat/conversations`
pub async fn list(context: Context, caller: Caller, uri: Uri) -> Result<Response> {
    limits::take_read(&context.platform, &context.config, caller.user).await?;
    let query = Query::of(&uri);
    let page = Page {
        limit: query.clamped("limit", 20, 1, 100)?,
        skip: query.clamped("skip", 0, 0, 1 << 40)?,
        after: query.cursor()?,
    };
    let (found, has_more) = conversations::list(&context.platform, caller.user, page).await?;
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| query::cursor(last.updated_at.millis(), &last.id.to_string()));
    Ok(json(
        StatusCode::OK,
        &wire::Conversations { conversations: found.iter().map(view).collect(), has_more, next_cursor },
    ))
}

/// `GET /api/v1/chat/conversations/{id}`
pub async fn read(context: Context, caller: Caller, path: Result<Path<String>, PathRejection>) -> Result<Response> {
    let conversation = conversations::find(&context.platform, caller.user, id(path)?).await?;
    Ok(json(StatusCode::OK, &view(&conversation)))
}

/// `PATCH /api/v1/chat/conversations/{id}`
pub async fn rename(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let renames = fields.has("title");
    let title = fields.maybe_text("title", 1..=MAX_TITLE);
    let (title, id) = (fields.finish(title)?, id(path)?);
    let conversation = if renames {
        conversations::rename(&context.platform, caller.user, id, title).await?
    } else {
        conversations::find(&context.platform, caller.user, id).await?
    };
    Ok(json(StatusCode::OK, &view(&conversation)))
}

/// `DELETE /api/v1/chat/conversations/{id}`
pub async fn delete(context: Context, caller: Caller, path: Result<Path<String>, PathRejection>) -> Result<Response> {
    conversations::delete(&context.platform, caller.user, id(path)?).await?;
    Ok(no_content())
}

/// The conversation that a path names. What is no id names none.
pub fn id(path: Result<Path<String>, PathRejection>) -> Result<ConversationId> {
    let text = path.map(|Path(text)| text).unwrap_or_default();
    ConversationId::parse(&text).ok_or_else(conversations::missing)
}

/// A conversation as it goes over the wire.
pub fn view(conversation: &Conversation) -> wire::Conversation {
    wire::Conversation {
        id: conversation.id.to_string(),
        title: conversation.title.clone(),
        message_count: conversation.message_count,
        created_at: conversation.created_at.to_string(),
        updated_at: conversation.updated_at.to_string(),
    }
}
