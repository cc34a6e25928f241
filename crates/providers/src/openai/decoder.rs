//! The body of a reply: finds out whether it is an event stream or one JSON text, and takes it apart.

use domain::{Secret, chat::ChatEvent};

use super::{
    failure::{self, Note},
    reply::Reply,
    wire,
};
use crate::{Decoder, ProviderError, SseError, SseEvent, SseParser};

/// The largest body of a reply that is not streamed, in bytes.
const MAX_BODY_BYTES: usize = 16 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a streamed or a whole reply, whichever comes.
pub(crate) struct ChatDecoder {
    body: Body,
    reply: Reply,
    note: Note,
    scratch: Vec<SseEvent>,
    done: bool,
    failed: Option<ProviderError>,
}

enum Body {
    /// Nothing but white space so far, and this many bytes of a byte order mark.
    Unknown {
        mark: usize,
    },
    Events(SseParser),
    Json(Vec<u8>),
}

impl ChatDecoder {
    /// `key` is blotted out of what is quoted for the log.
    pub(crate) fn new(key: Option<Secret<String>>) -> Self {
        Self {
            body: Body::Unknown { mark: 0 },
            reply: Reply::default(),
            note: Note::new(key),
            scratch: Vec::new(),
            done: false,
            failed: None,
        }
    }

    fn once(&mut self, result: Result<(), ProviderError>) -> Result<(), ProviderError> {
        self.failed = result.as_ref().err().cloned();
        result
    }

    fn take(&mut self, mut chunk: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        while let Body::Unknown { mark } = &mut self.body {
            let Some((&byte, rest)) = chunk.split_first() else { return Ok(()) };
            match byte {
                _ if BYTE_ORDER_MARK.get(*mark) == Some(&byte) => {
                    *mark += 1;
                    chunk = rest;
                }
                _ if (1..BYTE_ORDER_MARK.len()).contains(mark) => return Err(failure::not_a_reply()),
                // Some send white space to keep the connection open while the model thinks.
                b' ' | b'\t' | b'\r' | b'\n' => chunk = rest,
                b'{' | b'[' => self.body = Body::Json(Vec::new()),
                // A comment, or one of the four fields.
                b':' | b'd' | b'e' | b'i' | b'r' => self.body = Body::Events(SseParser::new()),
                _ => return Err(failure::not_a_reply()),
            }
        }
        match &mut self.body {
            Body::Unknown { .. } => Ok(()),
            Body::Json(body) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                Err(failure::malformed().because("the body is too large"))
            }
            Body::Json(body) => {
                body.extend_from_slice(chunk);
                Ok(())
            }
            Body::Events(parser) => {
                let mut events = std::mem::take(&mut self.scratch);
                let parsed = parser.feed(chunk, &mut events);
                let read = events.drain(..).try_for_each(|event| self.event(&event, out));
                self.scratch = events;
                read?;
                // Behind the last word nothing can be wrong any more.
                if self.done { Ok(()) } else { parsed.map_err(sse_error) }
            }
        }
    }

    fn event(&mut self, event: &SseEvent, out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        let data = event.data.trim();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data.starts_with("[DONE]") {
            self.reply.check_finished()?;
            self.done = true;
            return Ok(());
        }
        if event.event.as_deref() == Some("error") {
            return Err(failure::reported_text(data, &self.note));
        }
        let chunk = wire::parse(data.as_bytes()).map_err(|unreadable| failure::malformed().because(unreadable.note))?;
        self.reply.read(chunk, &self.note, out)
    }

    fn end(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        match &mut self.body {
            Body::Unknown { .. } => {}
            Body::Events(parser) => {
                let rest = parser.finish().map_err(sse_error)?;
                // Cut data is no fault of its own: what is missing then is the finish.
                let whole = |event: &SseEvent| event.data.trim().starts_with("[DONE]") || wire::is_json(&event.data);
                if let Some(event) = rest.filter(whole) {
                    self.event(&event, out)?;
                }
            }
            Body::Json(body) => {
                let body = std::mem::take(body);
                let chunk =
                    wire::parse(&body).map_err(|unreadable| failure::unreadable(&body, unreadable, &self.note))?;
                if chunk.choices.is_none() && chunk.error.is_none() {
                    return Err(failure::not_a_reply());
                }
                self.reply.read(chunk, &self.note, out)?;
            }
        }
        self.reply.check_finished()?;
        self.done = true;
        Ok(())
    }
}

impl Decoder for ChatDecoder {
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        match &self.failed {
            Some(error) => return Err(error.clone()),
            None if self.done => return Ok(()),
            None => {}
        }
        let result = self.take(chunk, out);
        self.once(result)
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), ProviderError> {
        match &self.failed {
            Some(error) => return Err(error.clone()),
            None if self.done => return Ok(()),
            None => {}
        }
        let result = self.end(out);
        self.once(result)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

fn sse_error(error: SseError) -> ProviderError {
    failure::malformed().because(error.to_string())
}
