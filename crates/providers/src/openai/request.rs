//! The request's JSON. Only what the canonical request has is written.

use domain::chat::{ChatRequest, Role};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Body<'a> {
    /// The limit of tokens is sent as `max_tokens`, the name that every copy of the protocol knows. OpenAI itself has
    /// deprecated it, and its reasoning models refuse it: they get `max_completion_tokens`.
    pub(super) fn new(chat: &'a ChatRequest, base_url: &str) -> Self {
        let newer = base_url.starts_with("https://api.openai.com/");
        Self {
            model: &chat.model,
            messages: chat.turns.iter().map(|turn| Message { role: role(turn.role), content: &turn.content }).collect(),
            stream: chat.stream,
            stream_options: chat.stream.then_some(StreamOptions { include_usage: true }),
            max_tokens: chat.max_tokens.filter(|_| !newer),
            max_completion_tokens: chat.max_tokens.filter(|_| newer),
            temperature: chat.temperature,
        }
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
