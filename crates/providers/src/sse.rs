//! Server-sent events, read: bytes in, events out (WHATWG HTML, 9.2.5 and 9.2.6).
//!
//! What the data means belongs to the codecs, writing events to the gateway.

mod error;

use std::{mem, str, time::Duration};

pub use error::SseError;

/// The largest event unless told otherwise, in bytes.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Above this capacity the line buffer is given back after use, so that one large event does not stay for a stream's life.
const KEPT_LINE_BYTES: usize = 64 << 10;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The `id` field of this event itself; [`SseParser::last_event_id`] has the one that counts for resuming.
    pub id: Option<String>,
    /// The `event` field; none means `message`.
    pub event: Option<String>,
    /// The `data` fields, joined by line feeds.
    pub data: String,
}

/// An incremental parser. Each byte is looked at once, however the stream is cut.
///
/// It differs from a browser's in two ways: invalid UTF-8 is an error instead of a replacement character, and so is an
/// event that is too large.
#[derive(Debug)]
pub struct SseParser {
    max_event_bytes: usize,
    /// The line under way, without what the current chunk brings.
    line: Vec<u8>,
    /// The last byte was a CR, so that a LF directly after it ends no second line.
    after_cr: bool,
    /// The first line, which may carry a byte order mark, is behind us.
    started: bool,
    /// The event under way.
    event: SseEvent,
    has_data: bool,
    last_event_id: String,
    retry: Option<Duration>,
    failed: Option<SseError>,
}

impl Default for SseParser {
    fn default() -> Self {
        Self::with_max_event_bytes(MAX_EVENT_BYTES)
    }
}

impl SseParser {
    /// A parser that takes events of up to [`MAX_EVENT_BYTES`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A parser that fails when an event, or a single line, needs more than this many bytes.
    pub fn with_max_event_bytes(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            line: Vec::new(),
            after_cr: false,
            started: false,
            event: SseEvent::default(),
            has_data: false,
            last_event_id: String::new(),
            retry: None,
            failed: None,
        }
    }

    /// Takes the next bytes and appends the events that they complete. Events before an error are appended too. After an
    /// error every call fails with it again.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<SseEvent>) -> Result<(), SseError> {
        self.failed.map_or(Ok(()), Err)?;
        let result = self.lines(chunk, out);
        self.failed = result.err();
        result
    }

    /// The stream ended: gives the event that no blank line closed, if it has data. The standard discards it, because its
    /// last line may be cut anywhere; only a caller that can tell whole data from cut data (JSON) should look at it.
    pub fn finish(&mut self) -> Result<Option<SseEvent>, SseError> {
        self.failed.map_or(Ok(()), Err)?;
        let line = mem::take(&mut self.line);
        match str::from_utf8(&line) {
            Ok("") => {}
            Ok(_) => self.field(&line).inspect_err(|&error| self.failed = Some(error))?,
            // Cut within a character: so is the event.
            Err(error) if error.error_len().is_none() => self.has_data = false,
            Err(_) => {
                self.failed = Some(SseError::InvalidUtf8);
                return Err(SseError::InvalidUtf8);
            }
        }
        Ok(self.dispatch())
    }

    /// The last `id` that was seen, also outside of events with data: where to resume. Empty when there was none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// How long the server wants a client to wait before it connects again, if it said.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn lines(&mut self, mut chunk: &[u8], out: &mut Vec<SseEvent>) -> Result<(), SseError> {
        if chunk.is_empty() {
            return Ok(());
        }
        if mem::take(&mut self.after_cr) {
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, ending) = chunk.split_at(end);
            self.check_size(line.len())?;
            if self.line.is_empty() {
                self.line_ended(line, out)?;
            } else {
                let mut whole = mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.line_ended(&whole, out)?;
                if whole.capacity() <= KEPT_LINE_BYTES {
                    whole.clear();
                    self.line = whole;
                }
            }
            chunk = match ending {
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => ending,
            };
            self.after_cr = ending == b"\r";
        }
        self.check_size(chunk.len())?;
        self.line.extend_from_slice(chunk);
        Ok(())
    }

    /// Counts what is held for the event under way, so that the answer does not depend on where chunks end.
    fn check_size(&self, more: usize) -> Result<(), SseError> {
        let named = [&self.event.id, &self.event.event].into_iter().flatten().map(String::len).sum::<usize>();
        let held = self.event.data.len() + named + self.line.len();
        if held + more > self.max_event_bytes {
            return Err(SseError::TooLarge { max_event_bytes: self.max_event_bytes });
        }
        Ok(())
    }

    fn line_ended(&mut self, line: &[u8], out: &mut Vec<SseEvent>) -> Result<(), SseError> {
        if line.is_empty() {
            self.started = true;
            out.extend(self.dispatch());
            return Ok(());
        }
        self.field(line)
    }

    fn field(&mut self, line: &[u8]) -> Result<(), SseError> {
        let mut line = str::from_utf8(line).map_err(|_| SseError::InvalidUtf8)?;
        if !mem::replace(&mut self.started, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => self.event.event = Some(value).filter(|name| !name.is_empty()).map(str::to_owned),
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.last_event_id);
                self.event.id = Some(value.to_owned());
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment (the name is empty) or a field that means nothing.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let event = mem::take(&mut self.event);
        mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests;
