//! What is recorded, and the control endpoints.

use serde_json::{Value, json};

use super::LONG;
use super::client::{Client, End, ask, chat};
use crate::upstream::{Script, Upstream};

#[test]
fn a_call_is_recorded_as_it_came() {
    let upstream = Upstream::start();
    let mut client = Client::new(&upstream);
    client.send_raw("POST /a/b/chat/completions?x=%20 HTTP/1.1\r\nHost: h\r\nAuthorization:  Bearer key \r\nX-Two: 1\r\nx-two: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_raw("8;ext=1\r\n{\"model\"\r\n");
    client.send_raw("6\r\n:\"rec\"\r\n1\r\n}\r\n0\r\ntrailer: x\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    let calls = upstream.wait_closed("rec", LONG);
    let call = &calls[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/a/b/chat/completions?x=%20"));
    assert_eq!(call.header("AUTHORIZATION"), Some("Bearer key"));
    assert_eq!(call.headers[2..4], [("X-Two".to_owned(), "1".to_owned()), ("x-two".to_owned(), "2".to_owned())]);
    assert_eq!((call.text().as_str(), call.json()), (r#"{"model":"rec"}"#, json!({ "model": "rec" })));
    assert_eq!((call.closed_early, call.finished, call.attempt), (Some(false), true, 0));
}

#[test]
fn a_client_may_wait_to_be_told_to_go_on() {
    let upstream = Upstream::start();
    let mut client = Client::new(&upstream);
    client.send_raw("POST /play/x HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 100 Continue\r\n"));
    client.send_raw("hi");
    assert_eq!(client.answer().end, End::Whole);
    assert_eq!(upstream.calls("x")[0].text(), "hi");
}

#[test]
fn bad_requests_are_refused_with_a_reason() {
    let upstream = Upstream::start();
    for (text, status) in [
        ("nonsense\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\nand so on", 413),
    ] {
        let mut client = Client::new(&upstream);
        client.send_raw(text);
        let answer = client.answer();
        assert_eq!((answer.status, answer.end), (status, End::Whole), "{text:?}");
        assert!(answer.json()["error"]["message"].is_string());
    }
    let mut client = Client::new(&upstream);
    assert_eq!(client.call("GET", "/v1/models", "").status, 404);
    client.send_raw("GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert_eq!(client.answer().status, 404);
    assert_eq!(client.rest().1, End::Fin);
}

#[test]
fn depth_does_not_exhaust_the_small_stacks() {
    let upstream = Upstream::start();
    let depth = 100_000;
    let deep = format!(r#"{{"messages":{}{},"model":"deep"}}"#, "[".repeat(depth), "]".repeat(depth));
    let mut client = Client::new(&upstream);
    assert_eq!(client.call("POST", "/v1/chat/completions", &deep).status, 200);
    assert_eq!(upstream.count("deep"), 1);
    // As deep as JSON is read at all, and deeper.
    for (depth, status) in [(100, 200), (5_000, 400)] {
        let event = format!(r#"{{"steps":[{{"event":{}1{}}}]}}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert_eq!(client.call("PUT", "/__script/deep", &event).status, status);
    }
    assert_eq!(client.call("GET", "/play/deep", "").end, End::Whole);
}

#[test]
fn scripts_are_put_and_calls_are_got_over_http() {
    let upstream = Upstream::start();
    let mut control = Client::new(&upstream);
    let script = r#"{"steps":[{"head":{"status":200,"headers":[["content-type","text/event-stream"]],"framing":"chunked"}},{"delta":"Hel"},{"stall":true}]}"#;
    assert_eq!(control.call("PUT", "/__script/a%2Fb%3A1", script).json(), json!({ "id": "a/b:1", "attempts": 1 }));
    let none = control.call("GET", "/__calls/a%2Fb%3A1", "").json();
    assert_eq!(none, json!({ "calls": [], "count": 0, "timed_out": false }));

    let mut client = Client::new(&upstream);
    client.send("POST", "/v1/chat/completions", &chat("a/b:1", true));
    client.until("Hel");
    let begun = control.call("GET", "/__calls/a/b:1?wait=count:1", "").json();
    assert_eq!((&begun["count"], &begun["calls"][0]["closed_early"]), (&json!(1), &Value::Null));
    let over = control.call("GET", "/__calls/a/b:1?wait=closed&timeout_ms=1", "").json();
    assert_eq!(over["timed_out"], true);

    control.send("GET", "/__calls/a/b:1?wait=closed&timeout_ms=30000", "");
    drop(client);
    let ended = control.answer().json();
    let call = &ended["calls"][0];
    assert_eq!(
        (&call["closed_early"], &call["finished"], &ended["timed_out"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert!(call["closed_at_ms"].as_u64() >= call["at_ms"].as_u64());
    assert_eq!(call["headers"][0], json!(["host", "upstream"]));
    assert_eq!(call["body"], chat("a/b:1", true));
}

#[test]
fn wrong_control_requests_say_what_is_wrong() {
    let upstream = Upstream::start();
    let mut client = Client::new(&upstream);
    for (method, path, body, expected) in [
        ("GET", "/__script/x", "", "PUT"),
        ("PUT", "/__script/x", "{", "this is no script"),
        ("PUT", "/__script/x", r#"{"steps":[{"paus":1}]}"#, "unknown variant `paus`"),
        ("PUT", "/__script/x", r#"{"steps":[{"stall":false}]}"#, "only `true`"),
        ("PUT", "/__script/x", r#"{"steps":[{"send_base64":"?"}]}"#, "base64"),
        ("PUT", "/__script/x", r#"{"attempts":[]}"#, "`attempts` is empty"),
        ("GET", "/__calls/x?wait=tea", "", "`closed` or `count:N`"),
        ("GET", "/__calls/x?timeout_ms=soon", "", "`timeout_ms`"),
    ] {
        let answer = client.call(method, path, body);
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!((400..500).contains(&answer.status) && message.contains(expected), "{message}");
    }
}

#[test]
fn a_new_script_forgets_the_calls() {
    let upstream = Upstream::start();
    upstream.script("again", Script::rate_limited("1").then(Script::completion("ok")));
    assert_eq!(ask(&upstream, "again", false).status, 429);
    upstream.script("again", Script::rate_limited("1").then(Script::completion("ok")));
    assert_eq!(upstream.calls("again"), []);
    assert_eq!(ask(&upstream, "again", false).status, 429);
}

#[test]
fn the_newest_calls_are_kept_and_all_are_counted() {
    let upstream = Upstream::start();
    let mut client = Client::new(&upstream);
    for number in 0..5_000 {
        client.call("GET", &format!("/play/many?{number}"), "");
    }
    let calls = upstream.calls("many");
    assert_eq!((calls.len(), upstream.count("many")), (4_096, 5_000));
    assert_eq!(calls[4_095].path, "/play/many?4999");
}

#[tokio::test]
async fn async_tests_wait_without_blocking() {
    let upstream = Upstream::start();
    let mut client = Client::new(&upstream);
    client.send("POST", "/v1/chat/completions", &chat("async", true));
    assert_eq!(upstream.counted("async", 1).await.len(), 1);
    assert_eq!(upstream.closed("async").await[0].closed_early, Some(false));
}
