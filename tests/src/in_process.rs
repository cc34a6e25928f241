//! The product without a host: the gateway over the strict database and fakes, with real time and real sockets to the
//! scripted upstream.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use adapters::{HttpMail, MemoryRateLimiter};
use async_trait::async_trait;
use domain::Timestamp;
use futures_util::StreamExt as _;
use gateway::{Body, Config, Gateway, LocalRuns, run::Parts};
use http::Request;
use ports::{BoxFuture, Busy, Chats, Client, Clock, Database, Log, Platform, Settings, SettingsError, Tasks};
use testkit::{Faulty, FaultyRenewals, MemoryKeys, PlainHttp, SeededEntropy, StrictDatabase, TokioTasks};
use tokio::{sync::Notify, task::AbortHandle};

use crate::{
    Answer,
    settings::{SETTINGS, at_upstream},
};

/// The system's clock, and what a test added to it.
#[derive(Default)]
pub struct MovableClock(AtomicU64);

impl MovableClock {
    /// Shows a later time from here on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).expect("not so far"), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    #[expect(clippy::disallowed_methods, reason = "this is the host of these tests")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let added = Duration::from_millis(self.0.load(Ordering::SeqCst));
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(0)).plus(added)
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
pub struct Captured(Mutex<Vec<String>>, Notify);

impl Captured {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it logs").clone()
    }
}

#[cfg(test)]
impl Captured {
    /// Waits for the first line that contains `words`.
    pub async fn wait_for(&self, words: &str) -> String {
        let found = async {
            loop {
                let news = self.1.notified();
                if let Some(line) = self.lines().into_iter().find(|line| line.contains(words)) {
                    return line;
                }
                news.await;
            }
        };
        tokio::time::timeout(crate::api::PATIENCE, found).await.expect("a line in the log")
    }
}

impl Log for Captured {
    fn write(&self, line: &str) {
        println!("{line}");
        self.0.lock().expect("no test panics while it logs").push(line.to_owned());
        self.1.notify_one();
    }
}

/// One of possibly several processes over the same stores.
pub struct Process {
    pub gateway: Arc<Gateway>,
    pub platform: Arc<Platform>,
    pub runs: Arc<LocalRuns>,
    pub log: Arc<Captured>,
    pub tasks: Arc<MortalTasks>,
    pub clock: Arc<MovableClock>,
    pub config: Arc<Config>,
    /// Who calls it, as a platform would vouch for it.
    pub client: Mutex<Client>,
}

/// The stores that they share.
pub async fn database() -> Arc<Faulty> {
    let database: Arc<dyn Database> = Arc::new(StrictDatabase::new().await.expect("a database"));
    prepared(database).await
}

/// These stores, brought up to date, which fail when a test or the name of a run's model says so.
pub async fn prepared(database: Arc<dyn Database>) -> Arc<Faulty> {
    gateway::migrate(&*database, MovableClock::default().now()).await.expect("migrations");
    let (clock, tasks) = (Arc::new(MovableClock::default()), Arc::new(TokioTasks::default()));
    Arc::new(Faulty::new(Arc::new(FaultyRenewals::new(database, clock, tasks))))
}

/// The settings of the suite, and these.
pub async fn config(upstream: &str, given: &[(&'static str, &str)]) -> Arc<Config> {
    let mut settings: HashMap<String, String> =
        SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    settings.extend(at_upstream(upstream).map(|(name, value)| (name.to_owned(), value)));
    settings.extend(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Arc::new(Config::load(&Given(settings)).await.expect("valid settings"))
}

/// Starts the `number`th process; 0 is one that is alone.
pub async fn start(
    upstream: &str,
    given: &[(&'static str, &str)],
    database: Arc<dyn Database>,
    number: u64,
) -> Process {
    let config = config(upstream, given).await;
    let clock = Arc::new(MovableClock::default());
    let log = Arc::new(Captured::default());
    let tasks = Arc::new(MortalTasks::default());
    let parts = Parts {
        chats: Arc::new(database.clone()) as Arc<dyn Chats>,
        http: Arc::new(PlainHttp),
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(number)),
        log: log.clone(),
        tasks: tasks.clone(),
    };
    let own = if number == 0 { LocalRuns::new } else { LocalRuns::among_others };
    let runs = own(config.clone(), parts.clone());
    let platform = Platform {
        accounts: database,
        keys: Arc::new(MemoryKeys::new(clock.clone())),
        limiter: Arc::new(MemoryRateLimiter::default()),
        runs: runs.clone(),
        mail: HttpMail::configured(config.mail.api.as_ref(), &parts.http),
        assets: Arc::new(adapters::BundledAssets),
        chats: parts.chats,
        http: parts.http,
        clock: parts.clock,
        entropy: parts.entropy,
        log: parts.log,
        tasks: parts.tasks,
    };
    Process {
        gateway: Arc::new(Gateway::new(config.clone())),
        platform: Arc::new(platform),
        runs,
        log,
        tasks,
        clock,
        config,
        client: Mutex::default(),
    }
}

/// Tasks that can be killed all at once, as a process would be.
#[derive(Default)]
pub struct MortalTasks {
    inner: TokioTasks,
    running: Mutex<Vec<AbortHandle>>,
}

impl MortalTasks {
    /// Waits until every task that was spawned has ended.
    pub async fn settle(&self) {
        let running = || self.running.lock().expect("nobody panics here").iter().any(|task| !task.is_finished());
        let settled = async {
            while running() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::api::PATIENCE, settled).await.expect("tasks that end");
    }

    /// Ends every task that was spawned.
    pub fn kill(&self) {
        for task in self.running.lock().expect("nobody panics here").drain(..) {
            task.abort();
        }
    }
}

#[async_trait]
impl Tasks for MortalTasks {
    fn spawn(&self, task: BoxFuture<()>) {
        self.running.lock().expect("nobody panics here").push(tokio::spawn(task).abort_handle());
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        self.inner.compute(work).await
    }
}

pub async fn send(process: &Process, from: Option<IpAddr>, request: Request<Vec<u8>>) -> Answer {
    let mut request = request.map(Body::from);
    let client = process.client.lock().expect("nobody panics here").clone();
    let client = from.map_or(client, |address| Client { address: Some(address), country: None });
    request.extensions_mut().insert(client);
    let (head, body) = process.gateway.handle(process.platform.clone(), request).await.into_parts();
    let body = Box::pin(body.into_data_stream().map(|chunk| chunk.map_err(|error| error.to_string())));
    Answer { status: head.status, headers: head.headers, body }
}

#[cfg(test)]
mod tests {
    use domain::{UserId, account::Device};
    use gateway::service::{
        accounts, guests, sessions,
        sign_in::{self, SignIn},
    };
    use http::Method;
    use ports::{KeyValue, KeyValueError, Statement};

    use super::*;

    #[tokio::test]
    async fn guests_that_nobody_has_used_for_long_are_found() {
        let provider = crate::Provider::start();
        let Process { platform, .. } = start(&provider.url(), &[], database().await, 0).await;
        let config = config(&provider.url(), &[("LITTORAL_GUEST_DAYS", "1")]).await;
        for _ in 0..3 {
            guests::create(&platform, &config, &Device::default()).await.expect("a guest");
        }
        assert!(guests::unused(&platform, &config, 10).await.expect("a list").is_empty());
        let run = async |sql| platform.accounts.run(Statement::new(sql, [])).await.expect("a statement");
        // All are old; one came back yesterday, one has become a user.
        run("UPDATE users SET created_at = number").await;
        run("UPDATE sessions SET last_used_at = 0 WHERE user_id IN (SELECT id FROM users WHERE number <> 2)").await;
        run("UPDATE users SET role = 'user' WHERE number = 3").await;
        let first = run("SELECT id FROM users WHERE number = 1").await;
        let unused = guests::unused(&platform, &config, 10).await.expect("a list");
        assert_eq!(unused.iter().map(ToString::to_string).collect::<Vec<_>>(), [first.rows[0].text(0).unwrap()]);
        assert!(guests::unused(&platform, &config, 0).await.expect("a list").is_empty());
    }

    /// A process that has one user, with a session.
    async fn with_user(provider: &crate::Provider) -> (Process, UserId) {
        let process = start(&provider.url(), &[], database().await, 0).await;
        let body = serde_json::json!({ "email": "ada@example.com", "password": crate::PASSWORD }).to_string();
        let headers = [("content-type", "application/json")];
        let register = crate::api::request(Method::POST, "/api/v1/auth/register", &headers, body.into());
        let made = send(&process, None, register).await;
        assert_eq!(made.status, 201);
        let found = process.platform.accounts.run(Statement::new("SELECT id FROM users", [])).await.expect("users");
        let id = found.rows[0].text(0).map(UserId::parse).unwrap().expect("an id");
        (process, id)
    }

    /// Before the first value is put, something else happens, as where that write is late.
    struct LateKeys {
        inner: Arc<dyn KeyValue>,
        first: Mutex<Option<BoxFuture<()>>>,
    }

    #[async_trait]
    impl KeyValue for LateKeys {
        async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
            self.inner.get(key).await
        }

        async fn put(&self, key: &str, value: &[u8], expires: Option<Duration>) -> Result<(), KeyValueError> {
            let first = self.first.lock().expect("nobody panics here").take();
            if let Some(first) = first {
                first.await;
            }
            self.inner.put(key, value, expires).await
        }

        async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
            self.inner.delete(key).await
        }
    }

    #[tokio::test]
    async fn what_is_remembered_late_of_a_session_overwrites_nothing_newer() {
        for (ends, expected) in [(false, "2"), (true, "ended")] {
            let provider = crate::Provider::start();
            let (process, user) = with_user(&provider).await;
            let (platform, config) = (process.platform.clone(), process.config.clone());
            let meanwhile = {
                let (platform, config) = (platform.clone(), config.clone());
                Box::pin(async move {
                    if ends {
                        sessions::end_all(&platform, &config, user, None, "logout").await.expect("an end");
                    } else {
                        sessions::outdate_all(&platform, &config, user).await.expect("a generation");
                    }
                })
            };
            let keys = LateKeys { inner: platform.keys.clone(), first: Mutex::new(Some(meanwhile)) };
            let late = Platform { keys: Arc::new(keys), ..(*platform).clone() };
            sessions::outdate_all(&late, &config, user).await.expect("a generation");
            let found = platform.accounts.run(Statement::new("SELECT id FROM sessions", [])).await.expect("sessions");
            let key = format!("session-ended/{}", found.rows[0].text(0).unwrap());
            let value = platform.keys.get(&key).await.unwrap().expect("a value");
            assert_eq!(String::from_utf8(value).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn what_was_proved_before_a_suspension_opens_no_session() {
        let provider = crate::Provider::start();
        let (process, id) = with_user(&provider).await;
        let (platform, config) = (&process.platform, &process.config);
        let run = async |sql| platform.accounts.run(Statement::new(sql, [])).await.expect("a statement");
        // A login that read the account before, and is still verifying the password.
        let before = accounts::find(platform, id).await.expect("a user");
        let sign_in = async |user| {
            let (by, device) = (sign_in::Method::Password, Device::default());
            let done = sign_in::finish(platform, config, user, by, platform.clock.now(), &device).await;
            done.map_err(|error| error.code)
        };
        assert!(matches!(sign_in(&before).await, Ok(SignIn::Done(_))));
        for change in [
            "UPDATE users SET credential_generation = credential_generation + 1",
            "UPDATE users SET credential_generation = credential_generation - 1, standing = 'suspended'",
            "UPDATE users SET standing = 'deleted'",
        ] {
            run(change).await;
            assert_eq!(sign_in(&before).await.err().as_deref(), Some("account_changed"), "{change}");
        }
        assert_eq!(run("SELECT count(*) AS open FROM sessions").await.rows[0].integer(0), Ok(2));
    }
}
