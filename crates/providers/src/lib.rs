//! LLM providers' wire protocols as codecs: a request becomes bytes, bytes become events.
//!
//! This crate contains no networking code, asks no clock and runs on no executor: it is fed bytes and gives events, so that
//! every cut of a stream can be replayed in a test. Retries, timeouts and sockets belong to the gateway.

mod error;
pub mod offline;
pub mod openai;
mod provider;
mod retry_after;
pub mod sse;

pub use error::{ProviderError, ProviderErrorKind};
pub use offline::Offline;
pub use openai::OpenAi;
pub use provider::{Decoder, Exchange, Provider};
pub use retry_after::RetryAfter;
pub use sse::{SseError, SseEvent, SseParser};
