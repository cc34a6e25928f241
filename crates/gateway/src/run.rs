//! The run engine: a reply being generated, its log and its readers. The owner is chosen before the provider is called, and
//! the client is merely the first reader.

pub mod charge;
pub mod frames;
pub mod job;
pub mod payload;

mod engine;
mod hub;
mod log_reader;
mod provider;
mod reaper;
mod recorder;
mod settlement;
mod watch;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    UserId,
    run::{RunKey, Seq, StopPoint},
};
use ports::{Chats, Clock, Database, Entropy, EventStream, HttpClient, Log, Platform, Runs, RunsError, Tasks};

use self::{engine::Engine, hub::Hub, job::Job, reaper::Owner};
use crate::{Config, store};

/// How long the log of a run that is not stored stays readable after its end.
const EPHEMERAL_GRACE: Duration = Duration::from_secs(30);
/// How many runs this process may hold when one of them lingers after its end. Beyond it, memory is worth more than the
/// reader who might come back.
const MAX_LINGERING: usize = 4096;
/// How long a stop waits for the owner to store the end.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How often the store is asked for news of a run that another process owns.
const POLL: Duration = Duration::from_millis(150);

/// What the engine needs of a host.
#[derive(Clone)]
pub struct Parts {
    /// The stores of conversations and runs.
    pub chats: Arc<dyn Chats>,
    /// Outbound HTTP.
    pub http: Arc<dyn HttpClient>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Log lines.
    pub log: Arc<dyn Log>,
    /// The executor.
    pub tasks: Arc<dyn Tasks>,
}

impl Parts {
    /// The same of a whole platform.
    pub fn of(platform: &Platform) -> Self {
        Self {
            chats: platform.chats.clone(),
            http: platform.http.clone(),
            clock: platform.clock.clone(),
            entropy: platform.entropy.clone(),
            log: platform.log.clone(),
            tasks: platform.tasks.clone(),
        }
    }
}

/// Has every run closed whose owner is dead, and settles plain completions whose process is gone. Returns at how many runs it
/// looked.
pub async fn reap(parts: &Parts, runs: &dyn Runs) -> Result<usize, RunsError> {
    let seen = reaper::close_all(parts, runs).await?;
    let (now, chats) = (parts.clock.now(), any_chats(parts));
    // Mostly there is nothing to do, and a look costs less than a write.
    if !chats.run(store::ledger::any_expired(now)).await.map_err(unavailable)?.rows.is_empty() {
        chats.run(store::ledger::expire_all(now)).await.map_err(unavailable)?;
    }
    Ok(seen)
}

/// How many runs one pass of [`sweep`] takes, and how many passes it makes at most: a host may bound how often a request asks the
/// database.
const SWEPT_AT_ONCE: i64 = 200;
const PASSES: usize = 100;

/// Deletes logs, and runs that nobody asked to keep, past their time: everybody's, in passes of a bounded size, until one finds
/// less than it may take. A user's next message does it for that user; this is for those who do not come back.
pub async fn sweep(config: &Config, parts: &Parts) -> Result<(), RunsError> {
    let now = parts.clock.now();
    let (logs, keyed) = (now.minus(config.log_retention), now.minus(KEY_LIFE));
    let chats = any_chats(parts);
    // Mostly there is nothing to do, and a look costs less than a write.
    let due = vec![store::run_events::any_expired(logs), store::runs::any_expired(logs, keyed)];
    if chats.batch(due).await.map_err(unavailable)?.iter().all(|outcome| outcome.rows.is_empty()) {
        return Ok(());
    }
    let full = usize::try_from(SWEPT_AT_ONCE).unwrap_or(usize::MAX);
    for _ in 0..PASSES {
        let mut batch = store::run_events::expire_all(logs, SWEPT_AT_ONCE).to_vec();
        batch.push(store::runs::expire_all(logs, keyed, SWEPT_AT_ONCE));
        let outcomes = chats.batch(batch).await.map_err(unavailable)?;
        if outcomes.iter().all(|outcome| outcome.rows.len() < full) {
            break;
        }
    }
    Ok(())
}

/// How long a completion can be repeated with its idempotency key.
pub const KEY_LIFE: Duration = Duration::from_hours(24);

/// Runs owned by this process: tasks of its executor, an in-memory hub for the readers, the log in the store of chats.
/// Readers of a run that another process owns poll the log.
pub struct LocalRuns {
    config: Arc<Config>,
    parts: Parts,
    hubs: Hubs,
    /// Where the owner of a run is that is in no hub here.
    others: Owner,
    ending: Arc<Ending>,
}

/// The end of the process, as its runs hear of it.
#[derive(Default)]
struct Ending {
    /// Nobody comes back to this process any more.
    drains: AtomicBool,
    /// Whatever still runs is to end now.
    interrupts: AtomicBool,
    news: event_listener::Event,
}

impl Ending {
    /// Waits until nobody comes back any more.
    async fn draining(&self) {
        loop {
            let news = self.news.listen();
            if self.drains.load(SeqCst) {
                return;
            }
            news.await;
        }
    }
}

type Hubs = Arc<Mutex<HashMap<RunKey, Arc<Hub>>>>;

impl LocalRuns {
    /// An owner without runs, in a process that serves every request.
    pub fn new(config: Arc<Config>, parts: Parts) -> Arc<Self> {
        Self::with_others(config, parts, Owner::Gone)
    }

    /// An owner without runs, in one of several processes or instances that serve the same app.
    pub fn among_others(config: Arc<Config>, parts: Parts) -> Arc<Self> {
        Self::with_others(config, parts, Owner::Elsewhere)
    }

    fn with_others(config: Arc<Config>, parts: Parts, others: Owner) -> Arc<Self> {
        Arc::new(Self { config, parts, hubs: Hubs::default(), others, ending: Arc::default() })
    }

    /// Closes every run whose owner is dead, and settles plain completions whose process is gone. For a host that can call it
    /// now and then; readers do the same for the runs that they meet, and a user's next request for its completions. Returns
    /// at how many runs it looked.
    pub async fn reap(&self) -> Result<usize, RunsError> {
        reap(&self.parts, self).await
    }

    /// The process is about to end: runs that are over are kept for nobody any more.
    pub fn drain(&self) {
        self.ending.drains.store(true, SeqCst);
        self.ending.news.notify(usize::MAX);
    }

    /// Ends every run as `interrupted`, with all that came so far, and waits until that is stored and shown.
    pub async fn interrupt(&self) {
        self.ending.interrupts.store(true, SeqCst);
        let hubs: Vec<_> = lock(&self.hubs).values().cloned().collect();
        for hub in &hubs {
            hub.interrupt();
        }
        for hub in &hubs {
            hub.closed().await;
        }
    }

    /// Closes every open run. Right only at the start of a process that alone owns the database: whatever is open then has
    /// lost its owner. Returns how many it closed. Looks twice, because the second look closes without text what the first one
    /// could not close.
    pub async fn recover(&self) -> Result<usize, RunsError> {
        let mut closed = 0;
        for _ in 0..2 {
            let abandoned = vec![store::runs::abandon_all(), store::ledger::abandon_all()];
            any_chats(&self.parts).batch(abandoned).await.map_err(unavailable)?;
            closed += self.reap().await?;
        }
        Ok(closed)
    }

    fn hub(&self, key: RunKey) -> Option<Arc<Hub>> {
        lock(&self.hubs).get(&key).cloned()
    }
}

fn lock(hubs: &Hubs) -> MutexGuard<'_, HashMap<RunKey, Arc<Hub>>> {
    hubs.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Runs for LocalRuns {
    async fn start(&self, key: RunKey, job: Bytes) -> Result<EventStream, RunsError> {
        let job = Job::decode(&job).map_err(|error| RunsError::Unavailable(error.to_string()))?;
        let hub = Arc::new(Hub::default());
        let reader = hub.reader(0);
        lock(&self.hubs).insert(key, hub.clone());
        // After the insert, so that a run which starts meanwhile is seen here or there.
        if self.ending.interrupts.load(SeqCst) {
            hub.interrupt();
        }
        let (hubs, tasks, ending) = (self.hubs.clone(), self.parts.tasks.clone(), self.ending.clone());
        let lingers = job.resumable && !job.durable;
        let engine = Engine::new(self.config.clone(), self.parts.clone(), key, job, hub);
        self.parts.tasks.spawn(Box::pin(async move {
            engine.drive().await;
            if !lingers || lock(&hubs).len() >= MAX_LINGERING {
                lock(&hubs).remove(&key);
                return;
            }
            // In a task of its own, so that what waits is small: this one still holds the whole engine.
            let waiting = tasks.clone();
            tasks.spawn(Box::pin(async move {
                let (grace, draining) = (waiting.sleep(EPHEMERAL_GRACE), ending.draining());
                futures_util::pin_mut!(grace, draining);
                futures_util::future::select(grace, draining).await;
                lock(&hubs).remove(&key);
            }));
        }));
        Ok(reader)
    }

    async fn follow(&self, key: RunKey, after: Seq) -> Result<EventStream, RunsError> {
        match self.hub(key).filter(|hub| !hub.is_let_go()) {
            Some(hub) => Ok(hub.reader(after)),
            None => log_reader::open(self.config.clone(), self.parts.clone(), key, self.others, after).await,
        }
    }

    fn finds_unstored(&self) -> bool {
        self.others == Owner::Gone
    }

    async fn close_if_dead(&self, key: RunKey) -> Result<(), RunsError> {
        if self.hub(key).is_some() {
            return Ok(());
        }
        reaper::close(&self.config, &self.parts, key, self.others).await
    }

    async fn stop(&self, key: RunKey, point: StopPoint) -> Result<(), RunsError> {
        let Some(hub) = self.hub(key) else {
            return log_reader::stop(&self.config, &self.parts, key, self.others, point).await;
        };
        hub.ask_to_stop(point);
        let patience = self.parts.tasks.sleep(STOP_PATIENCE);
        let closed = hub.closed();
        futures_util::pin_mut!(closed);
        match futures_util::future::select(closed, patience).await {
            futures_util::future::Either::Left(_) => Ok(()),
            futures_util::future::Either::Right(_) => {
                Err(RunsError::Unavailable("the run did not stop in time".into()))
            }
        }
    }
}

/// The store that lists everybody's runs. Today all users share one.
fn any_chats(parts: &Parts) -> Arc<dyn Database> {
    parts.chats.for_user(UserId::new(parts.clock.now(), [0; 10]))
}

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn unavailable(error: ports::DatabaseError) -> RunsError {
    RunsError::Unavailable(error.to_string())
}
