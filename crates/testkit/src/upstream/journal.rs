//! What every id shall play and what its calls sent. Shared by all connections; bounded, so that a benchmark can run for
//! hours: the count is exact, the records are the newest ones.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use event_listener::{Event, EventListener};

use super::call::Call;
use super::plan::Plan;
use super::request::Request;
use super::script::Script;
use super::socket::now;

/// The id of requests that name no model, and of the script for ids without one.
pub const DEFAULT: &str = "default";
/// What the ids of the second provider begin with.
pub const FALLBACK: &str = "fallback-";
/// Ids that are told apart; calls of further ones are recorded as `default`.
const IDS: usize = 16_384;
/// Calls recorded an id, and the bytes they may hold together: the newest call is kept whatever its size.
const RECORDS: usize = 4_096;
const RECORD_BYTES: usize = 64 << 20;

/// One call while it is played and after.
#[derive(Debug)]
pub struct Record {
    pub request: Request,
    pub at_ms: u64,
    pub connection: u64,
    pub attempt: u64,
    /// Body bytes handed to the socket so far.
    pub sent: AtomicU64,
    pub end: OnceLock<End>,
}

/// How a call ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub at_ms: u64,
    /// False if the client left before the script's end.
    pub finished: bool,
}

/// What one attempt plays for its two kinds of callers.
struct Attempt {
    streamed: Arc<Plan>,
    plain: Option<Arc<Plan>>,
}

#[derive(Default)]
struct Entry {
    script: Option<Script>,
    /// Worked out on the first call; emptied when the script changes.
    attempts: Vec<Attempt>,
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    count: u64,
}

/// A call that begins: what to play, and where to note how it goes.
pub struct Begun {
    pub record: Arc<Record>,
    pub plan: Arc<Plan>,
}

/// All ids.
pub struct Journal {
    entries: RwLock<HashMap<String, Arc<Mutex<Entry>>>>,
    fallback: Mutex<Script>,
    started: Instant,
    changed: Event,
    stopped: AtomicBool,
}

impl Journal {
    pub fn new() -> Self {
        Self {
            entries: RwLock::default(),
            fallback: Mutex::new(Script::standard()),
            started: now(),
            changed: Event::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Replaces what `id` plays and forgets its calls. False if there are too many ids.
    pub fn script(&self, id: &str, script: Script) -> bool {
        if id == DEFAULT {
            *lock(&self.fallback) = script.clone();
            for entry in self.entries.read().unwrap_or_else(PoisonError::into_inner).values() {
                let mut entry = lock(entry);
                if entry.script.is_none() {
                    entry.attempts.clear();
                }
            }
        }
        let Some(entry) = self.entry(id) else { return false };
        *lock(&entry) = Entry { script: Some(script), ..Entry::default() };
        true
    }

    /// Records a call and says what it plays. `streamed` is false for a caller who waits for one JSON object.
    pub fn begin(&self, id: &str, request: Request, streamed: bool, connection: u64) -> Option<Begun> {
        let (id, entry) = match self.entry(id) {
            Some(entry) => (id, entry),
            None => (DEFAULT, self.entry(DEFAULT)?),
        };
        let at_ms = self.now_ms();
        let mut entry = lock(&entry);
        if entry.attempts.is_empty() {
            let script = entry.script.clone().unwrap_or_else(|| self.unscripted(id));
            entry.attempts = script.plays().iter().map(|play| attempt(play, id)).collect();
        }
        let last = entry.attempts.len().checked_sub(1)?;
        let index = usize::try_from(entry.count).map_or(last, |count| count.min(last));
        let chosen = &entry.attempts[index];
        let plan = match (&chosen.plain, streamed) {
            (Some(plain), false) => Arc::clone(plain),
            _ => Arc::clone(&chosen.streamed),
        };
        // The answer to HEAD is rare enough to be worked out each time.
        let plan = if request.method() == b"HEAD" { Arc::new(plan.without_body()) } else { plan };
        let attempt = entry.count;
        let record =
            Arc::new(Record { request, at_ms, connection, attempt, sent: AtomicU64::new(0), end: OnceLock::new() });
        entry.keep(Arc::clone(&record));
        drop(entry);
        self.changed.notify(usize::MAX);
        Some(Begun { record, plan })
    }

    /// Notes how a call ended.
    pub fn end(&self, record: &Record, finished: bool) {
        // The first end is the one that counts.
        let _ = record.end.set(End { at_ms: self.now_ms(), finished });
        self.changed.notify(usize::MAX);
    }

    /// The recorded calls, oldest first, and the count of all.
    pub fn calls(&self, id: &str) -> (Vec<Call>, u64) {
        let Some(entry) = self.known(id) else { return (Vec::new(), 0) };
        let (records, count): (Vec<_>, _) = {
            let entry = lock(&entry);
            (entry.records.iter().cloned().collect(), entry.count)
        };
        (records.iter().map(|record| Call::of(record)).collect(), count)
    }

    /// All calls so far.
    pub fn count(&self, id: &str) -> u64 {
        self.known(id).map_or(0, |entry| lock(&entry).count)
    }

    /// Whether there was a call and the newest one has ended.
    pub fn newest_ended(&self, id: &str) -> bool {
        self.known(id).is_some_and(|entry| lock(&entry).records.back().is_some_and(|record| record.end.get().is_some()))
    }

    /// Hears of the next change. Take it before looking, so that no change falls between.
    pub fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    /// Waits until `holds` or the deadline; false at the deadline, or when the server stops.
    pub fn wait_until(&self, deadline: Instant, holds: impl Fn(&Self) -> bool) -> bool {
        loop {
            let listener = self.listen();
            if holds(self) {
                return true;
            }
            if self.stopped() || event_listener::Listener::wait_deadline(listener, deadline).is_none() {
                return holds(self);
            }
        }
    }

    /// Lets every waiting caller go.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.changed.notify(usize::MAX);
    }

    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// What an id without a script plays.
    fn unscripted(&self, id: &str) -> Script {
        if id.starts_with(FALLBACK) {
            return Script::error(401, "invalid_request_error", "nothing is scripted for the second provider");
        }
        lock(&self.fallback).clone()
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(now().saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn known(&self, id: &str) -> Option<Arc<Mutex<Entry>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The entry of an id, made if need be; none if there are too many already.
    fn entry(&self, id: &str) -> Option<Arc<Mutex<Entry>>> {
        if let Some(entry) = self.known(id) {
            return Some(entry);
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= IDS && id != DEFAULT && !entries.contains_key(id) {
            return None;
        }
        Some(Arc::clone(entries.entry(id.to_owned()).or_default()))
    }
}

impl Entry {
    fn keep(&mut self, record: Arc<Record>) {
        self.count += 1;
        self.bytes += record.size();
        self.records.push_back(record);
        while self.records.len() > RECORDS || (self.bytes > RECORD_BYTES && self.records.len() > 1) {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= oldest.size();
        }
    }
}

impl Record {
    fn size(&self) -> usize {
        self.request.head.len() + self.request.body.len()
    }
}

fn attempt(play: &super::step::Play, id: &str) -> Attempt {
    let ready = |play| Arc::new(Plan::new(play, id));
    Attempt { streamed: ready(play), plain: play.plain.as_deref().map(ready) }
}

/// A thread that panicked under this lock left nothing half-done.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
