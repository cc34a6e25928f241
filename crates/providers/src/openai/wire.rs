//! The reply's JSON, as serde structs: one shape for a streamed chunk and for a whole completion, which differ only in
//! `delta` and `message`. Fields that mean nothing to us are not named, so that nothing is wrong with them.

mod surrogates;

use domain::chat::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Why a text is no chunk.
pub(super) struct Unreadable {
    /// For the log. Without the text itself, which is a user's.
    pub(super) note: String,
    /// It ends too early to be JSON.
    pub(super) is_cut: bool,
}

/// Reads a chunk. Half a surrogate pair in it, as a provider sends that cuts its text between the two, is read as U+FFFD.
pub(super) fn parse(json: &[u8]) -> Result<Chunk, Unreadable> {
    // serde would also fill a struct from an array, field by field.
    if json.first() != Some(&b'{') {
        return Err(Unreadable { note: "no JSON object".to_owned(), is_cut: false });
    }
    let chunk = serde_json::from_slice(json)
        .or_else(|error| surrogates::without_lone(json).map_or(Err(error), |mended| serde_json::from_slice(&mended)));
    chunk.map_err(|error| Unreadable {
        note: format!("JSON: {:?} error at line {}, column {}", error.classify(), error.line(), error.column()),
        is_cut: error.is_eof(),
    })
}

/// Whether a text is JSON at all; says nothing about its meaning.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[derive(Deserialize, Default)]
pub(super) struct Chunk {
    pub(super) model: Option<String>,
    pub(super) choices: Option<Choices>,
    pub(super) usage: Option<Counts>,
    /// As it is: it may be of any form and size.
    pub(super) error: Option<Box<RawValue>>,
}

/// The choice that was asked for, the one numbered 0. The others are dropped as they are read, however many there are.
#[derive(Default)]
pub(super) struct Choices(pub(super) Option<Choice>);

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ChoicesVisitor).map(Self)
    }
}

struct ChoicesVisitor;

impl<'de> Visitor<'de> for ChoicesVisitor {
    type Value = Option<Choice>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of choices")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Choice>, A::Error> {
        let mut kept = None;
        while let Some(choice) = list.next_element::<Choice>()? {
            if kept.is_none() && choice.index.unwrap_or(0) == 0 {
                kept = Some(choice);
            }
        }
        Ok(kept)
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Choice {
    pub(super) index: Option<u32>,
    pub(super) delta: Option<Message>,
    pub(super) message: Option<Message>,
    pub(super) finish_reason: Option<String>,
    /// Moonshot counts here.
    pub(super) usage: Option<Counts>,
}

#[derive(Deserialize, Default)]
pub(super) struct Message {
    pub(super) content: Option<String>,
    /// The model's own words when it declines; `content` is null then.
    pub(super) refusal: Option<String>,
    /// `DeepSeek`'s name for it.
    pub(super) reasoning_content: Option<String>,
    /// `OpenRouter`'s name. vLLM sends both, with the same text.
    pub(super) reasoning: Option<String>,
    pub(super) tool_calls: Option<ToolCalls>,
}

/// More calls in one reply than any model makes.
pub(super) const MAX_CALLS: usize = 256;

/// Fragments of tool calls, a bounded number.
#[derive(Default)]
pub(super) struct ToolCalls(pub(super) Vec<ToolCall>);

impl<'de> Deserialize<'de> for ToolCalls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ToolCallsVisitor).map(Self)
    }
}

struct ToolCallsVisitor;

impl<'de> Visitor<'de> for ToolCallsVisitor {
    type Value = Vec<ToolCall>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a list of at most {MAX_CALLS} tool calls")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<ToolCall>, A::Error> {
        let mut calls = Vec::new();
        while let Some(call) = list.next_element()? {
            if calls.len() == MAX_CALLS {
                return Err(de::Error::invalid_length(MAX_CALLS + 1, &self));
            }
            calls.push(call);
        }
        Ok(calls)
    }
}

#[derive(Deserialize, Default)]
pub(super) struct ToolCall {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

#[derive(Deserialize, Default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Counts {
    prompt_tokens: Number,
    completion_tokens: Number,
    total_tokens: Number,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// `DeepSeek`'s name for cached tokens.
    prompt_cache_hit_tokens: Number,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Number,
    cache_write_tokens: Number,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Number,
}

impl Counts {
    /// The disjoint buckets. OpenAI counts cached tokens within the prompt and reasoning within the completion. Where the
    /// total says that more was counted than both (xAI, Google), the rest is reasoning that the completion left out.
    pub(super) fn buckets(&self) -> Usage {
        let details = self.prompt_tokens_details.as_ref();
        let cache_read = details.map_or(0, |d| d.cached_tokens.or_none()).max(self.prompt_cache_hit_tokens.or_none());
        let cache_write = details.map_or(0, |d| d.cache_write_tokens.or_none());
        let (prompt, completion) = (self.prompt_tokens.0, self.completion_tokens.0);
        let said = self.completion_tokens_details.as_ref().map_or(0, |d| d.reasoning_tokens.or_none());
        let apart = self.total_tokens.or_none().saturating_sub(prompt.saturating_add(completion));
        let (output, reasoning) = if apart > 0 && (said == 0 || said == apart) {
            (completion, apart)
        } else {
            (completion.saturating_sub(said), said.min(completion))
        };
        let cache_read = cache_read.min(prompt);
        let cache_write = cache_write.min(prompt - cache_read);
        Usage { input: prompt - cache_read - cache_write, cache_read, cache_write, output, reasoning }
    }
}

/// A number of tokens. Some copies write null for "none", and some write a whole number as a float. What is negative or no whole
/// number becomes [`NONSENSE`].
#[derive(Clone, Copy, Default)]
struct Number(u64);

/// More than anybody believes.
const NONSENSE: u64 = u64::MAX;

impl Number {
    /// The number where nonsense counts as none.
    const fn or_none(self) -> u64 {
        if self.0 == NONSENSE { 0 } else { self.0 }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor).map(Self)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number of tokens")
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<u64, E> {
        Ok(count)
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<u64, E> {
        Ok(u64::try_from(count).unwrap_or(NONSENSE))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, which is what is wanted")]
    fn visit_f64<E: de::Error>(self, count: f64) -> Result<u64, E> {
        Ok(if count >= 0.0 && count.fract() == 0.0 { count as u64 } else { NONSENSE })
    }

    fn visit_unit<E: de::Error>(self) -> Result<u64, E> {
        Ok(0)
    }
}
