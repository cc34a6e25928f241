//! Kills and stops at all moments, under sixteen writers. `STORM_ROUNDS` says how many there are.

use std::{collections::HashMap, env, ops::Range, path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use host_native::{data_dir::DataDir, libsql::LibSql};
use http::Method;
use ports::{Database as _, Row, Statement};
use serde_json::json;
use testkit::upstream::Script;
use tests::{Api, Frame, Provider, User, joined};

use crate::process::Littoral;

/// Clients that send a message as soon as the one before is answered.
const WRITERS: usize = 16;

/// What each reply says.
const REPLY: &str = "Hello, wörld";

/// How many ends there are: by default enough to see that it works, and few enough for every run of the tests.
#[expect(clippy::disallowed_methods, reason = "whoever wants more rounds says so in the environment of the test")]
fn rounds() -> u64 {
    env::var("STORM_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(12)
}

/// How a round ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    Stop,
}

/// A message that was sent, and what its client knows of it.
struct Sent {
    model: String,
    /// The run, once the server told of it.
    run: Option<String>,
    /// Whether the client read the whole reply.
    whole: bool,
}

/// A client with a conversation of its own.
struct Writer {
    user: User,
    conversation: String,
    /// By idempotency key, which is also what the message says.
    sent: HashMap<String, Sent>,
    /// The message that has no end yet.
    pending: Option<String>,
}

impl Writer {
    async fn new(api: &Api) -> Self {
        let user = api.user().await;
        let conversation = user.conversation().await;
        Self { user, conversation, sent: HashMap::new(), pending: None }
    }

    /// Sends until the server is gone. What it has no end of, it sends again first.
    async fn write(&mut self, api: &Api, pause: u64) {
        self.user.api = api.clone();
        loop {
            let key = match self.pending.take() {
                Some(key) => key,
                None => self.next(pause).await,
            };
            if !self.send(&key).await {
                self.pending = Some(key);
                return;
            }
        }
    }

    async fn next(&mut self, pause: u64) -> String {
        let script = Script::new().head(200).delta("Hello, ").pause(pause).delta("wörld").finish("stop").done();
        let model = self.user.api.provider.script(script).await;
        let key = format!("{}-{}", self.conversation, self.sent.len());
        self.sent.insert(key.clone(), Sent { model, run: None, whole: false });
        key
    }

    /// Whether the reply came to an end.
    async fn send(&mut self, key: &str) -> bool {
        let Some(frames) = self.post(key).await else { return false };
        let sent = self.sent.get_mut(key).expect("it is being sent");
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return true };
        let run = sent.run.get_or_insert_with(|| first.run.clone());
        assert_eq!(*run, first.run, "a repetition began another run");
        if last.event != "end" {
            return false;
        }
        let end = last.json();
        sent.whole = end["status"] == "completed";
        if sent.whole {
            assert_eq!(joined(&frames), REPLY);
        } else {
            assert_eq!(end["status"], "interrupted");
        }
        true
    }

    /// All events that came, or nothing if there was no answer.
    async fn post(&self, key: &str) -> Option<Vec<Frame>> {
        let path = format!("/api/v1/chat/conversations/{}/messages", self.conversation);
        let authorization = format!("Bearer {}", self.user.access_token());
        let headers =
            [("authorization", authorization.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
        let body = json!({ "content": key, "model": self.sent[key].model, "stream": true });
        let answer = self.user.api.try_send(Method::POST, &path, &headers, body.to_string().into()).await.ok()?;
        let mut seen = Vec::new();
        if answer.status == 503 {
            // A run of which nothing had come before its process was killed.
            let (_, problem) = answer.json().await;
            assert_eq!(problem["code"], "interrupted", "{problem}");
            return Some(seen);
        }
        let mut frames = answer.frames().await;
        while let Some(frame) = frames.next().await {
            seen.push(frame);
        }
        (!seen.is_empty()).then_some(seen)
    }

    /// Compares what the server keeps with what this client was told. Returns of how many replies it was told, and how many are
    /// whole.
    async fn compare(&self, provider: &Provider, end: End) -> (usize, usize) {
        let messages = self.user.messages(&self.conversation).await;
        let (mut told, mut whole) = (0, 0);
        for (key, sent) in &self.sent {
            let calls = provider.count(&sent.model).await;
            assert!(calls <= 1, "{key}: the provider was called {calls} times");
            let kept: Vec<_> = messages.iter().filter(|message| message["content"] == json!(key)).collect();
            assert!(kept.len() <= 1, "{key}: kept {} times", kept.len());
            if sent.run.is_none() {
                continue;
            }
            assert_eq!(kept.len(), 1, "{key} is gone");
            let reply = messages.iter().find(|message| message["parent_id"] == kept[0]["id"]).expect("its reply");
            told += 1;
            if sent.whole || end == End::Stop {
                assert_eq!((&reply["status"], &reply["content"]), (&json!("completed"), &json!(REPLY)), "{key}");
                whole += 1;
            }
        }
        (told, whole)
    }
}

/// Budgets that are not what the ledger says, entries that nobody settled, and runs that nobody ended.
async fn faults(data: &Path) -> Vec<Row> {
    let database = LibSql::open(&DataDir::open(data).expect("the folder")).expect("the database");
    let compare = "SELECT 'budget', user_id, used FROM budgets
           WHERE used <> (SELECT sum(coalesce(cost, reserved)) FROM ledger
                          WHERE ledger.user_id = budgets.user_id AND ledger.period = budgets.period)
         UNION ALL SELECT 'entry', run_id, reserved FROM ledger WHERE settled_at IS NULL
         UNION ALL SELECT 'run', id, 0 FROM runs WHERE ended_at IS NULL";
    database.run(Statement::new(compare, [])).await.expect("an answer").rows
}

/// What the clients of some rounds sent, were told of, and had or should have had whole.
#[derive(Default)]
struct Found {
    sent: usize,
    told: usize,
    whole: usize,
}

/// Some rounds with clients and a provider of their own, which keeps all that it was asked.
async fn play(end: End, data: &Path, rounds: Range<u64>, found: &mut Found) {
    let provider = Arc::new(Provider::start());
    // A machine that does all of this at once is no provider that stalls.
    let settings = [
        ("LITTORAL_FIRST_BYTE_TIMEOUT_MS", "20000"),
        ("LITTORAL_FIRST_TOKEN_TIMEOUT_MS", "20000"),
        ("LITTORAL_IDLE_TIMEOUT_MS", "20000"),
    ];
    let mut server = Littoral::start(data, &provider, &settings);
    let mut writers = join_all((0..WRITERS).map(|_| Writer::new(&server.api))).await;
    for round in rounds {
        let api = server.api.clone();
        let writing = join_all(writers.iter_mut().map(|writer| writer.write(&api, round % 40)));
        let ending = async {
            // Spread over what a message takes, from its request to the end of its reply.
            tokio::time::sleep(Duration::from_millis(20 + round * 7_919 % 480)).await;
            tokio::task::spawn_blocking(move || match end {
                End::Kill => server.kill(),
                End::Stop => {
                    server.ask_to_stop();
                    server.ended();
                }
            })
            .await
            .expect("its end");
        };
        tokio::join!(writing, ending);
        server = Littoral::start(data, &provider, &settings);
    }
    for writer in &mut writers {
        writer.user.api = server.api.clone();
        let (told, whole) = writer.compare(&provider, end).await;
        found.sent += writer.sent.len();
        found.told += told;
        found.whole += whole;
    }
    server.ask_to_stop();
    server.ended();
}

async fn storm(end: End) {
    let data = tempfile::tempdir().expect("a folder");
    let (rounds, mut found) = (rounds(), Found::default());
    for first in (0..rounds).step_by(20) {
        play(end, data.path(), first..rounds.min(first + 20), &mut found).await;
    }
    let faults = faults(data.path()).await;
    assert!(faults.is_empty(), "{faults:?}");
    assert!(found.whole > 0, "nothing was under way");
    let Found { sent, told, whole } = found;
    let ends = if end == End::Kill { "kills" } else { "stops" };
    println!("{rounds} {ends}: {sent} messages sent, {told} begun, {whole} whole replies expected and found");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_all_moments_lose_nothing_that_was_acknowledged() {
    storm(End::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_at_all_moments_lose_nothing_at_all() {
    storm(End::Stop).await;
}
