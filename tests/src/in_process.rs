//! The product without a host: the gateway over the strict database and fakes, with real time and real sockets to the
//! scripted upstream.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use adapters::MemoryRateLimiter;
use async_trait::async_trait;
use domain::Timestamp;
use futures_util::StreamExt as _;
use gateway::{Body, Config, Gateway, LocalRuns, run::Parts};
use http::{Method, Request};
use ports::{Chats, Clock, Database, Log, Platform, Settings, SettingsError};
use testkit::{MemoryKeys, PlainHttp, RecordedMail, SeededEntropy, StrictDatabase, TokioTasks};

use crate::{Answer, settings::SETTINGS};

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the host of these tests")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(0))
    }
}

struct Given(HashMap<String, String>);

#[async_trait]
impl Settings for Given {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        Ok(self.0.get(name).cloned())
    }
}

/// Shown by the test runner when a test fails, and kept for the tests that look for secrets.
#[derive(Default)]
pub struct Captured(Mutex<Vec<String>>);

impl Captured {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it logs").clone()
    }
}

impl Log for Captured {
    fn write(&self, line: &str) {
        println!("{line}");
        self.0.lock().expect("no test panics while it logs").push(line.to_owned());
    }
}

pub async fn start(upstream: &str, given: &[(&'static str, &str)]) -> (Arc<Gateway>, Arc<Platform>, Arc<Captured>) {
    let mut settings: HashMap<String, String> =
        SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    settings.insert("LITTORAL_OPENAI_BASE_URL".into(), format!("{upstream}/v1"));
    settings.extend(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Arc::new(Config::load(&Given(settings)).await.expect("valid settings"));

    let database: Arc<dyn Database> = Arc::new(StrictDatabase::new().await.expect("a database"));
    let clock = Arc::new(SystemClock);
    let log = Arc::new(Captured::default());
    gateway::migrate(&*database, clock.now()).await.expect("migrations");
    let parts = Parts {
        chats: Arc::new(database.clone()) as Arc<dyn Chats>,
        http: Arc::new(PlainHttp),
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        log: log.clone(),
        tasks: Arc::new(TokioTasks::default()),
    };
    let platform = Platform {
        accounts: database,
        keys: Arc::new(MemoryKeys::new(clock)),
        limiter: Arc::new(MemoryRateLimiter::default()),
        runs: LocalRuns::new(config.clone(), parts.clone()),
        mail: Arc::new(RecordedMail::default()),
        chats: parts.chats,
        http: parts.http,
        clock: parts.clock,
        entropy: parts.entropy,
        log: parts.log,
        tasks: parts.tasks,
    };
    (Arc::new(Gateway::new(config)), Arc::new(platform), log)
}

pub async fn send(
    gateway: &Gateway,
    platform: &Arc<Platform>,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body)).expect("a request");
    let (head, body) = gateway.handle(platform.clone(), request).await.into_parts();
    let body = Box::pin(body.into_data_stream().map(|chunk| chunk.map_err(|error| error.to_string())));
    Answer { status: head.status, headers: head.headers, body }
}
