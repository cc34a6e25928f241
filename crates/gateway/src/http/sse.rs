//! Server-sent events, the native stream: `id: <run>.<seq>`, `event: <kind>`, `data: <json>`; comments while silent.

use std::{future::poll_fn, io::Write as _, sync::Arc, task::Poll, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{
    RunId,
    run::{Event, EventKind, Seq},
};
use futures_util::{StreamExt as _, future::Either, stream};
use http::{HeaderValue, header};
use ports::{EventStream, Platform};

/// How much of what is ready at once goes into one write, in bytes.
const MAX_WRITE: usize = 16 * 1024;

/// Writes one event as it goes over the wire.
fn encode(frame: &mut Vec<u8>, run: RunId, event: &Event) {
    // Writing to memory does not fail.
    let _ = write!(frame, "id: {run}.{}\nevent: {}\ndata: {}\n\n", event.seq, event.kind.as_str(), event.data);
}

/// The cursor of a reader that comes back to `run`: `<run>.<seq>` as in `Last-Event-ID`, or the bare number.
pub fn parse_cursor(run: RunId, text: &str) -> Option<Seq> {
    let seq = match text.split_once('.') {
        Some((id, seq)) => (RunId::parse(id)? == run).then_some(seq)?,
        None => text,
    };
    seq.bytes().all(|c| c.is_ascii_digit()).then(|| seq.parse().ok()).flatten()
}

/// A response that streams `first` and then `events`. What is there goes out at once, in one write. The body ends after the
/// `end` event, or without one when the reader must come back.
pub fn response(
    platform: Arc<Platform>,
    run: RunId,
    first: &[Event],
    events: EventStream,
    heartbeat: Duration,
) -> Response {
    let ended = first.last().is_some_and(|event| event.kind == EventKind::End);
    let mut head = Vec::new();
    for event in first {
        encode(&mut head, run, event);
    }
    let first = (!head.is_empty()).then(|| Ok::<_, std::io::Error>(Bytes::from(head)));
    let rest = stream::unfold((events, ended), move |(mut events, ended)| {
        let platform = platform.clone();
        async move {
            if ended {
                return None;
            }
            let silence = platform.tasks.sleep(heartbeat);
            let mut next = match futures_util::future::select(events.next(), silence).await {
                Either::Left((next, _)) => next,
                Either::Right(_) => return Some((Ok(Bytes::from_static(b": hb\n\n")), (events, false))),
            };
            let mut frame = Vec::with_capacity(256);
            let ended = loop {
                // A log that cannot be read now ends the body plainly: the reader comes back.
                let Some(Ok(event)) = next else { break true };
                encode(&mut frame, run, &event);
                if event.kind == EventKind::End || frame.len() >= MAX_WRITE {
                    break event.kind == EventKind::End;
                }
                match poll_fn(|cx| Poll::Ready(events.poll_next_unpin(cx))).await {
                    Poll::Ready(more) => next = more,
                    Poll::Pending => break false,
                }
            };
            (!frame.is_empty()).then(|| (Ok(frame.into()), (events, ended)))
        }
    });
    let mut response = Response::new(Body::from_stream(stream::iter(first).chain(rest)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_in_both_forms() {
        let run = RunId::parse("01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e").unwrap();
        assert_eq!(parse_cursor(run, "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e.17"), Some(17));
        assert_eq!(parse_cursor(run, "17"), Some(17));
        for bad in ["", "x", "1.", "-1", "+1", "1.5", "99999999999999999999", "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0f.17"]
        {
            assert_eq!(parse_cursor(run, bad), None, "{bad}");
        }
    }
}
