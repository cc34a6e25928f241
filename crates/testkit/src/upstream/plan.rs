//! A script made ready to play: the exact bytes of every TCP write, framing included, worked out once. Pure; the socket
//! is in `player`.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;

use super::chunk;
use super::step::{CutEnd, Framing, Head, Play, Step};

/// One thing to do to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// One write. Its first `head` bytes are heads; `body` of the others are body bytes, the rest is framing.
    Write { bytes: Vec<u8>, head: usize, body: usize },
    /// A wait that watches for the client's leaving.
    Pause(Duration),
    /// A wait without end that watches for the client's leaving.
    Stall,
    /// An end with FIN.
    Close,
    /// An end with RST.
    Reset,
}

/// All that one attempt does.
#[derive(Debug, Default)]
pub struct Plan {
    pub actions: Vec<Action>,
    /// Whether the framing lets the connection take another request.
    pub reusable: bool,
}

/// A step with its bytes worked out and its framing not.
enum Item<'a> {
    Head(&'a Head),
    Raw(&'a [u8]),
    Body(Vec<u8>),
    Wait(Duration),
    End(CutEnd),
}

impl Plan {
    /// `id` is the model that chunks name.
    pub fn new(play: &Play, id: &str) -> Self {
        let mut items = items(play, id);
        let total = body_length(&items);
        if let Some(cut) = play.cut {
            items = cut_after(items, cut.at, cut.end);
        }
        if let Some(bytes) = play.split_every {
            items = split(items, bytes.max(1));
        }
        let Self { actions, reusable } = Writer::new(total).write_all(&items);
        Self { actions: if play.joined { join(actions) } else { actions }, reusable }
    }

    /// The same as an answer to `HEAD`.
    pub fn without_body(&self) -> Self {
        let heads = self.actions.iter().filter_map(|action| match action {
            Action::Write { head: 0, .. } => None,
            Action::Write { bytes, head, .. } => {
                Some(Action::Write { bytes: bytes[..*head].to_vec(), head: *head, body: 0 })
            }
            other => Some(other.clone()),
        });
        Self { actions: heads.collect(), reusable: self.reusable }
    }

    /// The body without framing, cuts and waits.
    pub fn body_of(play: &Play, id: &str) -> Vec<u8> {
        items(play, id)
            .into_iter()
            .filter_map(|item| if let Item::Body(bytes) = item { Some(bytes) } else { None })
            .flatten()
            .collect()
    }
}

fn items<'a>(play: &'a Play, id: &str) -> Vec<Item<'a>> {
    let mut items = Vec::with_capacity(play.steps.len());
    for step in &play.steps {
        items.push(match step {
            Step::Head(head) => Item::Head(head),
            Step::Raw(text) => Item::Raw(text.as_bytes()),
            Step::PauseMs(milliseconds) => Item::Wait(Duration::from_millis(*milliseconds)),
            Step::Stall(_) => Item::End(CutEnd::Stall),
            Step::Reset(_) => Item::End(CutEnd::Reset),
            Step::Close(_) => Item::End(CutEnd::Close),
            Step::Drip(drip) => {
                for (index, piece) in drip.text.as_bytes().chunks(drip.bytes.max(1)).enumerate() {
                    if index > 0 {
                        items.push(Item::Wait(Duration::from_millis(drip.every_ms)));
                    }
                    items.push(Item::Body(piece.to_vec()));
                }
                continue;
            }
            Step::Send(text) => Item::Body(text.clone().into_bytes()),
            Step::SendBase64(bytes) => Item::Body(bytes.0.clone()),
            Step::Event(data) => Item::Body(chunk::event(data).into_bytes()),
            Step::Delta(delta) => Item::Body(chunk::delta(id, delta).into_bytes()),
            Step::Finish(reason) => Item::Body(chunk::finish(id, reason).into_bytes()),
            Step::Usage(usage) => Item::Body(chunk::usage(id, usage).into_bytes()),
            Step::Done(_) => Item::Body(chunk::DONE.as_bytes().to_vec()),
            Step::Completion(completion) => Item::Body(chunk::completion(id, completion).into_bytes()),
        });
    }
    items
}

fn body_length(items: &[Item<'_>]) -> usize {
    items.iter().map(|item| if let Item::Body(bytes) = item { bytes.len() } else { 0 }).sum()
}

/// Keeps what comes before body byte `at`, and ends there. An end that the script reaches earlier stays.
fn cut_after(items: Vec<Item<'_>>, at: usize, end: CutEnd) -> Vec<Item<'_>> {
    let mut kept = Vec::with_capacity(items.len() + 1);
    let mut left = at;
    let mut head_seen = false;
    for item in items {
        match item {
            Item::Body(mut bytes) if bytes.len() >= left => {
                bytes.truncate(left);
                kept.push(Item::Body(bytes));
                break;
            }
            Item::Body(bytes) => {
                left -= bytes.len();
                kept.push(Item::Body(bytes));
            }
            Item::Head(head) => {
                head_seen = true;
                kept.push(Item::Head(head));
            }
            // Nothing is left to send: the waits that would follow are cut too, but never the head.
            _ if left == 0 && head_seen => break,
            other => kept.push(other),
        }
    }
    kept.push(Item::End(end));
    kept
}

/// Regroups neighbouring body bytes into pieces of `size`.
fn split(items: Vec<Item<'_>>, size: usize) -> Vec<Item<'_>> {
    let mut out = Vec::with_capacity(items.len());
    let mut pending = Vec::new();
    let flush = |pending: &mut Vec<u8>, out: &mut Vec<_>| {
        out.extend(pending.chunks(size).map(|piece| Item::Body(piece.to_vec())));
        pending.clear();
    };
    for item in items {
        if let Item::Body(bytes) = item {
            pending.extend_from_slice(&bytes);
        } else {
            flush(&mut pending, &mut out);
            out.push(item);
        }
    }
    flush(&mut pending, &mut out);
    out
}

fn join(actions: Vec<Action>) -> Vec<Action> {
    let mut joined: Vec<Action> = Vec::with_capacity(actions.len());
    for action in actions {
        match (joined.last_mut(), action) {
            (
                Some(Action::Write { bytes, head, body }),
                Action::Write { bytes: more, head: more_head, body: more_body },
            ) => {
                if *head == bytes.len() {
                    *head += more_head;
                }
                bytes.extend_from_slice(&more);
                *body += more_body;
            }
            (_, action) => joined.push(action),
        }
    }
    joined
}

/// What the body is wrapped in, once that is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    /// No final head was sent yet.
    Unknown,
    Chunked,
    Length(usize),
    /// Until the connection ends; raw bytes also end here.
    Close,
    /// The answer has no body: 204, 304.
    Nothing,
}

struct Writer {
    actions: Vec<Action>,
    wrapping: Wrapping,
    total: usize,
    sent: usize,
}

impl Writer {
    fn new(total: usize) -> Self {
        Self { actions: Vec::new(), wrapping: Wrapping::Unknown, total, sent: 0 }
    }

    fn write_all(mut self, items: &[Item<'_>]) -> Plan {
        for item in items {
            match item {
                Item::Head(head) => self.head(head),
                Item::Raw(bytes) => self.raw(bytes),
                Item::Body(bytes) => self.body(bytes),
                Item::Wait(wait) => self.actions.push(Action::Pause(*wait)),
                Item::End(end) => {
                    self.actions.push(match end {
                        CutEnd::Close => Action::Close,
                        CutEnd::Reset => Action::Reset,
                        CutEnd::Stall => Action::Stall,
                    });
                    return Plan { actions: self.actions, reusable: false };
                }
            }
        }
        self.finish()
    }

    fn head(&mut self, head: &Head) {
        let interim = (100..200).contains(&head.status);
        let without_body = interim || matches!(head.status, 204 | 304);
        let reason = StatusCode::from_u16(head.status).ok().and_then(|status| status.canonical_reason());
        let mut text = format!("HTTP/1.1 {} {}\r\n", head.status, reason.unwrap_or("Scripted"));
        for (name, value) in &head.headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        let wrapping = match head.framing {
            _ if without_body => Wrapping::Nothing,
            Framing::Chunked => Wrapping::Chunked,
            Framing::Length => Wrapping::Length(head.length.unwrap_or(self.total)),
            Framing::Close => Wrapping::Close,
        };
        let (name, value) = match wrapping {
            Wrapping::Chunked => ("transfer-encoding", "chunked".to_owned()),
            Wrapping::Length(length) => ("content-length", length.to_string()),
            Wrapping::Close => ("connection", "close".to_owned()),
            Wrapping::Nothing | Wrapping::Unknown => ("", String::new()),
        };
        if !name.is_empty() && !head.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            // Writing into a string cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        let head = text.len();
        self.actions.push(Action::Write { bytes: text.into_bytes(), head, body: 0 });
        if !interim {
            self.wrapping = wrapping;
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        if self.wrapping == Wrapping::Unknown {
            self.wrapping = Wrapping::Close;
        }
        self.actions.push(Action::Write { bytes: bytes.to_vec(), head: 0, body: 0 });
    }

    fn body(&mut self, bytes: &[u8]) {
        self.ensure_head();
        // An empty chunk would be the end of the body.
        if bytes.is_empty() || self.wrapping == Wrapping::Nothing {
            return;
        }
        self.sent += bytes.len();
        let framed = if self.wrapping == Wrapping::Chunked {
            let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
            framed.extend_from_slice(bytes);
            framed.extend_from_slice(b"\r\n");
            framed
        } else {
            bytes.to_vec()
        };
        self.actions.push(Action::Write { bytes: framed, head: 0, body: bytes.len() });
    }

    fn ensure_head(&mut self) {
        if self.wrapping == Wrapping::Unknown {
            let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
            self.head(&Head { headers, ..Head::default() });
        }
    }

    fn finish(mut self) -> Plan {
        self.ensure_head();
        if self.wrapping == Wrapping::Chunked {
            self.actions.push(Action::Write { bytes: b"0\r\n\r\n".to_vec(), head: 0, body: 0 });
        }
        let reusable = match self.wrapping {
            Wrapping::Chunked | Wrapping::Nothing => true,
            Wrapping::Length(length) => length == self.sent,
            Wrapping::Close | Wrapping::Unknown => false,
        };
        Plan { actions: self.actions, reusable }
    }
}
