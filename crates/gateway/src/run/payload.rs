//! Payloads of a run's events: what the log holds and what every dialect is made from.

use std::{sync::Arc, time::Duration};

use domain::{
    chat::{self, ChatEvent, Usage},
    run::{Event, EventKind, RunStatus},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a run failed, as its `error` event has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// A stable machine-readable word.
    pub code: String,
    /// A sentence for people, without a word of the provider's.
    pub detail: String,
    /// The HTTP status that it would have been.
    pub status: u16,
    /// The request that began the run, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When to try again, in milliseconds, if the provider said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    /// A fault of a known kind.
    pub fn new(status: u16, code: &str, detail: &str) -> Self {
        Self { code: code.to_owned(), detail: detail.to_owned(), status, request_id: None, retry_after_ms: None }
    }

    /// The same, with the provider's word on when to try again.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

/// The `end` event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The final status.
    pub status: String,
    /// Why the model finished (`stop`, `length`, `tool_calls`, `content_filter`), if it did.
    pub finish_reason: Option<String>,
    /// Characters (Unicode scalar values) of the reply that is kept. A reader that has more cuts its own to this.
    pub text_length: u64,
}

impl End {
    /// The end of a reply.
    pub fn new(status: RunStatus, finish_reason: Option<&str>, text: &str) -> Self {
        Self {
            status: status.as_str().to_owned(),
            finish_reason: finish_reason.map(str::to_owned),
            text_length: text.chars().count() as u64,
        }
    }
}

/// The event that a piece of output becomes; `None` for what is no output.
pub fn of_output(event: &ChatEvent) -> Option<(EventKind, Arc<str>)> {
    Some(match event {
        ChatEvent::Text(text) => (EventKind::Delta, of_text(text)),
        ChatEvent::Reasoning(text) => (EventKind::Reasoning, of_text(text)),
        ChatEvent::ToolCall { index, id, name, arguments } => {
            let call = json!({ "index": index, "id": id, "name": name, "arguments": arguments });
            (EventKind::Tool, call.to_string().into())
        }
        ChatEvent::Started { .. } | ChatEvent::Usage(_) | ChatEvent::Finished(_) => return None,
    })
}

/// `{"text":"…"}`.
pub fn of_text(text: &str) -> Arc<str> {
    #[derive(Serialize)]
    struct Text<'a> {
        text: &'a str,
    }
    serde_json::to_string(&Text { text }).unwrap_or_default().into()
}

/// Tokens in disjoint buckets.
pub fn of_usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "output_tokens": usage.output,
        "reasoning_tokens": usage.reasoning,
    })
}

/// The visible text of an event; empty unless it is a `delta`.
pub fn text_of(event: &Event) -> String {
    text_if(event, EventKind::Delta)
}

/// The reasoning of an event; empty unless it is a `reasoning`.
pub fn reasoning_of(event: &Event) -> String {
    text_if(event, EventKind::Reasoning)
}

fn text_if(event: &Event, kind: EventKind) -> String {
    #[derive(Deserialize)]
    struct Text {
        text: String,
    }
    let text = (event.kind == kind).then(|| serde_json::from_str::<Text>(&event.data).ok()).flatten();
    // A log that an earlier version wrote may hold U+0000.
    text.map(|text| chat::without_nul(text.text)).unwrap_or_default()
}

/// The visible text of a log.
pub fn join(events: &[Event]) -> String {
    events.iter().map(text_of).collect()
}
