//! Numbers the events of a run and keeps what is not in the log yet.

use std::sync::Arc;

use domain::{
    Timestamp,
    run::{Event, EventKind, Seq},
};

/// The most events of one run. More than any model sends; bounds the memory of a provider gone mad.
pub const MAX_EVENTS: Seq = 50_000;
/// Bytes of payload after which a record is written without waiting for its age.
const RECORD_BYTES: usize = 2048;

/// The owner's side of the log.
#[derive(Default)]
pub struct Recorder {
    last: Seq,
    pending: Vec<Event>,
    pending_bytes: usize,
    oldest: Option<Timestamp>,
    /// The visible text so far.
    pub text: String,
}

impl Recorder {
    /// The number of the newest event.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Makes the next event and remembers that it is to be written.
    pub fn record(&mut self, kind: EventKind, data: Arc<str>, now: Timestamp) -> Event {
        self.last += 1;
        let event = Event { seq: self.last, kind, data };
        self.pending_bytes += event.data.len();
        self.pending.push(event.clone());
        self.oldest.get_or_insert(now);
        event
    }

    /// When the oldest unwritten event came; `None` when all is written.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.oldest
    }

    /// Whether enough has gathered for a record.
    pub fn is_full(&self) -> bool {
        self.pending_bytes >= RECORD_BYTES
    }

    /// Hands out what is to be written.
    pub fn take(&mut self) -> Vec<Event> {
        self.pending_bytes = 0;
        self.oldest = None;
        std::mem::take(&mut self.pending)
    }

    /// Takes back what could not be written.
    pub fn give_back(&mut self, mut events: Vec<Event>, now: Timestamp) {
        self.oldest = (!events.is_empty()).then_some(now).or(self.oldest);
        events.append(&mut self.pending);
        self.pending_bytes = events.iter().map(|event| event.data.len()).sum();
        self.pending = events;
    }
}
