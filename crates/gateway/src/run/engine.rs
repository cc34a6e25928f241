//! Drives one run from its request to its end: providers, attempts, decoding, limits. What happens to the log is in `watch`, what
//! happens at the end in `settlement`.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{
    Timestamp,
    chat::{ChatEvent, Finish, Usage},
    run::{EventKind, RunKey, StopPoint},
};
use futures_util::{Stream, StreamExt as _, stream};
use ports::HttpError;
use providers::{Exchange, Provider, ProviderError, ProviderErrorKind};

use super::{
    Parts,
    charge::{Progress, Seen},
    hub::Hub,
    job::Job,
    payload::{self, Fault},
    provider::{self, Failure},
    recorder::{MAX_EVENTS, Recorder},
    settlement::Ending,
    watch::{Interruption, Watch},
};
use crate::{Config, log::Line};

/// How much of a refusal's body is read.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;
/// Chunks of the provider's that are decoded together if they have arrived together.
const MAX_BURST: usize = 64;
/// The first pause between two attempts; it doubles.
const BACKOFF: Duration = Duration::from_millis(250);

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, HttpError>> + Send>>;

/// One run at work.
pub struct Engine {
    pub(super) config: Arc<Config>,
    pub(super) parts: Parts,
    pub(super) key: RunKey,
    pub(super) job: Job,
    pub(super) hub: Arc<Hub>,
    pub(super) recorder: Recorder,
    pub(super) watch: Watch,
    pub(super) usage: Option<Usage>,
    /// Whom we asked last.
    pub(super) asked: &'static str,
    /// Who did not take the request, and why: for the log.
    pub(super) refusals: Vec<String>,
    /// Whether the log must be written anew at the end, because a stop cut it.
    pub(super) rewrite: bool,
    has_output: bool,
    /// Bytes of output of every kind.
    bytes: usize,
    /// Whether a provider may have taken the request, so that it costs something.
    dispatched: bool,
    seen: Seen,
    /// The last count of tokens that was not believed.
    doubted: Option<Usage>,
}

/// Why an attempt ended without a finish.
enum Setback {
    Failed(Failure),
    Interrupted(Interruption),
}

impl From<Interruption> for Setback {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl Engine {
    /// A run about to begin.
    pub fn new(config: Arc<Config>, parts: Parts, key: RunKey, job: Job, hub: Arc<Hub>) -> Self {
        let log = job.durable.then(|| (parts.chats.for_user(key.user), key.run));
        let watch = Watch::new(config.clone(), parts.clone(), hub.clone(), job.policy, log);
        Self {
            config,
            parts,
            key,
            job,
            hub,
            recorder: Recorder::default(),
            watch,
            usage: None,
            asked: "",
            refusals: Vec::new(),
            rewrite: false,
            has_output: false,
            bytes: 0,
            dispatched: false,
            seen: Seen::default(),
            doubted: None,
        }
    }

    /// Runs to the end, stores it and shows it.
    pub async fn drive(mut self) {
        let ending = self.generate().await;
        self.settle(ending).await;
        self.hub.close();
    }

    async fn generate(&mut self) -> Ending {
        let total = self.parts.clock.now().plus(self.config.timeouts.total);
        let state = Arc::from(self.job.state.as_str());
        self.record(EventKind::State, state);
        let asked_for = self.job.request.model.clone();
        let mut first = None;
        for route in provider::routes(&self.config, &asked_for, self.job.created_at) {
            (self.asked, self.job.request.model) = (route.name, route.model);
            match self.ask(&*route.provider, total).await {
                Ok(finish) => return Ending::Finished(finish),
                Err(Setback::Interrupted(interruption)) => return interrupted(interruption),
                // It was taken, or nobody would take it: that says more than an earlier "not here".
                Err(Setback::Failed(failure)) if !failure.elsewhere => return Ending::Failed(failure),
                Err(Setback::Failed(failure)) => {
                    self.refusals.push(format!("{}: {}", route.name, failure.cause));
                    first.get_or_insert(failure);
                }
            }
        }
        // Nobody answered: it stays the model that was asked for, and the first provider's failure.
        self.job.request.model = asked_for;
        first.map_or_else(|| Ending::Failed(timed_out()), Ending::Failed)
    }

    /// Asks one provider, as often as it helps.
    async fn ask(&mut self, provider: &dyn Provider, total: Timestamp) -> Result<Finish, Setback> {
        let mut attempt = 0;
        loop {
            let failure = match self.attempt(provider, total).await {
                Err(Setback::Failed(failure)) => failure,
                ended => return ended,
            };
            self.dispatched &= !failure.refused;
            let Some(wait) = self.patience(&failure, attempt) else { return Err(Setback::Failed(failure)) };
            attempt += 1;
            let sleep = self.sleep(wait);
            self.watch.wait(&mut self.recorder, sleep, total).await?;
        }
    }

    /// How far the run came, as far as money is concerned.
    pub(super) fn progress(&self, finished: bool) -> Progress {
        Progress { reported: self.usage, seen: self.seen, dispatched: self.dispatched, finished }
    }

    /// How long to wait before the next attempt; `None` when there is none. The provider's own word counts, if our patience
    /// reaches that far.
    fn patience(&self, failure: &Failure, attempt: u32) -> Option<Duration> {
        if !failure.retryable || self.has_output || attempt >= self.config.retries {
            return None;
        }
        let asked = failure.fault.retry_after_ms.map(Duration::from_millis);
        let backoff = BACKOFF * 2_u32.pow(attempt.min(10));
        let [dice] = self.parts.entropy.bytes();
        let jittered = backoff.mul_f64(0.5 + f64::from(dice) / 512.0);
        let wait = asked.unwrap_or(jittered);
        (wait <= self.config.retry_patience).then_some(wait)
    }

    async fn attempt(&mut self, provider: &dyn Provider, total: Timestamp) -> Result<Finish, Setback> {
        let started = self.parts.clock.now();
        let timeouts = self.config.timeouts;
        let exchange = provider.exchange(&self.job.request);
        let exchange = exchange.map_err(|error| Setback::Failed(self.failure(&error).unsent()))?;
        self.dispatched = true;
        let (head, body) = match exchange {
            Exchange::Local { frames, pause } => (head_of_local(), self.play(frames, pause)),
            Exchange::Http(request) => {
                let http = self.parts.http.clone();
                let send = Box::pin(async move { http.send(request).await });
                let deadline = started.plus(timeouts.connect).plus(timeouts.first_byte).min(total);
                let response = self.expect(send, deadline).await?.map_err(|error| broken(&error, false))?;
                let (head, body) = response.into_parts();
                (head, body as Chunks)
            }
        };
        if !head.status.is_success() {
            self.dispatched = false;
            let refusal = self.read_refusal(body, started.plus(timeouts.first_byte).min(total)).await?;
            return Err(Setback::Failed(self.failure(&provider.refusal(&head, &refusal))));
        }
        let mut decoder = provider.decoder(&head, self.job.request.stream).map_err(|error| self.failed(&error))?;
        let (mut events, mut finish) = (Vec::new(), None);
        // What has arrived is decoded and shown together: a burst wakes the readers once.
        let mut body = body.ready_chunks(MAX_BURST);
        loop {
            let now = self.parts.clock.now();
            let first_token = if self.has_output { total } else { started.plus(timeouts.first_token) };
            let deadline = now.plus(timeouts.idle).min(first_token).min(total);
            let chunks = match self.expect(body.next(), deadline).await {
                // The text is whole: what breaks now can only cost the count of tokens.
                Err(Setback::Failed(_)) if finish.is_some() => break,
                chunks => chunks?,
            };
            let ended = chunks.is_none();
            let mut decoded =
                if ended { decoder.finish(&mut events).map_err(|error| self.failed(&error)) } else { Ok(()) };
            for chunk in chunks.into_iter().flatten() {
                decoded = match chunk {
                    Ok(chunk) => decoder.feed(&chunk, &mut events).map_err(|error| self.failed(&error)),
                    Err(error) => Err(broken(&error, true)),
                };
                if decoded.is_err() {
                    break;
                }
            }
            if let Some(limit) = self.take(events.drain(..), &mut finish) {
                return Ok(limit);
            }
            match decoded {
                Err(setback) if finish.is_none() => return Err(setback),
                Err(_) => break,
                Ok(()) => {}
            }
            if ended || decoder.is_done() {
                break;
            }
        }
        if finish.is_none() {
            let finished = decoder.finish(&mut events);
            self.take(events.drain(..), &mut finish);
            finished.map_err(|error| self.failed(&error))?;
        }
        finish.ok_or_else(|| self.failed(&ProviderError::new(ProviderErrorKind::Incomplete)))
    }

    /// Records decoded events and shows them. Returns a finish when the reply is as long as it may get: output that goes beyond
    /// that is cut, and behind it only the count of tokens matters.
    fn take(&mut self, decoded: impl Iterator<Item = ChatEvent>, finish: &mut Option<Finish>) -> Option<Finish> {
        let now = self.parts.clock.now();
        let (mut shown, mut limit) = (Vec::new(), None);
        for event in decoded.map(ChatEvent::without_nul) {
            match &event {
                ChatEvent::Usage(usage) => self.count(*usage),
                ChatEvent::Finished(reason) => *finish = Some(*reason),
                _ => {}
            }
            self.seen.add(&event);
            if limit.is_some() {
                continue;
            }
            let (bytes, room) = (event.bytes(), self.config.max_reply_bytes - self.bytes);
            if bytes > room {
                limit = Some(Finish::Length);
            }
            let Some(event) = event.fitted(room) else { continue };
            let Some((kind, data)) = payload::of_output(&event) else { continue };
            self.bytes += event.bytes();
            if let ChatEvent::Text(text) = &event {
                self.recorder.text.push_str(text);
            }
            shown.push(self.recorder.record(kind, data, now));
            if self.recorder.last() >= MAX_EVENTS {
                limit = Some(Finish::Length);
            }
        }
        self.has_output |= !shown.is_empty();
        self.hub.push(&shown);
        limit
    }

    /// Takes in a count of tokens. One that no model has counts as not given, and the log tells of the first of them.
    fn count(&mut self, usage: Usage) {
        self.usage = usage.is_believable().then_some(usage);
        if self.usage.is_some() || self.doubted.replace(usage).is_some() {
            return;
        }
        Line::new(self.parts.clock.now(), "warn", "a provider's count of tokens is not believed")
            .with("request_id", self.job.request_id.as_str())
            .show("run_id", self.key.run)
            .with("provider", self.asked)
            .with("usage", payload::of_usage(usage))
            .write(&*self.parts.log);
    }

    fn record(&mut self, kind: EventKind, data: Arc<str>) {
        let event = self.recorder.record(kind, data, self.parts.clock.now());
        self.hub.push(&[event]);
    }

    /// Waits for a step of the provider; running out of time is a failure of its own.
    async fn expect<F: Future + Unpin>(&mut self, work: F, deadline: Timestamp) -> Result<F::Output, Setback> {
        self.watch.wait(&mut self.recorder, work, deadline).await.map_err(|interruption| match interruption {
            Interruption::TimedOut => Setback::Failed(timed_out()),
            other => other.into(),
        })
    }

    async fn read_refusal(&mut self, mut body: Chunks, deadline: Timestamp) -> Result<Vec<u8>, Setback> {
        let mut bytes = Vec::new();
        while bytes.len() < MAX_REFUSAL_BYTES {
            match self.expect(body.next(), deadline).await {
                Ok(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
                // The status has said enough.
                Ok(Some(Err(_)) | None) | Err(Setback::Failed(_)) => break,
                Err(interrupted) => return Err(interrupted),
            }
        }
        bytes.truncate(MAX_REFUSAL_BYTES);
        Ok(bytes)
    }

    /// The bytes of a built-in model, one after the other.
    fn play(&self, frames: Vec<Bytes>, pause: Duration) -> Chunks {
        let tasks = self.parts.tasks.clone();
        Box::pin(stream::iter(frames).then(move |frame| {
            let tasks = tasks.clone();
            async move {
                if !pause.is_zero() {
                    tasks.sleep(pause).await;
                }
                Ok(frame)
            }
        }))
    }

    fn sleep(&self, duration: Duration) -> ports::BoxFuture<()> {
        let tasks = self.parts.tasks.clone();
        Box::pin(async move { tasks.sleep(duration).await })
    }

    fn failure(&self, error: &ProviderError) -> Failure {
        provider::failed(error, &self.job.request.turns, self.parts.clock.now())
    }

    fn failed(&self, error: &ProviderError) -> Setback {
        Setback::Failed(self.failure(error))
    }
}

fn broken(error: &HttpError, began: bool) -> Setback {
    Setback::Failed(provider::broken(error, began))
}

fn interrupted(interruption: Interruption) -> Ending {
    match interruption {
        Interruption::Stop(point) => Ending::Stopped(point),
        Interruption::Abandoned => Ending::Stopped(StopPoint::Now),
        Interruption::Fenced => Ending::Fenced,
        Interruption::Ending => Ending::Interrupted,
        Interruption::TimedOut => Ending::Failed(timed_out()),
    }
}

fn timed_out() -> Failure {
    Failure {
        fault: Fault::new(504, "provider_timeout", "The model's provider took too long. Try again."),
        retryable: false,
        refused: false,
        elsewhere: false,
        cause: "a configured timeout ran out".to_owned(),
    }
}

/// The head that stands for the one a built-in model never sent.
fn head_of_local() -> http::response::Parts {
    http::Response::new(()).into_parts().0
}
