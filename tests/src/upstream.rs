//! The provider of the host under test: the scripted upstream, in this process or as a program.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use http::Method;
use serde_json::Value;
use testkit::upstream::{Script, Upstream};

use crate::{api::request, remote};

/// The scripted upstream. A script's id is the model's name.
pub struct Provider {
    local: Option<Upstream>,
    url: String,
    /// How many mails to an address were read, of those that came.
    pub(crate) read: Mutex<HashMap<String, usize>>,
}

impl Provider {
    /// One of this test's own.
    pub fn start() -> Self {
        let local = Upstream::start();
        Self { url: local.url(), local: Some(local), read: Mutex::default() }
    }

    /// The program that the host under test calls.
    pub fn remote() -> Self {
        let url = remote::upstream_url().expect("BASE_URL is set, so UPSTREAM_URL must be too");
        Self { local: None, url, read: Mutex::default() }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Gives it a script and returns the model's name that plays it.
    pub async fn script(&self, script: Script) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let nanos = SystemTime::UNIX_EPOCH.elapsed().map(|time| time.as_nanos()).unwrap_or_default();
        let id = format!("script-{nanos:x}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.play(&id, script).await;
        id
    }

    /// Gives the second provider a script for a model, and returns the id to look its calls up with. Without one it refuses.
    pub async fn fallback(&self, model: &str, script: Script) -> String {
        let id = format!("fallback-{model}");
        self.play(&id, script).await;
        id
    }

    /// Has an id play a script: for what the settings name. A running host's tests share such an id.
    pub async fn play(&self, id: &str, script: Script) {
        if let Some(local) = &self.local {
            local.script(id, script);
            return;
        }
        let put = request(Method::PUT, &format!("/__script/{id}"), &[], script.to_json().into());
        let status = remote::send(&self.url, None, put).await.expect("an answer").status;
        assert!(status.is_success(), "the scripted upstream took no script: {status}");
    }

    /// How often a script was called.
    pub async fn count(&self, id: &str) -> u64 {
        self.calls(id, "").await["count"].as_u64().expect("a count")
    }

    /// The bodies that a script's calls were sent.
    pub async fn requests(&self, id: &str) -> Vec<Value> {
        let calls = self.calls(id, "").await;
        let bodies = calls["calls"].as_array().expect("calls").iter();
        bodies.map(|call| serde_json::from_str(call["body"].as_str().expect("a body")).expect("a JSON body")).collect()
    }

    /// Waits up to `millis` until the newest call is over, and returns it; fails when it is not.
    pub async fn closed(&self, id: &str, millis: u64) -> Value {
        let calls = self.calls(id, &format!("?wait=closed&timeout_ms={millis}")).await;
        assert_eq!(calls["timed_out"], false, "the upstream's connection is still open: {calls}");
        calls["calls"].as_array().and_then(|calls| calls.last()).expect("a call").clone()
    }

    /// Waits until a script was called so often.
    pub async fn counted(&self, id: &str, count: u64) {
        let calls = self.calls(id, &format!("?wait=count:{count}&timeout_ms=10000")).await;
        assert_eq!(calls["timed_out"], false, "the upstream was not called: {calls}");
    }

    pub(crate) async fn calls(&self, id: &str, query: &str) -> Value {
        let get = request(Method::GET, &format!("/__calls/{id}{query}"), &[], Vec::new());
        remote::send(&self.url, None, get).await.expect("an answer").json().await.1
    }
}
