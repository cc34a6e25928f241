//! Bodies in motion: chunks as they come, ends that are none, exchanges given up.

use futures_util::{StreamExt as _, future};
use serde_json::{Value, json};

use super::{Outcome, Peer, Report, ensure, equal, text, whole};

pub(super) async fn run(peer: &Peer<'_>, report: &mut Report) {
    report.add("“returns when the response's head is there”: before any of the body", head_first(peer).await);
    report.add("“the body streams chunk by chunk as the peer sends it”", chunk_by_chunk(peer).await);
    report.add("“the body streams”: single bytes make the same body", single_bytes(peer).await);
    let cut = "“a body that ends before the peer's framing says so … ends with an error, never cleanly”";
    for (what, script) in [
        ("the last chunk is missing", json!({ "steps": [{ "send": "half" }, { "close": true }] })),
        (
            "the content length is not reached",
            json!({ "steps": [{ "head": { "framing": "length", "length": 10 } }, { "send": "half" }, { "close": true }] }),
        ),
        ("the connection is reset", json!({ "steps": [{ "send": "half" }, { "pause_ms": 20 }, { "reset": true }] })),
    ] {
        report.add(&format!("{cut}: {what}"), cut_short(peer, &script).await);
    }
    report.add("a connection reset before the head is an error", reset_before_head(peer).await);
    report.add("“dropping … the body closes the exchange at the peer”", body_dropped(peer).await);
    report.add("“dropping the future … closes the exchange at the peer”", future_dropped(peer).await);
}

const ID: &str = "behaviour-stream";

/// Longer than any machine takes to see a byte: a client that waits for the body's end is found out, and ends.
const SILENCE_MS: u64 = 15_000;

/// A script that sends something, then nothing for a long time.
fn then_silence(steps: &[Value]) -> Value {
    let mut steps = steps.to_vec();
    steps.push(json!({ "pause_ms": SILENCE_MS }));
    json!({ "steps": steps })
}

/// Fails if the peer has come to its script's end: then the client waited for it.
async fn still_playing(peer: &Peer<'_>) -> Outcome {
    equal(&peer.calls(ID, "").await?["calls"][0]["finished"], &json!(false))
}

async fn head_first(peer: &Peer<'_>) -> Outcome {
    peer.script(ID, &then_silence(&[json!({ "head": { "status": 200 } })])).await?;
    let response = peer.play(ID).await?;
    equal(&response.status().as_u16(), &200)?;
    still_playing(peer).await
}

async fn chunk_by_chunk(peer: &Peer<'_>) -> Outcome {
    let steps = [json!({ "send": "one" }), json!({ "pause_ms": 20 }), json!({ "send": "two" })];
    peer.script(ID, &then_silence(&steps)).await?;
    let mut body = peer.play(ID).await?.into_body();
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let chunk = body.next().await.ok_or("the body ended")?.map_err(text)?;
        seen.extend_from_slice(&chunk);
    }
    equal(&seen, &b"onetwo".to_vec())?;
    still_playing(peer).await
}

async fn single_bytes(peer: &Peer<'_>) -> Outcome {
    let words = "data: Grüße 👋\n\ndata: [DONE]\n\n";
    let (_, body) = peer.played(ID, &json!({ "steps": [{ "send": words }], "split_every": 1 })).await?;
    equal(&body, &words.as_bytes().to_vec())
}

async fn cut_short(peer: &Peer<'_>, script: &Value) -> Outcome {
    peer.script(ID, script).await?;
    // Without the head the error is already there.
    let Ok(response) = peer.play(ID).await else { return Ok(()) };
    match whole(response).await {
        Err(_) => Ok(()),
        Ok(body) => Err(format!("it ended cleanly after {} bytes", body.len())),
    }
}

async fn reset_before_head(peer: &Peer<'_>) -> Outcome {
    peer.script(ID, &json!({ "steps": [{ "reset": true }] })).await?;
    ensure(peer.play(ID).await.is_err(), || "there was a response".into())
}

async fn body_dropped(peer: &Peer<'_>) -> Outcome {
    let id = "behaviour-body-dropped";
    peer.script(id, &then_silence(&[json!({ "send": "one" })])).await?;
    let mut body = peer.play(id).await?.into_body();
    body.next().await.ok_or("the body ended")?.map_err(text)?;
    drop(body);
    peer.closed_early(id).await
}

async fn future_dropped(peer: &Peer<'_>) -> Outcome {
    let id = "behaviour-future-dropped";
    peer.script(id, &then_silence(&[])).await?;
    // The request is at the peer before the future is dropped.
    let arrived = Box::pin(peer.calls(id, "?wait=count:1&timeout_ms=10000"));
    match future::select(Box::pin(peer.play(id)), arrived).await {
        future::Either::Left((Ok(_), _)) => return Err("there was a response".into()),
        future::Either::Left((Err(error), _)) => return Err(error),
        future::Either::Right((calls, _play)) => equal(&calls?["count"], &json!(1))?,
    }
    peer.closed_early(id).await
}
