//! The vocabulary of a script, and its JSON form: what may be sent, paused, cut. How a step becomes bytes is in
//! `plan`; how bytes reach the socket is in `player`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one call plays, in order. As JSON: `{"steps":[…],"split_every":3,"cut":{"at":10},"joined":true,"plain":{"steps":[…]}}`,
/// all but `steps` optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// Played one after the other, each as a TCP write of its own.
    pub steps: Vec<Step>,
    /// Regroups what is sent between two pauses into writes of this many body bytes. 0 counts as 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_every: Option<usize>,
    /// Ends the body after exactly this many bytes, whatever the steps say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Sends everything between two pauses in one write, the head included: what a benchmark wants.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub joined: bool,
    /// Played in place of `steps` when a chat completion was not asked to stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<Box<Play>>,
}

/// One step. As JSON, an object with one key: `{"pause_ms":50}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Status line and headers. Left out, the first body step is preceded by `200`, `text/event-stream`, chunked.
    Head(Head),
    /// Body bytes.
    Send(String),
    /// Body bytes that are no UTF-8.
    SendBase64(Base64),
    /// Bytes outside of any framing: broken HTTP. With no head before it, no head is sent at all.
    Raw(String),
    /// Waits; a client that leaves meanwhile is noticed at once.
    PauseMs(u64),
    /// Sends nothing more and holds the connection until the client leaves.
    Stall(True),
    /// Ends the connection with a TCP reset. What the client has not received yet may be lost with it.
    Reset(True),
    /// Ends the connection without finishing the framing.
    Close(True),
    /// Body bytes in small pieces with a wait between two of them.
    Drip(Drip),
    /// `data: <json>` and a blank line, in one write.
    Event(Value),
    /// A chunk of a chat completion: a string is `delta.content`, an object is the whole `delta` (tool calls, reasoning).
    Delta(Value),
    /// The chunk that carries the finish reason.
    Finish(String),
    /// The chunk with empty `choices` that carries the usage.
    Usage(Value),
    /// `data: [DONE]`.
    Done(True),
    /// A whole `chat.completion` object, not streamed.
    Completion(Completion),
}

/// Status line, headers and how the end of the body is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Statuses of 100–199 are interim: another head follows.
    #[serde(default = "ok")]
    pub status: u16,
    /// Sent as they are, in this order; the header of the framing is added unless it is among them.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Chunked unless said otherwise.
    #[serde(default)]
    pub framing: Framing,
    /// The `content-length` to claim, when it shall differ from what the script sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

const fn ok() -> u16 {
    200
}

impl Default for Head {
    fn default() -> Self {
        Self { status: ok(), headers: Vec::new(), framing: Framing::Chunked, length: None }
    }
}

/// How the end of the body is told (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// `transfer-encoding: chunked`, one chunk a write.
    #[default]
    Chunked,
    /// `content-length`, counted over the whole script.
    Length,
    /// Neither: the end of the connection is the end of the body.
    Close,
}

/// Text sent slowly: `bytes` at a time, `every_ms` between two pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// What is sent in the end.
    pub text: String,
    /// Bytes a piece; 0 counts as 1.
    pub bytes: usize,
    /// Milliseconds between two pieces.
    pub every_ms: u64,
}

/// The body of a reply that is not streamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// `message.content`.
    pub text: String,
    /// `finish_reason`; `stop` unless said otherwise.
    #[serde(default = "stop")]
    pub finish: String,
    /// The `usage` object; left out when null.
    #[serde(default)]
    pub usage: Value,
}

fn stop() -> String {
    "stop".to_owned()
}

/// Where the body ends, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Body bytes sent before the cut. Beyond the body's length, all of it is sent and the cut comes in place of its end.
    pub at: usize,
    /// `close` unless said otherwise.
    #[serde(default)]
    pub end: CutEnd,
}

/// What a cut does to the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutEnd {
    /// As [`Step::Close`].
    #[default]
    Close,
    /// As [`Step::Reset`].
    Reset,
    /// As [`Step::Stall`].
    Stall,
}

/// The `true` of steps that have nothing else to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("this step takes only `true`; leave the step out instead of `false`") }
    }
}

impl From<True> for bool {
    fn from(True: True) -> Self {
        true
    }
}

/// Bytes that travel as standard, padded base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Base64(pub Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self).map_err(|error| format!("`send_base64` takes standard padded base64: {error}"))
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        STANDARD.encode(bytes.0)
    }
}
