//! Why a stream of events cannot be read on.

use std::fmt;

/// Why a stream of events cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SseError {
    /// The stream is not UTF-8.
    InvalidUtf8,
    /// An event needs more bytes than this.
    TooLarge {
        /// The limit, in bytes.
        max_event_bytes: usize,
    },
}

impl fmt::Display for SseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUtf8 => f.write_str("the event stream is not UTF-8"),
            Self::TooLarge { max_event_bytes } => write!(f, "an event is larger than {max_event_bytes} bytes"),
        }
    }
}

impl std::error::Error for SseError {}
