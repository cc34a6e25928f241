//! The built-in model: it needs no provider, says what it is, and repeats what it is told. Its answers take the same way as a
//! provider's: bytes of OpenAI's protocol, read by the same decoder.

use std::time::Duration;

use bytes::Bytes;
use domain::chat::{ChatRequest, Finish, Role, estimate_tokens};
use http::response;
use serde_json::{Value, json};

use crate::{Decoder, Exchange, Provider, ProviderError, ProviderErrorKind, openai::ChatDecoder};

/// The name of the model and of its provider.
pub const NAME: &str = "littoral-offline";

/// How much of the last user turn is repeated, in characters (Unicode scalar values).
const MAX_ECHO_CHARS: usize = 2_000;

/// The built-in model. Deterministic: the same request has the same reply. A word and the space behind it count as one token
/// of output, the input is estimated.
#[derive(Clone, Copy, Debug)]
pub struct Offline {
    /// The time between two words.
    pub pause: Duration,
}

impl Provider for Offline {
    fn name(&self) -> &'static str {
        NAME
    }

    fn exchange(&self, request: &ChatRequest) -> Result<Exchange, ProviderError> {
        let reply = Reply::to(request);
        let frames = if request.stream { reply.frames() } else { vec![reply.body()] };
        Ok(Exchange::Local { frames, pause: self.pause })
    }

    fn decoder(&self, _head: &response::Parts, _stream: bool) -> Result<Box<dyn Decoder>, ProviderError> {
        Ok(Box::new(ChatDecoder::new(None)))
    }

    /// There is nobody to refuse; whoever asks has an answer that was not made here.
    fn refusal(&self, head: &response::Parts, _body: &[u8]) -> ProviderError {
        ProviderError { status: Some(head.status.as_u16()), ..ProviderError::new(ProviderErrorKind::Malformed) }
    }
}

struct Reply {
    words: Vec<String>,
    finish: Finish,
    usage: Value,
}

impl Reply {
    fn to(request: &ChatRequest) -> Self {
        let asked = request.turns.iter().rev().find(|turn| turn.role == Role::User).map_or("", |turn| &turn.content);
        let mut text = "I am Littoral's built-in offline model. No provider answers you, I only repeat: ".to_owned();
        text.extend(asked.trim().chars().take(MAX_ECHO_CHARS));
        if asked.trim().chars().nth(MAX_ECHO_CHARS).is_some() {
            text.push_str(" …");
        }
        let mut words: Vec<_> = text.split_inclusive(char::is_whitespace).map(str::to_owned).collect();
        let limit = request.max_tokens.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let finish = if words.len() > limit { Finish::Length } else { Finish::Complete };
        words.truncate(limit);
        let input: u64 = request.turns.iter().map(|turn| estimate_tokens(&turn.content)).sum();
        let output = words.len() as u64;
        let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
        Self { words, finish, usage }
    }

    /// One event a frame.
    fn frames(&self) -> Vec<Bytes> {
        let choice =
            |delta: Value, finish: Option<&str>| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        let chunk = |choices: Value, usage: &Value| {
            let id = "chatcmpl-offline";
            let chunk = json!({"id": id, "object": "chat.completion.chunk", "created": 0, "model": NAME, "choices": choices, "usage": usage});
            Bytes::from(format!("data: {chunk}\n\n"))
        };
        let words = self.words.iter().map(|word| chunk(choice(json!({"content": word}), None), &Value::Null));
        let end = [
            chunk(choice(json!({}), Some(self.finish.as_str())), &Value::Null),
            chunk(json!([]), &self.usage),
            Bytes::from_static(b"data: [DONE]\n\n"),
        ];
        words.chain(end).collect()
    }

    fn body(&self) -> Bytes {
        let message = json!({"role": "assistant", "content": self.words.concat()});
        let choice = json!({"index": 0, "message": message, "finish_reason": self.finish.as_str()});
        let id = "chatcmpl-offline";
        let body = json!({"id": id, "object": "chat.completion", "created": 0, "model": NAME, "choices": [choice], "usage": self.usage});
        Bytes::from(body.to_string())
    }
}

#[cfg(test)]
mod tests;
