//! What a reply has said so far: chunks of the protocol in, canonical events out. Bytes and framing belong to the decoder.

mod calls;

use domain::chat::{ChatEvent, Finish, Usage};

use self::calls::Calls;
use super::{
    failure::{self, Note},
    wire::{Choice, Chunk, Message},
};
use crate::{ProviderError, ProviderErrorKind};

#[derive(Default)]
pub(super) struct Reply {
    started: bool,
    has_output: bool,
    calls: Calls,
    usage: Usage,
    finished: bool,
}

impl Reply {
    /// Appends the events of one chunk, or fails and appends none.
    pub(super) fn read(&mut self, chunk: Chunk, note: &Note, out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        let error = chunk.error.map(|error| failure::error_value(error.get())).transpose()?;
        if let Some(error) = error.filter(failure::is_error) {
            return Err(failure::reported(&error, note));
        }
        let mut choice = chunk.choices.and_then(|choices| choices.0).unwrap_or_default();
        let finish = finish_of(&choice)?;
        let tokens = choice.usage.take().or(chunk.usage);
        let before = out.len();
        if !self.started {
            out.push(ChatEvent::Started { model: chunk.model.filter(|model| !model.is_empty()) });
        }
        if !self.finished {
            // Perplexity repeats all of the text as `message` beside each `delta`.
            let message = choice.delta.or(choice.message.filter(|_| !self.has_output));
            if let Err(error) = self.message(message.unwrap_or_default(), out) {
                out.truncate(before);
                return Err(error);
            }
        }
        self.started = true;
        self.count(tokens.map(|tokens| tokens.buckets()), out);
        if let Some(finish) = finish.filter(|_| !self.finished) {
            self.finished = true;
            // Google says `stop` when it asks for tools.
            let asks = finish == Finish::Complete && !self.calls.is_empty();
            out.push(ChatEvent::Finished(if asks { Finish::ToolCalls } else { finish }));
        }
        Ok(())
    }

    /// Fails when the model has not finished.
    pub(super) fn check_finished(&self) -> Result<(), ProviderError> {
        if self.finished { Ok(()) } else { Err(failure::incomplete()) }
    }

    fn message(&mut self, message: Message, out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let before = out.len();
        out.extend(said(message.reasoning_content).or(said(message.reasoning)).map(ChatEvent::Reasoning));
        out.extend(said(message.content).or(said(message.refusal)).map(ChatEvent::Text));
        for fragment in message.tool_calls.unwrap_or_default().0 {
            out.push(self.calls.fragment(fragment)?);
        }
        self.has_output |= out.len() > before;
        Ok(())
    }

    /// Some repeat the count in every chunk: each is the whole so far, so only a change is news, and the last one holds.
    fn count(&mut self, usage: Option<Usage>, out: &mut Vec<ChatEvent>) {
        if let Some(usage) = usage.filter(|usage| *usage != Usage::default() && *usage != self.usage) {
            self.usage = usage;
            out.push(ChatEvent::Usage(usage));
        }
    }
}

/// Reads a choice's finish reason. The protocol has five words, its copies have more; a word that nobody knows still means
/// that the model finished.
fn finish_of(choice: &Choice) -> Result<Option<Finish>, ProviderError> {
    let Some(word) = choice.finish_reason.as_deref().filter(|word| !word.is_empty()) else {
        return Ok(None);
    };
    let word = word.to_ascii_lowercase();
    let finish = match word.as_str() {
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        "content_filter" | "safety" | "recitation" | "refusal" | "sensitive" => Finish::Filtered,
        // OpenRouter, vLLM, DeepSeek and Zhipu end a reply that broke off like one that finished.
        "error" | "abort" | "cancelled" | "insufficient_system_resource" | "network_error" => {
            return Err(ProviderError::new(ProviderErrorKind::Reported).because(format!("finish_reason is {word}")));
        }
        _ => Finish::Complete,
    };
    Ok(Some(finish))
}
