//! A client of the API under test.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use gateway::{LocalRuns, run::Parts};
use http::{HeaderMap, Method, Request, StatusCode};
use ports::{Client, Database};
use serde_json::{Value, json};
use testkit::Faulty;

use crate::{
    Frames, Provider,
    in_process::{self, Process},
    mail::token_in,
    remote,
    settings::{self, ADMIN_EMAIL, ADMIN_PASSWORD},
};

/// Chunks of a body, as they come.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;

/// Anything that waits waits at most this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The API under test.
#[derive(Clone)]
pub struct Api {
    target: Target,
    /// Where requests come from, if a test says so.
    from: Option<IpAddr>,
    /// Its provider.
    pub provider: Arc<Provider>,
}

#[derive(Clone)]
enum Target {
    InProcess(Arc<Process>),
    Remote(String),
}

/// An answer whose body is still to be read.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Chunks,
}

impl Answer {
    /// The whole body.
    pub async fn bytes(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(chunk) = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("a body that goes on") {
            bytes.extend_from_slice(&chunk.expect("a whole body"));
        }
        bytes
    }

    /// The whole body as text.
    pub async fn text(self) -> String {
        String::from_utf8(self.bytes().await).expect("UTF-8")
    }

    /// Status and JSON body (`null` for an empty one).
    pub async fn json(self) -> (u16, Value) {
        let status = self.status.as_u16();
        let bytes = self.bytes().await;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("a JSON body") };
        (status, body)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The events of a stream. Fails when the answer is none.
    pub async fn frames(self) -> Frames {
        let is_stream = self.status == StatusCode::OK && self.header("content-type") == Some("text/event-stream");
        if is_stream {
            return Frames::new(self.body);
        }
        panic!("no stream: {:?}", self.json().await)
    }
}

pub(crate) fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Vec<u8>> {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body).expect("a request")
}

impl Api {
    /// The API that the environment names; in process by default, each with stores of its own.
    pub async fn start() -> Self {
        demand(None);
        Self::start_with(&[]).await
    }

    /// The same with the settings of a profile, on every host: for the tests in a module of that name, which run where the host
    /// was started with them, and nowhere else. Called from a network of its own, so that no limit was used by another test.
    pub async fn with_profile(name: &str) -> Self {
        let profile = settings::profile(name).unwrap_or_else(|| panic!("`{name}` is none of settings::PROFILES"));
        demand(Some(name));
        Self::start_with(profile.settings).await.elsewhere()
    }

    /// The API of a host that answers at `base`, and whose provider is this one.
    pub fn at(base: &str, provider: Arc<Provider>) -> Self {
        Self { target: Target::Remote(base.to_owned()), from: None, provider }
    }

    /// The same with other settings, which only the one in process can have; `None` elsewhere. For what fits no profile.
    pub async fn with_settings(given: &[(&'static str, &str)]) -> Option<Self> {
        demand(None);
        if remote::base_url().is_some() { None } else { Some(Self::start_with(given).await) }
    }

    async fn start_with(given: &[(&'static str, &str)]) -> Self {
        if let Some(base) = remote::base_url() {
            return Self { target: Target::Remote(base), from: None, provider: Arc::new(Provider::remote()) };
        }
        let provider = Provider::start();
        let process = in_process::start(&provider.url(), given, in_process::database().await, 0).await;
        Self { target: Target::InProcess(Arc::new(process)), from: None, provider: Arc::new(provider) }
    }

    /// Two processes in this one, over the same stores and with the same provider, and the database that can be made to
    /// fail. Each owns the runs that it starts.
    pub async fn two(given: &[(&'static str, &str)]) -> (Self, Self, Arc<Faulty>) {
        let (provider, database) = (Arc::new(Provider::start()), in_process::database().await);
        let one = in_process::start(&provider.url(), given, database.clone(), 1).await;
        let two = in_process::start(&provider.url(), given, database.clone(), 2).await;
        let api =
            |process| Self { target: Target::InProcess(Arc::new(process)), from: None, provider: provider.clone() };
        (api(one), api(two), database)
    }

    /// A process in this one that is alone with its stores, and the database that can be made to fail.
    pub async fn alone(given: &[(&'static str, &str)]) -> (Self, Arc<Faulty>) {
        let (provider, database) = (Arc::new(Provider::start()), in_process::database().await);
        let process = in_process::start(&provider.url(), given, database.clone(), 0).await;
        (Self { target: Target::InProcess(Arc::new(process)), from: None, provider }, database)
    }

    /// Processes in this one over stores of the caller's, one for each connection to them, with the same provider. A single one
    /// is alone with its stores.
    pub async fn over(connections: Vec<Arc<dyn Database>>) -> Vec<Self> {
        let (provider, alone) = (Arc::new(Provider::start()), connections.len() == 1);
        let mut processes = Vec::new();
        for (number, database) in (u64::from(!alone)..).zip(connections) {
            let database = in_process::prepared(database).await;
            let process = in_process::start(&provider.url(), &[], database, number).await;
            let target = Target::InProcess(Arc::new(process));
            processes.push(Self { target, from: None, provider: provider.clone() });
        }
        processes
    }

    /// Ends every run of the process in this one, as a graceful stop does.
    pub async fn interrupt(&self) {
        let Target::InProcess(process) = &self.target else { panic!("a running host is stopped by a signal") };
        process.runs.interrupt().await;
    }

    /// The next process over the stores of this one, which goes on as one that lost its memory would.
    pub async fn restarted(&self) -> Self {
        let Target::InProcess(process) = &self.target else { panic!("a running host is restarted by its tests") };
        let next = in_process::start(&self.provider.url(), &[], process.platform.accounts.clone(), 0).await;
        Self { target: Target::InProcess(Arc::new(next)), from: None, provider: self.provider.clone() }
    }

    /// A third process over the stores of [`Api::two`], with other settings.
    pub async fn with_other_settings(&self, given: &[(&'static str, &str)], database: Arc<Faulty>) -> Self {
        let process = in_process::start(&self.provider.url(), given, database, 3).await;
        Self { target: Target::InProcess(Arc::new(process)), from: None, provider: self.provider.clone() }
    }

    /// Waits until what a process in this one does beside its requests is done.
    pub async fn settle(&self) {
        let Target::InProcess(process) = &self.target else { panic!("a running host does not tell") };
        process.tasks.settle().await;
    }

    /// Ends every task of a process in this one, as `kill -9` would: whatever it owned, nobody owns any more.
    pub fn kill(&self) {
        if let Target::InProcess(process) = &self.target {
            process.tasks.kill();
        }
    }

    /// Lets time pass for a process in this one; false on a running host, whose clock is its own. What already waits goes on
    /// waiting in real time.
    pub fn pass(&self, time: Duration) -> bool {
        match &self.target {
            Target::InProcess(process) => {
                process.clock.advance(time);
                true
            }
            Target::Remote(_) => false,
        }
    }

    /// Lets so many seconds pass, as an answer said: by the clock in process, really on a running host.
    pub async fn wait(&self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        if !self.pass(time) {
            tokio::time::sleep(time).await;
        }
    }

    /// The same, called from another address of this machine: a network that no other test calls from.
    #[must_use]
    pub fn from_network(&self, address: [u8; 4]) -> Self {
        assert_eq!(address[0], 127, "an address of this machine");
        Self { from: Some(address.into()), ..self.clone() }
    }

    /// The same, called from a network that nobody has called from before: there no limit was used, and nothing is locked.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(1);
        let [high, low] = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        self.from_network([127, 1, high, low])
    }

    /// Where it is called from, if a test says so.
    pub const fn address(&self) -> Option<IpAddr> {
        self.from
    }

    /// Calls a process in this one from this address and country from here on; false on a running host, whose platform says where
    /// its callers are.
    pub fn call_from(&self, address: &str, country: Option<&str>) -> bool {
        match &self.target {
            Target::InProcess(process) => {
                let client = Client { address: address.parse().ok(), country: country.map(str::to_owned) };
                *process.client.lock().expect("nobody panics here") = client;
                true
            }
            Target::Remote(_) => false,
        }
    }

    /// Does what a host's timer does with deleted accounts, for a process in this one. Returns how many are gone for good.
    pub async fn erase_due(&self) -> usize {
        let Target::InProcess(process) = &self.target else { panic!("a running host has a timer of its own") };
        gateway::service::erasure::run_due(&process.platform, &process.config).await.expect("a look at the accounts")
    }

    /// Does what a host's timer does with runs whose owner is dead, for a process in this one. Returns at how many it looked
    /// without trouble.
    pub async fn reap(&self) -> usize {
        let Target::InProcess(process) = &self.target else { panic!("a running host has a timer of its own") };
        process.runs.reap().await.expect("a look at the runs")
    }

    /// Does what a process does at its start with the runs of an earlier one. Returns how many it closed.
    pub async fn recover(&self) -> usize {
        let Target::InProcess(process) = &self.target else { panic!("a running host has started") };
        let runs = LocalRuns::new(process.config.clone(), Parts::of(&process.platform));
        runs.recover().await.expect("a look at the runs")
    }

    /// Where a host answers; `None` in process.
    pub fn base_url(&self) -> Option<&str> {
        match &self.target {
            Target::Remote(base) => Some(base),
            Target::InProcess(..) => None,
        }
    }

    /// The log lines so far; `None` on a running host, whose log is its own.
    pub fn log_lines(&self) -> Option<Vec<String>> {
        match &self.target {
            Target::InProcess(process) => Some(process.log.lines()),
            Target::Remote(_) => None,
        }
    }

    /// Sends a request whose answer may be lost: a host that refuses a body may reset the connection before all of it was sent.
    /// In process nothing is ever lost.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let request = request(method, path, headers, body);
        match &self.target {
            Target::InProcess(process) => Ok(in_process::send(process, self.from, request).await),
            Target::Remote(base) => remote::send(base, self.from, request).await,
        }
    }

    /// Sends a request. The body is empty if there is none.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.try_send(method, path, headers, body).await.expect("an answer")
    }

    /// `GET` without credentials.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// `POST` of JSON without credentials.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.to_string().into()).await
    }

    /// A fresh e-mail address.
    pub fn fresh_email() -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let nanos = SystemTime::UNIX_EPOCH.elapsed().map(|time| time.as_nanos()).unwrap_or_default();
        format!("user-{nanos:x}-{}@example.com", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// A fresh user, signed in.
    pub async fn user(&self) -> User {
        let email = Self::fresh_email();
        let answer = self.post("/api/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await;
        let (status, tokens) = answer.json().await;
        assert_eq!(status, 201, "{tokens}");
        User { api: self.clone(), email, tokens }
    }

    /// A fresh user, signed in, who has proved the address.
    pub async fn verified_user(&self) -> User {
        let user = self.user().await;
        let token = token_in(&self.provider.mail_about(&user.email, "Confirm your e-mail address").await);
        assert_eq!(self.post("/api/v1/auth/email/verify", &json!({ "token": token })).await.status, 204);
        user.refreshed().await
    }

    /// An account that there is, signed in.
    pub async fn sign_in(&self, email: &str, password: &str) -> User {
        let answer = self.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await;
        let (status, tokens) = answer.json().await;
        assert_eq!(status, 200, "{tokens}");
        User { api: self.clone(), email: email.to_owned(), tokens }
    }

    /// A fresh admin, signed in, made by the one that the settings name. That one does nothing else: tests run at the same time.
    pub async fn admin(&self) -> User {
        let first = self.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
        let email = Self::fresh_email();
        let account = json!({ "email": email, "password": PASSWORD, "role": "admin", "email_verified": true });
        let (status, body) = first.post("/api/v1/admin/users", &account).await.json().await;
        assert_eq!(status, 201, "{body}");
        self.sign_in(&email, PASSWORD).await
    }
}

/// Fails where the running host, if there is one, has other settings than a test is for: so that a test which stands in the
/// wrong module neither runs by mistake nor is left out everywhere.
fn demand(profile: Option<&str>) {
    if remote::base_url().is_some() {
        let told =
            "what is for a profile stands in a module of its name, and that alone runs where HOST_PROFILE says so";
        assert_eq!(remote::profile().as_deref(), profile, "the host's profile (left) is not the test's: {told}");
    }
}

/// Every test user's password; the canary test looks for it.
pub const PASSWORD: &str = "canary-Passw0rd-7";

/// A signed-in user.
#[derive(Clone)]
pub struct User {
    /// The API.
    pub api: Api,
    /// The address.
    pub email: String,
    /// What registering returned.
    pub tokens: Value,
}

impl User {
    /// The access token.
    pub fn access_token(&self) -> &str {
        self.tokens["access_token"].as_str().expect("an access token")
    }

    /// The id.
    pub async fn id(&self) -> String {
        let (status, me) = self.get("/api/v1/auth/me").await.json().await;
        assert_eq!(status, 200, "{me}");
        me["user_id"].as_str().expect("an id").to_owned()
    }

    /// The same user with what a refresh brings.
    pub async fn refreshed(&self) -> Self {
        let body = json!({ "refresh_token": self.tokens["refresh_token"] });
        let (status, tokens) = self.api.post("/api/v1/auth/refresh", &body).await.json().await;
        assert_eq!(status, 200, "{tokens}");
        Self { tokens, ..self.clone() }
    }

    /// The same user with a fresh API key of these scopes in place of the access token.
    pub async fn with_key(&self, scopes: &[&str]) -> Self {
        let answer = self.post("/api/v1/auth/api-keys", &json!({ "name": "test", "scopes": scopes })).await;
        let (status, body) = answer.json().await;
        assert_eq!(status, 201, "{body}");
        Self { tokens: json!({ "access_token": body["key"], "id": body["id"] }), ..self.clone() }
    }

    /// Sends a request with the access token and further headers.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", self.access_token());
        let mut all = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            all.push(("content-type", "application/json"));
        }
        all.extend_from_slice(headers);
        self.api.send(method, path, &all, body.map(|body| body.to_string().into()).unwrap_or_default()).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// A fresh conversation's id.
    pub async fn conversation(&self) -> String {
        let (status, body) = self.post("/api/v1/chat/conversations", &json!({})).await.json().await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().expect("an id").to_owned()
    }

    /// Sends a message and streams the reply of the provider's script `model`.
    pub async fn stream(&self, conversation: &str, model: &str) -> Frames {
        self.stream_with(conversation, &json!({ "content": "Hello", "model": model })).await
    }

    /// Sends a message and streams the reply.
    pub async fn stream_with(&self, conversation: &str, body: &Value) -> Frames {
        let path = format!("/api/v1/chat/conversations/{conversation}/messages");
        self.send(Method::POST, &path, &[("accept", "text/event-stream")], Some(body)).await.frames().await
    }

    /// Resumes a run after an event.
    pub async fn resume(&self, run: &str, after: u64) -> Frames {
        self.get(&format!("/api/v1/runs/{run}/stream?after={after}")).await.frames().await
    }

    /// All messages of a conversation, page by page.
    pub async fn messages(&self, conversation: &str) -> Vec<Value> {
        let path = format!("/api/v1/chat/conversations/{conversation}/messages?limit=100");
        let (mut messages, mut next) = (Vec::new(), path.clone());
        loop {
            let (status, page) = self.get(&next).await.json().await;
            assert_eq!(status, 200, "{page}");
            messages.extend_from_slice(page["messages"].as_array().expect("messages"));
            let Some(cursor) = page["next_cursor"].as_str() else { return messages };
            next = format!("{path}&cursor={cursor}");
        }
    }

    /// Waits until a stored run is over, and returns it.
    pub async fn ended(&self, run: &str) -> Value {
        self.resume(run, 0).await.rest().await;
        let (status, body) = self.get(&format!("/api/v1/runs/{run}")).await.json().await;
        assert_eq!(status, 200, "{body}");
        body
    }
}
