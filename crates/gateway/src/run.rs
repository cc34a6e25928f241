//! The run engine: a reply being generated, its log, its readers.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::run::{RunKey, Seq, StopPoint};
use ports::{Chats, Clock, Entropy, EventStream, HttpClient, Runs, RunsError, Tasks};

use crate::Config;

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
    /// The executor.
    pub tasks: Arc<dyn Tasks>,
}

/// Runs owned by this process: tasks of its executor, an in-memory hub for the readers, the log in the store of chats.
/// Readers of a run that another process owns poll the log.
pub struct LocalRuns {
    config: Arc<Config>,
    parts: Parts,
}

impl LocalRuns {
    /// An owner without runs.
    pub fn new(config: Arc<Config>, parts: Parts) -> Arc<Self> {
        Arc::new(Self { config, parts })
    }
}

#[async_trait]
impl Runs for LocalRuns {
    async fn start(&self, _key: RunKey, _job: Bytes) -> Result<EventStream, RunsError> {
        let _ = (&self.config, &self.parts);
        Err(RunsError::NotFound)
    }

    async fn follow(&self, _key: RunKey, _after: Seq) -> Result<EventStream, RunsError> {
        Err(RunsError::NotFound)
    }

    async fn stop(&self, _key: RunKey, _point: StopPoint) -> Result<(), RunsError> {
        Err(RunsError::NotFound)
    }
}
