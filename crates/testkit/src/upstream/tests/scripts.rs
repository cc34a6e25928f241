//! Scripts as values: JSON and the bytes they come to.

use serde_json::{Value, json};

use crate::upstream::plan::{Action, Plan};
use crate::upstream::{Framing, Head, Script, Step, Upstream};

/// The pieces that are written, heads and framing included.
fn writes(script: &Script) -> Vec<Vec<u8>> {
    let written = |action| if let Action::Write { bytes, .. } = action { Some(bytes) } else { None };
    Plan::new(&script.plays()[0], "id").actions.into_iter().filter_map(written).collect()
}

#[test]
fn json_and_builder_say_the_same() {
    let text = r#"{"attempts":[
        {"steps":[{"head":{"status":429,"headers":[["retry-after","1"]],"framing":"length","length":9}},{"send":"no"}]},
        {"steps":[{"delta":"Hel"},{"pause_ms":50},{"drip":{"text":"lo","bytes":1,"every_ms":5}},{"send_base64":"//4="},
          {"raw":"x"},{"event":{"a":1}},{"finish":"stop"},{"usage":{"total_tokens":3}},{"done":true},{"reset":true}],
         "split_every":3,"cut":{"at":10,"end":"reset"}}]}"#;
    let head = Head {
        status: 429,
        headers: vec![("retry-after".to_owned(), "1".to_owned())],
        framing: Framing::Length,
        length: Some(9),
    };
    let second = Script::new().delta("Hel").pause(50).drip("lo", 1, 5).send_bytes(&[255, 254]).raw("x");
    let second = second.event(json!({ "a": 1 })).finish("stop").usage(json!({ "total_tokens": 3 })).done().reset();
    let built = Script::new().step(Step::Head(head)).send("no").then(second.split_every(3).reset_at(10));
    assert_eq!(Script::from_json(text).unwrap(), built);
}

#[test]
fn every_script_survives_json() {
    for script in [
        Script::new(),
        Script::standard(),
        Script::reply(&["a", "b"]).split_every(2).cut_at(5).joined(),
        Script::attempts([Script::rate_limited("Wed, 21 Oct 2015 07:28:00 GMT"), Script::completion("x").stall_at(3)]),
        Script::new().head(200).claim_length(3).stall(),
        Script::new().close(),
    ] {
        assert_eq!(Script::from_json(&script.to_json()).unwrap(), script);
    }
}

#[test]
fn each_step_is_a_write() {
    let script = Script::new().head(200).send("ab").send("").send("c").pause(1).send("d");
    let pieces = writes(&script);
    assert!(pieces[0].starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(pieces[1..], [&b"2\r\nab\r\n"[..], b"1\r\nc\r\n", b"1\r\nd\r\n", b"0\r\n\r\n"]);
}

#[test]
fn pieces_cross_events_but_no_pauses() {
    let script =
        Script::new().head(200).framing(Framing::Length).send("abc").send("de").pause(1).send("fgh").split_every(2);
    assert_eq!(writes(&script)[1..], [&b"ab"[..], b"cd", b"e", b"fg", b"h"]);
}

#[test]
fn joined_is_one_write_up_to_a_pause() {
    let pieces = writes(&Script::reply(&["a"]).pause(1).send("b").joined());
    assert_eq!(pieces.len(), 2);
    assert!(pieces[0].starts_with(b"HTTP/1.1 200") && pieces[1] == b"1\r\nb\r\n0\r\n\r\n");
}

#[test]
fn a_cut_leaves_out_the_waits_after_it() {
    let plan = |script: Script| Plan::new(&script.plays()[0], "id");
    let script = Script::new().head(200).send("ab").pause(1).send("cd");
    for (at, pauses) in [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (9, 1)] {
        let plan = plan(script.clone().cut_at(at));
        let waits = plan.actions.iter().filter(|action| matches!(action, Action::Pause(_))).count();
        assert_eq!((waits, plan.actions.last()), (pauses, Some(&Action::Close)), "cut at {at}");
    }
}

#[test]
fn chunks_follow_the_wire_contract() {
    let body = String::from_utf8(Script::reply(&["Hi"]).body("m")).unwrap();
    let first: Value = serde_json::from_str(body.lines().next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        first,
        json!({
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1_730_000_000, "model": "m",
            "system_fingerprint": null, "usage": null,
            "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "logprobs": null, "finish_reason": null }],
        })
    );
}

#[test]
fn urls_name_the_port() {
    let upstream = Upstream::start();
    assert_eq!(upstream.url(), format!("http://127.0.0.1:{}", upstream.address().port()));
}
