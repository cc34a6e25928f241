//! `/api/v1/chat/conversations/{id}/messages`: as seed 004 has it, with streams, a tree and cursors.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::{
    ConversationId, MessageId,
    run::{DisconnectPolicy, RunKey},
};
use http::{HeaderMap, StatusCode, Uri};

use super::{
    conversations::id,
    options::{self, Options},
    wire::{self, json},
};
use crate::{
    error::{Error, ErrorKind, Result},
    http::{
        body,
        context::{Caller, Context},
        fields::Fields,
        query::{self, Query},
        sse,
    },
    service::{
        conversations::missing,
        limits, messages,
        messages::{History, MAX_CONTENT, Parent, Question, Sent},
        models, runs,
    },
};

/// `POST /api/v1/chat/conversations/{id}/messages`
pub async fn send(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let object = body::object(&context, &headers, body, false).await?;
    let conversation = id(path)?;
    let fingerprint = options::fingerprint(&format!("messages {conversation}"), &object);
    let idempotency_key = options::idempotency_key(&headers)?;
    let mut fields = Fields::new(object);
    let content = fields.prose("content", 1..=MAX_CONTENT);
    let parent = read_parent(&mut fields);
    let options = Options::read(&mut fields, &headers);
    let options = fields.finish(options)?;
    let question = Question::New { content, parent };
    reply(&context, caller, conversation, question, options, idempotency_key, fingerprint).await
}

/// `POST /api/v1/chat/conversations/{id}/messages/{message_id}/regenerate`
pub async fn regenerate(
    context: Context,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let object = body::object(&context, &headers, body, true).await?;
    let (conversation, message) = path.map(|Path(ids)| ids).unwrap_or_default();
    let fingerprint = options::fingerprint(&format!("regenerate {conversation} {message}"), &object);
    let idempotency_key = options::idempotency_key(&headers)?;
    let mut fields = Fields::new(object);
    let options = Options::read(&mut fields, &headers);
    let options = fields.finish(options)?;
    let conversation = ConversationId::parse(&conversation).ok_or_else(missing)?;
    let message = MessageId::parse(&message).ok_or_else(|| Error::not_found("Message"))?;
    reply(&context, caller, conversation, Question::Again(message), options, idempotency_key, fingerprint).await
}

/// Has a question answered, or finds the answer of an earlier request that was the same.
async fn reply(
    context: &Context,
    caller: Caller,
    conversation: ConversationId,
    question: Question,
    options: Options,
    idempotency_key: Option<String>,
    fingerprint: String,
) -> Result<Response> {
    let (platform, config) = (&context.platform, &context.config);
    let earlier = match &idempotency_key {
        Some(key) => messages::attach_earlier(platform, caller.user, key, &fingerprint).await?,
        None => None,
    };
    let sent = if let Some(sent) = earlier {
        limits::take_read(platform, config, caller.user).await?;
        sent
    } else {
        limits::take_message(platform, config, &caller).await?;
        let send = messages::Send {
            conversation,
            question,
            model: models::resolve(platform, config, caller.user, options.model.as_deref()).await?,
            max_tokens: options.max_tokens,
            temperature: options.temperature,
            request_id: context.request_id.to_string(),
            policy: options.policy.unwrap_or(DisconnectPolicy::Finish),
            idempotency_key,
            fingerprint,
        };
        messages::send(platform, config, caller.user, send).await?
    };
    let answer =
        async { if options.stream { stream(context, caller, sent).await } else { whole(context, caller, sent).await } };
    context.presence.during(answer).await
}

/// `parent_id`: without it the newest message, null for the root.
fn read_parent(fields: &mut Fields) -> Parent {
    let given = fields.has("parent_id");
    let Some(text) = fields.maybe_text("parent_id", 1..=36) else {
        return if given { Parent::Root } else { Parent::Newest };
    };
    MessageId::parse(&text).map_or_else(
        || {
            fields.refuse("parent_id", "Must be the id of a message of this conversation.");
            Parent::Newest
        },
        Parent::Message,
    )
}

async fn stream(context: &Context, caller: Caller, sent: Sent) -> Result<Response> {
    let (platform, config) = (&context.platform, &context.config);
    let key = RunKey { user: caller.user, run: sent.run };
    let held = runs::hold_stored(platform, key, sent.events, config.hold).await;
    let (first, events) = held.map_err(not_theirs)?;
    Ok(sse::response(platform.clone(), sent.run, &first, events, config.heartbeat))
}

async fn whole(context: &Context, caller: Caller, sent: Sent) -> Result<Response> {
    let Sent { run, user_message, message, events } = sent;
    let key = RunKey { user: caller.user, run };
    let reply = runs::collect_stored(&context.platform, key, events).await.map_err(not_theirs)?;
    let (user_message, model_message) = messages::pair(&context.platform, caller.user, user_message, message).await?;
    let exchange = wire::Exchange {
        user_message: view(&user_message),
        model_message: view(&model_message),
        run_id: run.to_string(),
        usage: reply.usage,
    };
    Ok(json(StatusCode::OK, &exchange))
}

/// A run that is gone went with its conversation.
fn not_theirs(error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { missing() } else { error }
}

/// `GET /api/v1/chat/conversations/{id}/messages`
pub async fn history(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response> {
    limits::take_read(&context.platform, &context.config, caller.user).await?;
    let query = Query::of(&uri);
    let newest_first = match query.text("order") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Error::field("?order", "Must be `asc` (oldest first) or `desc` (newest first).")),
    };
    let page = History {
        limit: query.clamped("limit", 50, 1, 100)?,
        skip: query.clamped("skip", 0, 0, 1 << 40)?,
        from: query.cursor()?.map(|(position, _)| position),
        newest_first,
    };
    let (found, has_more) = messages::history(&context.platform, caller.user, id(path)?, page).await?;
    let next_cursor = found.last().filter(|_| has_more).map(|last| query::cursor(last.position, ""));
    Ok(json(StatusCode::OK, &wire::Messages { messages: found.iter().map(view).collect(), has_more, next_cursor }))
}

/// A message as it goes over the wire.
pub fn view(message: &messages::Message) -> wire::Message {
    wire::Message {
        id: message.id.to_string(),
        parent_id: message.parent.map(|id| id.to_string()),
        role: message.role.clone(),
        content: message.content.clone(),
        status: message.status.clone(),
        model: message.model.clone(),
        run_id: message.run.map(|id| id.to_string()),
        created_at: message.created_at.to_string(),
    }
}
