//! The endpoints by which tests talk to the program: `PUT /__script/{id}` and `GET /__calls/{id}`.

use std::time::Duration;

use serde_json::{Value, json};

use super::call::Call;
use super::chunk;
use super::journal::Journal;
use super::request::Request;
use super::script::Script;
use super::socket::now;

/// How long a waiting look-up waits unless it says so, and at most.
const WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// Status and body of `PUT /__script/{id}`.
pub fn put_script(journal: &Journal, id: &str, request: &Request) -> (u16, Value) {
    if !matches!(request.method(), b"PUT" | b"POST") {
        return (405, refusal("send the script with PUT"));
    }
    let script = match str::from_utf8(&request.body).map(Script::from_json) {
        Ok(Ok(script)) => script,
        Ok(Err(problem)) => return (400, refusal(&format!("this is no script: {problem}"))),
        Err(_) => return (400, refusal("the script is no UTF-8; send other bytes with `send_base64`")),
    };
    let attempts = script.plays().len();
    if journal.script(id, script) {
        (200, json!({ "id": id, "attempts": attempts }))
    } else {
        (400, refusal("there are too many scripts; restart the scripted upstream or use old ids again"))
    }
}

/// Status and body of `GET /__calls/{id}`; waits first if the query says so.
pub fn get_calls(journal: &Journal, id: &str, query: &str) -> (u16, Value) {
    let mut wait = None;
    let mut timeout = WAIT;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "wait" => wait = Some(value),
            "timeout_ms" => match value.parse() {
                Ok(milliseconds) => timeout = Duration::from_millis(milliseconds).min(LONGEST_WAIT),
                Err(_) => return (400, refusal("`timeout_ms` takes a whole number of milliseconds")),
            },
            _ => {}
        }
    }
    let deadline = now() + timeout;
    let held = match wait.map(|wait| wait.replace("%3A", ":")).as_deref() {
        None => true,
        Some("closed") => journal.wait_until(deadline, |journal| journal.newest_ended(id)),
        Some(other) => {
            let Some(Ok(wanted)) = other.strip_prefix("count:").map(str::parse::<u64>) else {
                return (400, refusal("`wait` takes `closed` or `count:N`"));
            };
            journal.wait_until(deadline, |journal| journal.count(id) >= wanted)
        }
    };
    let (calls, count) = journal.calls(id);
    let calls: Vec<Value> = calls.iter().map(Call::to_value).collect();
    (200, json!({ "calls": calls, "count": count, "timed_out": !held }))
}

fn refusal(message: &str) -> Value {
    chunk::error("invalid_request_error", None, message)
}
