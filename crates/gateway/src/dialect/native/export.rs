//! `GET /api/v1/users/me/export`: everything about the caller, as JSON Lines. The last line counts the others, so that a file
//! that broke off can be told from a whole one.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::UserId;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::{
    api_keys, conversations, identities, messages, second_factors, users,
    wire::export::{Charge, Counts, End, Event, Header, Line, Message, Profile, Run, Session, TrustedDevice},
};
use crate::{
    error::{Error, Result},
    http::{
        context::{Caller, Context},
        device,
    },
    service::export::{self, ChargeRecord, EventRecord, Export, Item, RunRecord, SessionRecord},
};

/// The version of the lines. A new field is no new version; a field that goes or means something else is.
const VERSION: u32 = 1;

/// `GET /api/v1/users/me/export`
pub async fn read(context: Context, caller: Caller, headers: HeaderMap) -> Result<Response> {
    let export = export::begin(&context.platform, &context.config, &caller, &device::of(&context, &headers)).await?;
    let head = line(&Line::Header(header(caller.user, &export)));
    let state = Some((export, Counts::default()));
    let rest = stream::unfold(state, async |state| {
        let (mut export, mut counts) = state?;
        let (bytes, state) = match page(&mut export, &mut counts).await {
            Ok(Some(bytes)) => (Ok(Bytes::from(bytes)), Some((export, counts))),
            Ok(None) => (Ok(Bytes::from(line(&Line::End(End { counts })))), None),
            // The connection breaks off, and the last line is missing.
            Err(error) => (Err(std::io::Error::other(error.to_string())), None),
        };
        Some((bytes, state))
    });
    let first = stream::once(async { Ok(Bytes::from(head)) });
    let mut response = Response::new(Body::from_stream(futures_util::StreamExt::chain(first, rest)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let name = HeaderValue::from_static("attachment; filename=\"littoral-export.jsonl\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The next lines, at least one; `None` at the end.
async fn page(export: &mut Export, counts: &mut Counts) -> Result<Option<Vec<u8>>, Error> {
    while let Some(items) = export.read().await? {
        if items.is_empty() {
            continue;
        }
        let mut bytes = Vec::new();
        for item in items {
            bytes.extend_from_slice(&line(&view(item, counts)));
        }
        return Ok(Some(bytes));
    }
    Ok(None)
}

fn header(user: UserId, export: &Export) -> Header {
    let exported_at = export.now().to_string();
    Header { format: "littoral-export", version: VERSION, user_id: user.to_string(), exported_at }
}

fn line(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn view(item: Item, counts: &mut Counts) -> Line {
    match item {
        Item::Profile(profile) => {
            counts.profile += 1;
            let settings = users::view_settings((*profile).clone());
            Line::Profile(Box::new(Profile { profile: users::view(*profile), settings }))
        }
        Item::Identity(identity) => {
            counts.identity += 1;
            Line::Identity(identities::view(identity))
        }
        Item::ApiKey(key) => {
            counts.api_key += 1;
            Line::ApiKey(api_keys::view(key))
        }
        Item::Factor(factor) => {
            counts.factor += 1;
            Line::Factor(second_factors::factor(factor))
        }
        Item::TrustedDevice(device) => {
            counts.trusted_device += 1;
            Line::TrustedDevice(TrustedDevice {
                id: device.id.to_string(),
                device: device.device,
                created_at: device.created_at.to_string(),
                last_used_at: device.last_used_at.to_string(),
                expires_at: device.expires_at.to_string(),
            })
        }
        Item::Session(session) => {
            counts.session += 1;
            Line::Session(view_session(session))
        }
        Item::Event(event) => {
            counts.event += 1;
            Line::Event(view_event(event))
        }
        Item::Conversation(conversation) => {
            counts.conversation += 1;
            Line::Conversation(conversations::view(&conversation))
        }
        Item::Message(conversation, message) => {
            counts.message += 1;
            Line::Message(Message { conversation_id: conversation.to_string(), message: messages::view(&message) })
        }
        Item::Run(run) => {
            counts.run += 1;
            Line::Run(view_run(run))
        }
        Item::Charge(charge) => {
            counts.charge += 1;
            Line::Charge(view_charge(charge))
        }
    }
}

fn view_session(session: SessionRecord) -> Session {
    Session {
        id: session.id.to_string(),
        device_name: session.device_name,
        platform: session.platform,
        user_agent: session.user_agent,
        address: session.address,
        country: session.country,
        created_at: session.created_at.to_string(),
        last_used_at: session.last_used_at.to_string(),
        expires_at: session.expires_at.to_string(),
        ended_at: session.ended_at.map(|time| time.to_string()),
        ended_reason: session.ended_reason,
    }
}

fn view_event(event: EventRecord) -> Event {
    Event {
        id: event.id.to_string(),
        action: event.action,
        outcome: if event.succeeded { "success" } else { "failure" },
        detail: event.detail,
        session_id: event.session.map(|id| id.to_string()),
        device: event.device,
        address: event.address,
        country: event.country,
        created_at: event.created_at.to_string(),
    }
}

fn view_run(run: RunRecord) -> Run {
    Run {
        id: run.id.to_string(),
        conversation_id: run.conversation,
        user_message_id: run.user_message,
        message_id: run.message,
        model: run.model,
        status: run.status,
        error_code: run.error_code,
        usage: run.usage.and_then(|usage| serde_json::from_str::<Value>(&usage).ok()),
        text: run.text,
        created_at: run.created_at.to_string(),
        ended_at: run.ended_at.to_string(),
    }
}

fn view_charge(charge: ChargeRecord) -> Charge {
    let [input, cache_read, cache_write, output, reasoning] = charge.tokens;
    Charge {
        run_id: charge.run,
        model: charge.model,
        input_tokens: input,
        cache_read_tokens: cache_read,
        cache_write_tokens: cache_write,
        output_tokens: output,
        reasoning_tokens: reasoning,
        cost_nano_usd: charge.cost,
        estimated: charge.estimated,
        created_at: charge.created_at.to_string(),
        settled_at: charge.settled_at.to_string(),
    }
}

#[cfg(test)]
mod tests;
