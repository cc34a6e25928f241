//! What a provider's codec can do. No provider's wire format belongs here.

use std::time::Duration;

use bytes::Bytes;
use domain::chat::{ChatEvent, ChatRequest};
use http::{Request, response};

use crate::ProviderError;

/// How a request reaches its model.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each reply, and it is taken apart at once")]
pub enum Exchange {
    /// Over HTTP.
    Http(Request<Bytes>),
    /// The model is built in: these are the bytes of its answer, for the same decoder as if they had come by wire.
    Local {
        /// The chunks, in order.
        frames: Vec<Bytes>,
        /// The time to let pass between two of them.
        pause: Duration,
    },
}

/// A provider's protocol.
///
/// The caller sends what [`exchange`](Self::exchange) gives, and reads the answer with
/// [`decoder`](Self::decoder) when its status is a success (2xx), with [`refusal`](Self::refusal) otherwise.
/// For [`Exchange::Local`] the head of an empty `200` response stands for the one that never was.
pub trait Provider: Send + Sync {
    /// The name, for logs and for the ledger.
    fn name(&self) -> &'static str;

    /// The exchange that asks for this reply.
    fn exchange(&self, request: &ChatRequest) -> Result<Exchange, ProviderError>;

    /// A decoder for the body that follows this head. `stream` is what the request asked for; a provider may answer
    /// otherwise, and the decoder then reads what came. Fails at once when the head shows that no reply will follow.
    fn decoder(&self, head: &response::Parts, stream: bool) -> Result<Box<dyn Decoder>, ProviderError>;

    /// Reads an answer whose status is no success. `body` may be cut: the first 64 KiB are plenty.
    fn refusal(&self, head: &response::Parts, body: &[u8]) -> ProviderError;
}

/// Reads the body of one reply.
///
/// The events do not depend on how the body is cut into chunks, and neither does the error. What was decoded before an
/// error is in `out`; nothing of the event at fault is. After an error every call fails with it again.
pub trait Decoder: Send {
    /// Takes the next bytes of the body and appends the events that they complete. One event of the wire gives at most
    /// one [`ChatEvent::Text`]. After [`ChatEvent::Finished`] only [`ChatEvent::Usage`] may still come.
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), ProviderError>;

    /// The body ended. Fails when no [`ChatEvent::Finished`] came: a connection that closes is no finish.
    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), ProviderError>;

    /// Whether the provider has said its last word, so that nothing is gained by reading on: some keep the connection open
    /// afterwards. Bytes fed from here on are ignored; `finish` still wants to be called.
    fn is_done(&self) -> bool;
}
