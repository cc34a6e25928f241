//! `Script`: what the upstream plays for one id, written in Rust or in JSON. Only building; nothing is played here.

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chunk;
use super::plan::Plan;
use super::step::{Base64, Completion, Cut, CutEnd, Drip, Framing, Head, Play, Step, True};

/// The prompt tokens that ready-made replies report.
const PROMPT_TOKENS: usize = 9;

/// What one id plays: the nth call plays the nth attempt, the last attempt repeats.
///
/// Steps are added to the last attempt; [`Script::split_every`], [`Script::cut_at`] and their like apply to all attempts
/// that are there already, to their plain variants too.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Never empty.
    attempts: Vec<Play>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    attempts: Vec<Play>,
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

/// Ready-made scripts.
impl Script {
    /// No steps yet. Played as it is: an empty event stream that ends properly.
    #[must_use]
    pub fn new() -> Self {
        Self { attempts: vec![Play::default()] }
    }

    /// A whole normal reply: the role, one chunk a part, `stop`, usage, `[DONE]`. To a caller who did not ask to stream,
    /// the same text as one JSON object.
    #[must_use]
    pub fn reply(parts: &[&str]) -> Self {
        let usage = chunk::plain_usage(PROMPT_TOKENS, parts.len());
        let mut script = Self::new().head(200).delta_json(json!({ "role": "assistant", "content": "" }));
        for part in parts {
            script = script.delta(part);
        }
        script.finish("stop").usage(usage.clone()).done().plain(Self::completion_with(&parts.concat(), usage))
    }

    /// A whole reply as one JSON object, whether or not the caller asked to stream.
    #[must_use]
    pub fn completion(text: &str) -> Self {
        Self::completion_with(text, chunk::plain_usage(PROMPT_TOKENS, text.split_whitespace().count()))
    }

    /// A JSON body with this status.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new().head(status).content_type("application/json").framing(Framing::Length).send(&body.to_string())
    }

    /// An error in `OpenAI`'s envelope, with a status to match.
    #[must_use]
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        Self::json(status, &chunk::error(kind, None, message))
    }

    /// A 429 with this `Retry-After`: seconds, or an HTTP date.
    #[must_use]
    pub fn rate_limited(retry_after: &str) -> Self {
        let body = chunk::error("requests", Some("rate_limit_exceeded"), "Rate limit reached: the script says so.");
        Self::json(429, &body).header("retry-after", retry_after)
    }

    /// The script that plays for ids nobody scripted.
    #[must_use]
    pub fn standard() -> Self {
        let mut script = Self::reply(&["Hello", " from", " the", " scripted", " upstream."]);
        if let Some(plain) = script.last().plain.as_mut() {
            plain.joined = true;
        }
        script
    }

    /// As many attempts as there are scripts.
    #[must_use]
    pub fn attempts(scripts: impl IntoIterator<Item = Self>) -> Self {
        let attempts: Vec<Play> = scripts.into_iter().flat_map(|script| script.attempts).collect();
        if attempts.is_empty() { Self::new() } else { Self { attempts } }
    }

    fn completion_with(text: &str, usage: Value) -> Self {
        Self::new()
            .head(200)
            .content_type("application/json")
            .framing(Framing::Length)
            .step(Step::Completion(Completion { text: text.to_owned(), finish: "stop".to_owned(), usage }))
    }
}

/// Steps, in the order they are played.
impl Script {
    /// A head with this status: `text/event-stream`, chunked, until [`Script::content_type`] or [`Script::framing`] says otherwise.
    #[must_use]
    pub fn head(self, status: u16) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        self.step(Step::Head(Head { status, headers, ..Head::default() }))
    }

    /// Adds a header to the last head, or to a new one.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with_head(|head| head.headers.push((name.to_owned(), value.to_owned())))
    }

    /// Replaces the content type of the last head.
    #[must_use]
    pub fn content_type(self, value: &str) -> Self {
        self.with_head(|head| head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type")))
            .header("content-type", value)
    }

    /// How the last head tells the end of the body.
    #[must_use]
    pub fn framing(self, framing: Framing) -> Self {
        self.with_head(|head| head.framing = framing)
    }

    /// Makes the last head claim this `content-length`, whatever is sent.
    #[must_use]
    pub fn claim_length(self, bytes: usize) -> Self {
        self.with_head(|head| (head.framing, head.length) = (Framing::Length, Some(bytes)))
    }

    /// Body text as it is.
    #[must_use]
    pub fn send(self, text: &str) -> Self {
        self.step(Step::Send(text.to_owned()))
    }

    /// Body bytes as they are.
    #[must_use]
    pub fn send_bytes(self, bytes: &[u8]) -> Self {
        self.step(Step::SendBase64(Base64(bytes.to_vec())))
    }

    /// Bytes outside of the framing: see [`Step::Raw`].
    #[must_use]
    pub fn raw(self, text: &str) -> Self {
        self.step(Step::Raw(text.to_owned()))
    }

    /// Waits this many milliseconds.
    #[must_use]
    pub fn pause(self, milliseconds: u64) -> Self {
        self.step(Step::PauseMs(milliseconds))
    }

    /// Holds the connection in silence until the client leaves.
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall(True))
    }

    /// Resets the connection.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset(True))
    }

    /// Closes the connection without finishing the framing.
    #[must_use]
    pub fn close(self) -> Self {
        self.step(Step::Close(True))
    }

    /// Sends `text`, `bytes` at a time, waiting `every_ms` milliseconds between two pieces.
    #[must_use]
    pub fn drip(self, text: &str, bytes: usize, every_ms: u64) -> Self {
        self.step(Step::Drip(Drip { text: text.to_owned(), bytes, every_ms }))
    }

    /// One server-sent event with this JSON.
    #[must_use]
    pub fn event(self, data: Value) -> Self {
        self.step(Step::Event(data))
    }

    /// A chunk with this text.
    #[must_use]
    pub fn delta(self, text: &str) -> Self {
        self.step(Step::Delta(Value::from(text)))
    }

    /// A chunk with this `delta` object: the role, tool calls, reasoning.
    #[must_use]
    pub fn delta_json(self, delta: Value) -> Self {
        self.step(Step::Delta(delta))
    }

    /// The chunk with the finish reason.
    #[must_use]
    pub fn finish(self, reason: &str) -> Self {
        self.step(Step::Finish(reason.to_owned()))
    }

    /// The chunk with the usage.
    #[must_use]
    pub fn usage(self, usage: Value) -> Self {
        self.step(Step::Usage(usage))
    }

    /// `[DONE]`.
    #[must_use]
    pub fn done(self) -> Self {
        self.step(Step::Done(True))
    }

    /// Any step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.last().steps.push(step);
        self
    }
}

/// What changes a script as a whole.
impl Script {
    /// What the last attempt plays when a chat completion was not asked to stream: the first attempt of `script`.
    #[must_use]
    pub fn plain(mut self, script: Self) -> Self {
        self.last().plain = script.attempts.into_iter().next().map(Box::new);
        self
    }

    /// More attempts after the ones so far.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.attempts.extend(next.attempts);
        self
    }

    /// Regroups what is sent between two pauses into writes of `bytes` body bytes, so that characters, lines and events are split anywhere.
    #[must_use]
    pub fn split_every(self, bytes: usize) -> Self {
        self.each(|play| play.split_every = Some(bytes))
    }

    /// Sends exactly this many body bytes, then closes without finishing the framing.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Self {
        self.each(|play| play.cut = Some(Cut { at: bytes, end: CutEnd::Close }))
    }

    /// Sends exactly this many body bytes, then resets the connection.
    #[must_use]
    pub fn reset_at(self, bytes: usize) -> Self {
        self.each(|play| play.cut = Some(Cut { at: bytes, end: CutEnd::Reset }))
    }

    /// Sends exactly this many body bytes, then stalls.
    #[must_use]
    pub fn stall_at(self, bytes: usize) -> Self {
        self.each(|play| play.cut = Some(Cut { at: bytes, end: CutEnd::Stall }))
    }

    /// Sends everything between two pauses in one write, the head included.
    #[must_use]
    pub fn joined(self) -> Self {
        self.each(|play| play.joined = true)
    }

    /// The body bytes that the first attempt would stream under this id, cuts left aside: its length bounds
    /// [`Script::cut_at`], and its bytes are what a test compares with.
    pub fn body(&self, id: &str) -> Vec<u8> {
        self.attempts.first().map(|play| Plan::body_of(play, id)).unwrap_or_default()
    }

    /// The JSON that [`Script::from_json`] reads and `PUT /__script/{id}` takes.
    pub fn to_json(&self) -> String {
        match self.attempts.as_slice() {
            [only] => json!(only).to_string(),
            many => json!({ "attempts": many }).to_string(),
        }
    }

    /// Reads `{"steps":[…]}` or `{"attempts":[{"steps":[…]},…]}`. The error names the step or key that is wrong.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_str(text)?;
        if value.get("attempts").is_none() {
            return Ok(Self { attempts: vec![serde_json::from_value(value)?] });
        }
        let Sequence { attempts } = serde_json::from_value(value)?;
        if attempts.is_empty() {
            return Err(serde_json::Error::custom("`attempts` is empty: give at least one `{\"steps\":[…]}`"));
        }
        Ok(Self { attempts })
    }

    /// What each call plays, first to last.
    pub fn plays(&self) -> &[Play] {
        &self.attempts
    }

    fn last(&mut self) -> &mut Play {
        let end = self.attempts.len().saturating_sub(1);
        &mut self.attempts[end]
    }

    fn with_head(mut self, change: impl FnOnce(&mut Head)) -> Self {
        let steps = &mut self.last().steps;
        for step in steps.iter_mut().rev() {
            if let Step::Head(head) = step {
                change(head);
                return self;
            }
        }
        let mut head = Head::default();
        change(&mut head);
        steps.push(Step::Head(head));
        self
    }

    fn each(mut self, change: impl Fn(&mut Play)) -> Self {
        for play in &mut self.attempts {
            change(play);
            if let Some(plain) = play.plain.as_mut() {
                change(plain);
            }
        }
        self
    }
}
