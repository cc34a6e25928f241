//! A reader of the native stream, as strict as a phone's: it checks every frame's form and order.

use futures_util::StreamExt as _;
use serde_json::Value;

use crate::api::{Chunks, PATIENCE};

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The run.
    pub run: String,
    /// The number.
    pub seq: u64,
    /// The kind.
    pub event: String,
    /// The payload's text.
    pub data: String,
}

impl Frame {
    /// The payload.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("a JSON payload")
    }

    /// The text of a `delta`; empty otherwise.
    pub fn text(&self) -> String {
        if self.event == "delta" { self.json()["text"].as_str().expect("text").to_owned() } else { String::new() }
    }
}

/// The text of all `delta` events.
pub fn joined(frames: &[Frame]) -> String {
    frames.iter().map(Frame::text).collect()
}

/// The events of one connection. Dropping it closes the connection.
pub struct Frames {
    body: Chunks,
    buffer: String,
    pending: Vec<u8>,
    last: u64,
    /// Heartbeats seen.
    pub heartbeats: usize,
    /// Bytes read.
    pub bytes: usize,
}

impl Frames {
    /// Begins to read.
    pub fn new(body: Chunks) -> Self {
        Self { body, buffer: String::new(), pending: Vec::new(), last: 0, heartbeats: 0, bytes: 0 }
    }

    /// The next event; `None` when the connection was closed.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                match self.parse(&block) {
                    Some(frame) => return Some(frame),
                    None => continue,
                }
            }
            let next =
                tokio::time::timeout(PATIENCE, self.body.next()).await.expect("a stream is never silent for long");
            let Some(Ok(chunk)) = next else {
                assert!(
                    self.buffer.is_empty() || next.is_some(),
                    "the stream ended inside an event: {:?}",
                    self.buffer
                );
                return None;
            };
            self.bytes += chunk.len();
            self.pending.extend_from_slice(&chunk);
            let valid = match std::str::from_utf8(&self.pending) {
                Ok(_) => self.pending.len(),
                Err(error) => error.valid_up_to(),
            };
            let rest = self.pending.split_off(valid);
            self.buffer.push_str(std::str::from_utf8(&self.pending).expect("checked"));
            self.pending = rest;
        }
    }

    /// All further events up to `end`, which must come.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            let over = frame.event == "end";
            frames.push(frame);
            if over {
                assert_eq!(self.next().await, None, "nothing comes after `end`");
                return frames;
            }
        }
        panic!("the stream broke off after {frames:?}");
    }

    /// Events up to and with the first of this kind.
    pub async fn until(&mut self, event: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            let over = frame.event == event;
            frames.push(frame);
            if over {
                return frames;
            }
        }
        panic!("the stream ended without `{event}`: {frames:?}");
    }

    /// Reads `bytes` bytes or to the end, whole events or not, and returns the events that were complete. Then the connection is cut.
    pub async fn cut_after(mut self, bytes: usize) -> Vec<Frame> {
        let mut read = Vec::new();
        while read.len() < bytes {
            match tokio::time::timeout(PATIENCE, self.body.next()).await.expect("a stream is never silent for long") {
                Some(Ok(chunk)) => read.extend_from_slice(&chunk),
                _ => break,
            }
        }
        read.truncate(bytes);
        let text = String::from_utf8_lossy(&read).into_owned();
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        let blocks: Vec<String> = whole.split("\n\n").map(str::to_owned).collect();
        blocks.iter().filter_map(|block| self.parse(block)).collect()
    }

    fn parse(&mut self, block: &str) -> Option<Frame> {
        let mut frame = Frame { run: String::new(), seq: 0, event: String::new(), data: String::new() };
        let mut found = false;
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("", _)) => self.heartbeats += 1,
                Some(("id", id)) => {
                    let (run, seq) = id.rsplit_once('.').expect("an id like run.seq");
                    (frame.run, frame.seq) = (run.to_owned(), seq.parse().expect("a number"));
                }
                Some(("event", event)) => event.clone_into(&mut frame.event),
                Some(("data", data)) => {
                    found = true;
                    data.clone_into(&mut frame.data);
                }
                _ => panic!("a line that no client knows: {line:?}"),
            }
        }
        if found {
            assert!(
                frame.seq > self.last || frame.event == "reset",
                "events out of order: {} after {}",
                frame.seq,
                self.last
            );
            self.last = frame.seq;
        }
        found.then_some(frame)
    }
}
