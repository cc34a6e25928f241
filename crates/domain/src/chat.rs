//! The canonical chat request and the events of a reply: the hub that every dialect and every provider maps to.

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions of the application.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ChatRequest {
    /// The model, as the provider names it.
    pub model: String,
    /// The turns, oldest first.
    pub turns: Vec<Turn>,
    /// The most tokens the reply may take.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// Whether the provider is asked to stream.
    pub stream: bool,
}

/// One event of a reply, as a provider's decoder yields it.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    /// The provider began; the model that it says answers.
    Started {
        /// The model's name, when the provider tells.
        model: Option<String>,
    },
    /// A piece of the visible reply; never empty.
    Text(String),
    /// A piece of the model's reasoning; never empty.
    Reasoning(String),
    /// A fragment of a tool call. Only the first fragment of an index carries `id` and `name`.
    ToolCall {
        /// Which call of this reply.
        index: u32,
        /// The call's id.
        id: Option<String>,
        /// The function's name.
        name: Option<String>,
        /// A piece of the arguments' JSON text.
        arguments: String,
    },
    /// What the provider counted; the last one holds.
    Usage(Usage),
    /// The model finished. Without this event a reply is incomplete, whatever the connection did.
    Finished(Finish),
}

impl ChatEvent {
    /// The same event with U+FFFD in the place of every U+0000, which no store keeps in a text.
    #[must_use]
    pub fn without_nul(self) -> Self {
        match self {
            Self::Started { model } => Self::Started { model: model.map(without_nul) },
            Self::Text(text) => Self::Text(without_nul(text)),
            Self::Reasoning(text) => Self::Reasoning(without_nul(text)),
            Self::ToolCall { index, id, name, arguments } => Self::ToolCall {
                index,
                id: id.map(without_nul),
                name: name.map(without_nul),
                arguments: without_nul(arguments),
            },
            Self::Usage(_) | Self::Finished(_) => self,
        }
    }

    /// Bytes of output in it, of whatever kind: what the bound of a reply's size counts.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Reasoning(text) => text.len(),
            Self::ToolCall { id, name, arguments, .. } => {
                [id, name].into_iter().flatten().map(String::len).sum::<usize>() + arguments.len()
            }
            Self::Started { .. } | Self::Usage(_) | Self::Finished(_) => 0,
        }
    }

    /// As much of this output as fits into so many bytes; `None` if nothing does. A text is cut between two characters, a fragment
    /// of a tool call is kept whole or not at all.
    #[must_use]
    pub fn fitted(self, room: usize) -> Option<Self> {
        let cut = |mut text: String| {
            text.truncate(text.floor_char_boundary(room));
            (!text.is_empty()).then_some(text)
        };
        match self {
            Self::Text(text) => cut(text).map(Self::Text),
            Self::Reasoning(text) => cut(text).map(Self::Reasoning),
            other => (other.bytes() <= room).then_some(other),
        }
    }

    /// Whether this event is output that a user would see: after it, nothing may be retried silently.
    pub fn is_output(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Reasoning(_) | Self::ToolCall { .. })
    }
}

/// A text with U+FFFD in the place of every U+0000.
pub fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// Why a model finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Complete,
    /// It ran into the limit of tokens.
    Length,
    /// It asks for tools.
    ToolCalls,
    /// The provider's filter cut it.
    Filtered,
}

impl Finish {
    /// The canonical word, as the API's `finish_reason` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Filtered => "content_filter",
        }
    }
}

/// Tokens, in disjoint buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    /// Input tokens that no cache served.
    pub input: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write: u64,
    /// Visible output tokens.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
}

/// More tokens than any model reads or writes in one call.
const MOST_TOKENS: u64 = 10_000_000;

impl Usage {
    /// Whether a model can have used so many tokens.
    pub fn is_believable(&self) -> bool {
        let buckets = [self.input, self.cache_read, self.cache_write, self.output, self.reasoning];
        buckets.into_iter().all(|tokens| tokens <= MOST_TOKENS)
    }
}

/// An estimate of a text's tokens for budgets: four bytes a token, rounded up, and four for the turn around it.
pub fn estimate_tokens(text: &str) -> u64 {
    estimate_tokens_of(text.len())
}

/// The same of a text of so many bytes.
pub fn estimate_tokens_of(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64 + 4
}

/// A bound of a text's tokens from above: every token of a tokenizer over bytes holds at least one, and what stands around a
/// turn is a few more.
pub fn most_tokens(text: &str) -> u64 {
    text.len() as u64 + 16
}

/// Cuts `turns` (oldest first) to at most `budget` estimated tokens: the newest are kept, whole, and the last one
/// always. A leading system turn is kept and counted first.
pub fn cut_to_budget(turns: Vec<Turn>, budget: u64) -> Vec<Turn> {
    let mut left = budget;
    let mut turns = turns;
    let system = (turns.first().is_some_and(|turn| turn.role == Role::System)).then(|| turns.remove(0));
    if let Some(system) = &system {
        left = left.saturating_sub(estimate_tokens(&system.content));
    }
    let mut keep = turns.len();
    for (index, turn) in turns.iter().enumerate().rev() {
        let cost = estimate_tokens(&turn.content);
        if cost > left && index + 1 != turns.len() {
            break;
        }
        left = left.saturating_sub(cost);
        keep = index;
    }
    system.into_iter().chain(turns.drain(keep..)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(role: Role, content: &str) -> Turn {
        Turn { role, content: content.to_owned() }
    }

    #[test]
    fn every_text_of_an_event_loses_its_nul() {
        let (bad, good) = (|| "a\0b".to_owned(), || "a\u{fffd}b".to_owned());
        let call = |text: &dyn Fn() -> String| ChatEvent::ToolCall {
            index: 0,
            id: Some(text()),
            name: Some(text()),
            arguments: text(),
        };
        assert_eq!(ChatEvent::Text(bad()).without_nul(), ChatEvent::Text(good()));
        assert_eq!(ChatEvent::Reasoning(bad()).without_nul(), ChatEvent::Reasoning(good()));
        assert_eq!(call(&bad).without_nul(), call(&good));
        let started = |model| ChatEvent::Started { model: Some(model) };
        assert_eq!(started(bad()).without_nul(), started(good()));
    }

    #[test]
    fn output_is_cut_between_two_characters_and_a_fragment_of_a_call_is_not_cut() {
        let text = |text: &str| ChatEvent::Text(text.into());
        assert_eq!(text("aäb").fitted(4), Some(text("aäb")));
        assert_eq!(text("aäb").fitted(3), Some(text("aä")));
        assert_eq!(text("aäb").fitted(2), Some(text("a")));
        assert_eq!(text("ä").fitted(1), None);
        assert_eq!(ChatEvent::Reasoning("hm".into()).fitted(1), Some(ChatEvent::Reasoning("h".into())));
        let call = ChatEvent::ToolCall { index: 0, id: None, name: Some("f".into()), arguments: "{}".into() };
        assert_eq!(call.clone().fitted(3), Some(call.clone()));
        assert_eq!(call.fitted(2), None);
    }

    #[test]
    fn a_count_that_no_model_has_is_not_believed() {
        let of = |tokens| Usage { output: tokens, ..Usage::default() };
        assert!(of(10_000_000).is_believable());
        assert!(!of(10_000_001).is_believable());
        assert!(!Usage { cache_read: u64::MAX, ..Usage::default() }.is_believable());
    }

    #[test]
    fn the_newest_turns_are_kept_whole() {
        let turns = vec![turn(Role::User, "12345678"), turn(Role::Assistant, "12345678"), turn(Role::User, "1234")];
        assert_eq!(cut_to_budget(turns.clone(), 11), turns[1..]);
        assert_eq!(cut_to_budget(turns.clone(), 10), turns[2..]);
        assert_eq!(cut_to_budget(turns.clone(), 100), turns);
    }

    #[test]
    fn the_last_turn_is_always_kept_and_so_are_the_instructions() {
        let turns =
            vec![turn(Role::System, "be brief"), turn(Role::User, "old"), turn(Role::User, "a very long question")];
        assert_eq!(cut_to_budget(turns.clone(), 1), vec![turns[0].clone(), turns[2].clone()]);
    }
}
