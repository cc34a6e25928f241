//! Whole exchanges: what is sent arrives, what is answered comes back.

use futures_util::future::join_all;
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use super::{Outcome, Peer, Report, ensure, equal, text, whole};

pub(super) async fn run(peer: &Peer<'_>, report: &mut Report) {
    report.add("“sends a request”: method, path, query, headers and body arrive", arrives(peer).await);
    report.add("“sends a request”: a body of 1 MB arrives whole", large_request(peer).await);
    report.add("a response has its status, its headers and its body", response(peer).await);
    report.add("a response of 2 MB comes whole", large_response(peer).await);
    report.add("a status of 400 and above is a response, not an error", statuses(peer).await);
    report.add("a response without a body ends at once", no_body(peer).await);
    report.add("“redirects are returned, not followed”", redirect(peer).await);
    report.add("“compression is not asked for”", compression(peer).await);
    report.add("ten exchanges at once do not mix", side_by_side(peer).await);
    report.add("a peer that nobody plays is an error, not silence", nobody(peer).await);
}

const ID: &str = "behaviour-exchange";

async fn arrives(peer: &Peer<'_>) -> Outcome {
    peer.script(ID, &json!({ "steps": [{ "send": "ok" }] })).await?;
    let mut request = peer.request(Method::POST, &format!("/play/{ID}?a=1&b=%C3%BC"), "Grüße\r\n\0")?;
    request.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    request.headers_mut().insert("x-behaviour", HeaderValue::from_static("a, b"));
    whole(peer.client.send(request).await.map_err(text)?).await.map_err(text)?;
    let call = &peer.calls(ID, "").await?["calls"][0];
    equal(&call["method"], &json!("POST"))?;
    equal(&call["path"], &json!(format!("/play/{ID}?a=1&b=%C3%BC")))?;
    equal(&call["body"], &json!("Grüße\r\n\0"))?;
    equal(&header(call, "content-type"), &Some("text/plain; charset=utf-8"))?;
    equal(&header(call, "x-behaviour"), &Some("a, b"))
}

/// The value of a recorded header.
fn header<'a>(call: &'a Value, name: &str) -> Option<&'a str> {
    let headers = call["headers"].as_array()?;
    headers.iter().find(|pair| pair[0].as_str().is_some_and(|given| given.eq_ignore_ascii_case(name)))?[1].as_str()
}

async fn large_request(peer: &Peer<'_>) -> Outcome {
    peer.script(ID, &json!({ "steps": [{ "send": "ok" }] })).await?;
    let body = "0123456789".repeat(100_000);
    let request = peer.request(Method::PUT, &format!("/play/{ID}"), body.clone())?;
    whole(peer.client.send(request).await.map_err(text)?).await.map_err(text)?;
    let calls = peer.calls(ID, "").await?;
    let arrived = calls["calls"][0]["body"].as_str().unwrap_or_default();
    ensure(arrived == body, || format!("{} bytes arrived", arrived.len()))
}

async fn response(peer: &Peer<'_>) -> Outcome {
    let headers = json!([["content-type", "application/x-behaviour"], ["x-behaviour", "a, b"]]);
    let steps = json!([
        { "head": { "status": 201, "headers": headers, "framing": "length" } }, { "send_base64": "AP8KDQ==" },
    ]);
    peer.script(ID, &json!({ "steps": steps })).await?;
    let response = peer.play(ID).await?;
    equal(&response.status().as_u16(), &201)?;
    for (name, wanted) in [("content-type", "application/x-behaviour"), ("x-behaviour", "a, b")] {
        equal(&response.headers().get(name).and_then(|value| value.to_str().ok()), &Some(wanted))?;
    }
    equal(&whole(response).await.map_err(text)?, &vec![0, 255, 10, 13])
}

async fn large_response(peer: &Peer<'_>) -> Outcome {
    let body = "0123456789".repeat(200_000);
    let (_, found) = peer.played(ID, &json!({ "steps": [{ "send": body }] })).await?;
    ensure(found == body.as_bytes(), || format!("{} bytes came", found.len()))
}

async fn statuses(peer: &Peer<'_>) -> Outcome {
    for status in [400, 401, 404, 429, 500, 503, 529] {
        let steps = json!([{ "head": { "status": status, "framing": "length" } }, { "send": "no" }]);
        equal(&peer.played(ID, &json!({ "steps": steps })).await?, &(status, b"no".to_vec()))?;
    }
    Ok(())
}

async fn no_body(peer: &Peer<'_>) -> Outcome {
    let steps = json!([{ "head": { "status": 200, "framing": "length" } }]);
    equal(&peer.played(ID, &json!({ "steps": steps })).await?, &(200, Vec::new()))
}

async fn redirect(peer: &Peer<'_>) -> Outcome {
    let target = "behaviour-redirected";
    peer.script(target, &json!({ "steps": [{ "send": "arrived" }] })).await?;
    for status in [301, 302, 307, 308] {
        let headers = json!([["location", format!("{}/play/{target}", peer.url)]]);
        let steps = json!([{ "head": { "status": status, "headers": headers, "framing": "length" } }]);
        equal(&peer.played(ID, &json!({ "steps": steps })).await?.0, &status)?;
    }
    equal(&peer.calls(target, "").await?["count"], &json!(0))
}

async fn compression(peer: &Peer<'_>) -> Outcome {
    peer.played(ID, &json!({ "steps": [{ "send": "ok" }] })).await?;
    let calls = peer.calls(ID, "").await?;
    let asked = header(&calls["calls"][0], "accept-encoding");
    ensure(asked.is_none_or(|asked| asked == "identity"), || format!("it asked for {asked:?}"))
}

async fn side_by_side(peer: &Peer<'_>) -> Outcome {
    let answers = join_all((0..10).map(|n| async move {
        let script = json!({ "steps": [{ "send": format!("{n}:") }, { "pause_ms": 5 }, { "send": "end" }] });
        let (_, body) = peer.played(&format!("behaviour-side-{n}"), &script).await?;
        equal(&String::from_utf8_lossy(&body).as_ref(), &format!("{n}:end").as_str())
    }))
    .await;
    answers.into_iter().collect()
}

async fn nobody(peer: &Peer<'_>) -> Outcome {
    // Port 1 of the same machine: reserved, and nothing listens there.
    let request = http::Request::builder().uri("http://127.0.0.1:1/").body(bytes::Bytes::new()).map_err(text)?;
    ensure(peer.client.send(request).await.is_err(), || "there was a response".into())
}
