//! What reaches the client.

use serde_json::{Value, json};

use super::client::{Client, End, ask, chat};
use crate::upstream::{Framing, Script, Step, True, Upstream};

/// The JSON of each `data:` event but `[DONE]`.
fn events(body: &str) -> Vec<Value> {
    let data = body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn content(body: &str) -> String {
    events(body)
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn an_id_without_a_script_gets_the_standard_reply_as_it_asked() {
    let upstream = Upstream::start();
    let streamed = ask(&upstream, "anything", true);
    assert_eq!((streamed.status, streamed.end), (200, End::Whole));
    let body = String::from_utf8(streamed.body).unwrap();
    assert_eq!(content(&body), "Hello from the scripted upstream.");
    assert!(body.ends_with("data: [DONE]\n\n"));
    let events = events(&body);
    assert!(events.iter().all(|event| event["model"] == "anything" && event["id"] == "chatcmpl-scripted"));
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "stop");
    let last = &events[events.len() - 1];
    assert_eq!((&last["choices"], &last["usage"]["completion_tokens"]), (&json!([]), &json!(5)));

    let plain = ask(&upstream, "anything", false);
    assert_eq!(plain.json()["choices"][0]["message"]["content"], "Hello from the scripted upstream.");
    assert_eq!(plain.json()["usage"]["total_tokens"], 14);
    assert!(plain.head.contains("application/json"));
}

#[test]
fn the_script_named_default_plays_for_ids_without_one() {
    let upstream = Upstream::start();
    ask(&upstream, "before", true);
    upstream.script("own", Script::completion("mine"));
    upstream.script("default", Script::json(503, &json!({ "error": "everyone" })));
    assert_eq!(ask(&upstream, "before", true).status, 503);
    assert_eq!(ask(&upstream, "after", true).status, 503);
    assert_eq!(ask(&upstream, "own", true).json()["choices"][0]["message"]["content"], "mine");
    assert_eq!(Client::new(&upstream).call("POST", "/chat/completions", "no json").status, 503);
    assert_eq!((upstream.count("before"), upstream.count("default")), (2, 1));
}

#[test]
fn every_cut_sends_exactly_so_many_bytes() {
    let upstream = Upstream::start();
    let whole = Script::reply(&["Grü", "ße"]);
    let body = whole.body("cut");
    for at in 0..=body.len() {
        let (script, end) = if at % 2 == 0 {
            (whole.clone().cut_at(at), End::Fin)
        } else {
            (whole.clone().split_every(7).reset_at(at), End::Reset)
        };
        upstream.script("cut", script);
        let answer = ask(&upstream, "cut", true);
        assert_eq!((answer.body.as_slice(), answer.end), (&body[..at], end), "cut at {at}");
        let call = &upstream.wait_closed("cut", super::LONG)[0];
        assert_eq!((call.sent_bytes, call.finished), (at as u64, true));
    }
}

#[test]
fn a_cut_body_with_a_length_claims_the_whole() {
    let upstream = Upstream::start();
    upstream.script("short", Script::completion("0123456789").cut_at(10));
    let answer = ask(&upstream, "short", false);
    assert_eq!((answer.body.len(), answer.end), (10, End::Fin));
    upstream.script("claimed", Script::new().head(200).claim_length(5).send("12"));
    let answer = ask(&upstream, "claimed", false);
    assert_eq!((answer.text(), answer.end), ("12", End::Fin));
}

#[test]
fn any_split_gives_the_same_body() {
    let upstream = Upstream::start();
    let script = Script::reply(&["日本", "語 🙂"]);
    for size in [0, 1, 2, 3, 5, 64, 4096] {
        upstream.script("split", script.clone().split_every(size));
        let answer = ask(&upstream, "split", true);
        assert_eq!((&answer.body, &answer.end), (&script.body("split"), &End::Whole), "pieces of {size}");
        assert_eq!(content(answer.text()), "日本語 🙂");
    }
}

#[test]
fn all_steps_play() {
    let upstream = Upstream::start();
    let script = Script::new()
        .step(Step::Head(crate::upstream::Head { status: 103, ..Default::default() }))
        .head(201)
        .header("x-kind", "scripted")
        .send("a")
        .send_bytes(&[0xff, 0xfe])
        .pause(1)
        .drip("drop", 3, 1)
        .event(json!({ "x": 1 }))
        .delta_json(json!({ "reasoning_content": "hm" }))
        .done();
    upstream.script("all", script);
    let mut client = Client::new(&upstream);
    let interim = client.call("GET", "/play/all?ignored", "");
    assert_eq!(interim.status, 103);
    let answer = client.answer();
    assert!(answer.head.starts_with("HTTP/1.1 201 Created\r\n") && answer.head.contains("x-kind: scripted\r\n"));
    assert!(answer.body.starts_with(b"a\xff\xfedropdata: {\"x\":1}\n\n"));
    assert!(answer.body.ends_with(b"data: [DONE]\n\n"));
    assert_eq!(answer.end, End::Whole);
}

#[test]
fn a_body_without_framing_ends_with_the_connection() {
    let upstream = Upstream::start();
    upstream.script("http10", Script::new().head(200).framing(Framing::Close).send("to the end"));
    let answer = ask(&upstream, "http10", true);
    assert_eq!((answer.text(), answer.end), ("to the end", End::Fin));
}

#[test]
fn raw_bytes_can_break_http() {
    let upstream = Upstream::start();
    upstream.script("garbage", Script::new().raw("not HTTP at all"));
    let mut client = Client::new(&upstream);
    client.send("POST", "/play/garbage", "");
    assert_eq!(client.rest(), (b"not HTTP at all".to_vec(), End::Fin));
    upstream.script("chunk", Script::new().head(200).send("good").raw("zz\r\nbad").close());
    let mut client = Client::new(&upstream);
    client.send("POST", "/play/chunk", "");
    let (bytes, _) = client.rest();
    assert!(bytes.ends_with(b"4\r\ngood\r\nzz\r\nbad"));
}

#[test]
fn statuses_and_methods_without_a_body_keep_the_connection() {
    let upstream = Upstream::start();
    upstream.script("empty", Script::new().head(204).send("never sent"));
    upstream.script("joined", Script::completion("x").joined());
    let mut client = Client::new(&upstream);
    assert_eq!(client.call("DELETE", "/play/empty", "").end, End::Whole);
    client.send("HEAD", "/play/joined", "");
    assert!(client.head().contains("content-length: "));
    let answer = client.call("GET", "/play/joined", "");
    assert_eq!((answer.json()["model"].as_str(), answer.end), (Some("joined"), End::Whole));
}

#[test]
fn the_nth_call_plays_the_nth_attempt_and_the_last_repeats() {
    let upstream = Upstream::start();
    upstream.script(
        "busy",
        Script::rate_limited("7").then(Script::error(500, "server_error", "no")).then(Script::completion("ok")),
    );
    let mut client = Client::new(&upstream);
    let first = client.ask("busy", false);
    assert!(first.status == 429 && first.head.contains("retry-after: 7\r\n"));
    assert_eq!(first.json()["error"]["code"], "rate_limit_exceeded");
    let statuses = [(); 3].map(|()| client.ask("busy", false).status);
    assert_eq!(statuses, [500, 200, 200]);
    let calls = upstream.calls("busy");
    assert_eq!(calls.iter().map(|call| call.attempt).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(calls.iter().all(|call| call.connection == calls[0].connection), "all on one kept-alive connection");
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let upstream = Upstream::start();
    upstream.script("slow", Script::new().head(200).send("1").pause(20).send("2"));
    let mut client = Client::new(&upstream);
    client.send("POST", "/play/slow", "");
    client.until("1\r\n");
    // Arrives within the pause, and must be taken for neither a close nor a part of the first request.
    client.send("POST", "/v1/chat/completions", &chat("next", false));
    assert_eq!(client.answer().text(), "12");
    assert_eq!(client.answer().json()["model"], "next");
    assert_eq!(upstream.calls("slow")[0].closed_early, Some(false));
}

#[test]
fn a_script_that_only_stalls_sends_no_head() {
    let upstream = Upstream::start();
    upstream.script("mute", Script::new().step(Step::Stall(True)));
    let mut client = Client::new(&upstream);
    client.send("POST", "/play/mute", "");
    upstream.wait_count("mute", 1, super::LONG);
    drop(upstream);
    assert_eq!(client.rest().0, b"");
}
