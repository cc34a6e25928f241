//! The scripted upstream: an LLM provider that plays exactly the bytes and pauses it was told, counts the calls and
//! records what it was sent. It runs inside a test ([`Upstream`]) or as the program `scripted-upstream`. It knows the
//! `OpenAI` chat-completion chunks as a convenience and nothing about the product; it is no mock of the HTTP port, because
//! broken transports are what it is for.
//!
//! # Which script a call plays
//!
//! `POST` to any path that ends in `/chat/completions` plays the script whose id is the body's `model`; any method on
//! `/play/{id}` plays `{id}`. So a test takes an id of its own, uses it as the model's name, and shares the server with all others. An id without
//! a script plays the script `default`: "Hello from the scripted upstream.", streamed or not as the call asks. Its
//! calls are recorded under the id it asked for, calls without a `model` under `default`. Giving an id a new script forgets its calls.
//!
//! `POST` to `/play/mail/…` is a mail service's API: the id is `mail:` and the recipient's address in lower case. `/play/captcha` is
//! where a captcha service verifies tokens: the id is `captcha:` and the token.
//!
//! Below `/fallback/` stands a second provider: a call there for the model `m` plays the script `fallback-m`, and without
//! one it is refused with 401, so that nobody finds a reply there who did not script it.
//!
//! # In a test
//!
//! ```no_run
//! use std::time::Duration;
//! use testkit::upstream::{Script, Upstream};
//!
//! let upstream = Upstream::start(); // a free port on 127.0.0.1; stops when dropped
//! let base_url = format!("{}/v1", upstream.url());
//!
//! upstream.script("plain", Script::reply(&["Hel", "lo"])); // a whole reply; one JSON object if not asked to stream
//! upstream.script("cut", Script::reply(&["Hel", "lo"]).cut_at(300)); // exactly 300 body bytes, then FIN
//! upstream.script("torn", Script::reply(&["Grüße"]).split_every(1)); // one-byte writes
//! upstream.script("busy", Script::rate_limited("1").then(Script::reply(&["now"]))); // nth call, nth attempt
//! upstream.script("silent", Script::new().head(200).delta("Hel").stall());
//! upstream.script("gone", Script::new().head(200).delta("Hel").pause(20).reset());
//! upstream.script("mute", Script::new().stall()); // accepts and never answers
//! upstream.script("html", Script::new().head(502).content_type("text/html").send("<h1>Bad gateway</h1>"));
//!
//! // … let the code under test call `base_url` with `"model": "silent"` …
//!
//! let calls = upstream.wait_closed("silent", Duration::from_secs(5)); // until the newest call ended, or 5 s
//! assert_eq!(calls[0].closed_early, Some(true));
//! assert_eq!(calls[0].json()["model"], "silent");
//! assert_eq!(calls[0].header("authorization"), Some("Bearer key"));
//! assert_eq!(upstream.count("silent"), 1);
//! ```
//!
//! In async code, `upstream.closed("silent").await` and `upstream.counted("busy", 2).await` wait without blocking a thread; put a timeout of
//! the runtime around them.
//!
//! # As a program
//!
//! ```text
//! $ scripted-upstream --listen 127.0.0.1:0
//! listening on http://127.0.0.1:40123
//! $ curl -X PUT $URL/__script/cut -d '{"steps":[{"delta":"Hel"},{"pause_ms":50},{"reset":true}]}'
//! $ curl $URL/v1/chat/completions -d '{"model":"cut","stream":true}'
//! $ curl "$URL/__calls/cut?wait=closed&timeout_ms=2000"      # or wait=count:3
//! {"calls":[{"method":"POST","path":"/v1/chat/completions","headers":[["host","…"]],"body":"…","at_ms":5120,
//!   "finished":true,"closed_early":false,"closed_at_ms":null,"ended_at_ms":5170,
//!   "sent_bytes":201,"connection":4,"attempt":0}],"count":1,"timed_out":false}
//! ```
//!
//! A look-up answers 200 with what there is when its time is over, `timed_out` true. It ends on SIGTERM and SIGINT.
//!
//! # Script JSON
//!
//! `{"steps":[…]}`, or `{"attempts":[{"steps":[…]},…]}` for retries. [`Play`] has the keys beside `steps`, [`Step`] the steps:
//!
//! | step | plays |
//! |---|---|
//! | `{"head":{"status":200,"headers":[["content-type","text/event-stream"]],"framing":"chunked"}}` | status line and headers; framing `chunked`, `length` or `close`; `"length":n` claims another length |
//! | `{"send":"text"}`, `{"send_base64":"…"}` | body bytes |
//! | `{"raw":"text"}` | bytes without framing |
//! | `{"pause_ms":50}`, `{"stall":true}` | silence, for a while or until the client leaves |
//! | `{"reset":true}`, `{"close":true}` | RST, or FIN without an end of the framing |
//! | `{"drip":{"text":"…","bytes":1,"every_ms":5}}` | a few bytes at a time |
//! | `{"event":{…}}` | `data: {…}` and a blank line |
//! | `{"delta":"text"}`, `{"delta":{"tool_calls":[…]}}` | a chunk with this content, or this whole delta |
//! | `{"finish":"stop"}`, `{"usage":{…}}`, `{"done":true}` | the last chunks of a stream |
//! | `{"completion":{"text":"…","usage":{…}}}` | a whole completion, not streamed |
//!
//! Each step is one TCP write (`TCP_NODELAY` is on). A body step without a head before it is preceded by
//! a 200 event stream. A script that comes to its end finishes the framing, and the connection is kept alive.
//!
//! # Bounds
//!
//! A client that half-closes its side counts as gone: HTTP clients do not do that. Each id keeps its newest 4,096 calls
//! and at most 64 MiB of them, while `count` counts all. Each connection has a thread with a small stack, so that
//! thousands fit.

mod call;
mod chunk;
mod connection;
mod control;
mod form;
mod journal;
mod mail;
mod plan;
mod player;
mod request;
mod script;
mod server;
mod socket;
mod step;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use call::Call;
pub use script::Script;
use server::Server;
pub use step::{Base64, Completion, Cut, CutEnd, Drip, Framing, Head, Play, Step, True};

/// A running scripted upstream. Dropping it closes every connection and ends its threads.
pub struct Upstream {
    server: Server,
}

impl Upstream {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If the system gives no port or thread: a test cannot go on without.
    pub fn start() -> Self {
        match Self::listen("127.0.0.1:0") {
            Ok(upstream) => upstream,
            Err(error) => panic!("the scripted upstream cannot listen on 127.0.0.1: {error}"),
        }
    }

    /// Starts one on this address, such as `127.0.0.1:0`. Raises the process's soft limit on open files to the hard one.
    pub fn listen(address: &str) -> io::Result<Self> {
        Ok(Self { server: Server::start(address)? })
    }

    /// `http://127.0.0.1:port`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Sets what `id` plays from its next call on, and forgets its calls so far.
    ///
    /// # Panics
    ///
    /// Beyond 16,384 ids: a test that makes so many should use old ones again.
    pub fn script(&self, id: &str, script: Script) {
        assert!(
            self.server.journal.script(id, script),
            "too many scripts: start another upstream or use old ids again"
        );
    }

    /// The calls of `id`, oldest first: the newest 4,096 of them.
    pub fn calls(&self, id: &str) -> Vec<Call> {
        self.server.journal.calls(id).0
    }

    /// How many calls `id` had.
    pub fn count(&self, id: &str) -> u64 {
        self.server.journal.count(id)
    }

    /// Blocks until the newest call of `id` has ended in any way, or the time is over; the calls as they are then.
    pub fn wait_closed(&self, id: &str, timeout: Duration) -> Vec<Call> {
        self.server.journal.wait_until(socket::now() + timeout, |journal| journal.newest_ended(id));
        self.calls(id)
    }

    /// Blocks until `id` had this many calls, or the time is over; the calls as they are then.
    pub fn wait_count(&self, id: &str, count: u64, timeout: Duration) -> Vec<Call> {
        self.server.journal.wait_until(socket::now() + timeout, |journal| journal.count(id) >= count);
        self.calls(id)
    }

    /// Waits, without blocking a thread and without a time limit, until the newest call of `id` has ended.
    pub async fn closed(&self, id: &str) -> Vec<Call> {
        loop {
            let changed = self.server.journal.listen();
            if self.server.journal.newest_ended(id) {
                return self.calls(id);
            }
            changed.await;
        }
    }

    /// Waits, without blocking a thread and without a time limit, until `id` had this many calls.
    pub async fn counted(&self, id: &str, count: u64) -> Vec<Call> {
        loop {
            let changed = self.server.journal.listen();
            if self.count(id) >= count {
                return self.calls(id);
            }
            changed.await;
        }
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.server.open.count()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").field("address", &self.address()).finish_non_exhaustive()
    }
}
