//! A run's events between two parts of one host that cannot share memory: a line each, `seq TAB kind TAB json`.

use std::collections::VecDeque;

use axum::body::Body;
use bytes::Bytes;
use domain::run::{Event, EventKind};
use futures_util::{Stream, StreamExt as _, stream};
use ports::{EventStream, RunsError};

/// The longest line, in bytes.
const MAX_LINE: usize = 8 << 20;

/// The body that carries `events`. It breaks off where they do. An empty line now and then shows that the reader is there.
pub fn encode(events: EventStream) -> Body {
    Body::from_stream(events.map(|event| match event {
        Ok(event) => Ok(Bytes::from(format!("{}\t{}\t{}\n", event.seq, event.kind.as_str(), event.data))),
        Err(error) => Err(std::io::Error::other(error.to_string())),
    }))
}

/// The events that a body carries. A body that ends before the `end` event ends with an error.
pub fn decode<E: std::fmt::Display + 'static>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
) -> EventStream {
    struct Reading<S> {
        body: S,
        buffer: Vec<u8>,
        ready: VecDeque<Event>,
        over: bool,
    }
    let state = Reading { body, buffer: Vec::new(), ready: VecDeque::new(), over: false };
    Box::pin(stream::unfold(state, |mut reading| async move {
        loop {
            if let Some(event) = reading.ready.pop_front() {
                reading.over |= event.kind == EventKind::End;
                return Some((Ok(event), reading));
            }
            if reading.over {
                return None;
            }
            let problem = match reading.body.next().await {
                Some(Ok(chunk)) => match lines(&mut reading.buffer, &chunk) {
                    Some(events) => {
                        reading.ready.extend(events);
                        continue;
                    }
                    None => "a line that is no event".to_owned(),
                },
                Some(Err(error)) => error.to_string(),
                None => "the stream of events broke off".to_owned(),
            };
            reading.over = true;
            return Some((Err(RunsError::Unavailable(problem)), reading));
        }
    }))
}

/// The events of all lines that `chunk` completes; the rest stays in `buffer`.
fn lines(buffer: &mut Vec<u8>, chunk: &[u8]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    let mut rest = chunk;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        buffer.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        if !buffer.is_empty() {
            events.push(parse(std::str::from_utf8(buffer).ok()?)?);
            buffer.clear();
        }
    }
    buffer.extend_from_slice(rest);
    (buffer.len() <= MAX_LINE).then_some(events)
}

fn parse(line: &str) -> Option<Event> {
    let mut parts = line.splitn(3, '\t');
    let (seq, kind, data) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Event { seq: seq.parse().ok()?, kind: EventKind::parse(kind)?, data: data.into() })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn events() -> Vec<Event> {
        vec![
            Event { seq: 1, kind: EventKind::Delta, data: "{\"text\":\"é\\t\\n\"}".into() },
            Event { seq: 2, kind: EventKind::End, data: "{}".into() },
        ]
    }

    fn encoded() -> Vec<u8> {
        let stream: EventStream = Box::pin(stream::iter(events().into_iter().map(Ok)));
        let chunks = encode(stream).into_data_stream().map(Result::unwrap).collect::<Vec<_>>();
        chunks.now_or_never().unwrap().concat()
    }

    fn decoded(chunks: Vec<Bytes>) -> Vec<Result<Event, RunsError>> {
        let body = stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
        decode(body).collect::<Vec<_>>().now_or_never().unwrap()
    }

    #[test]
    fn events_survive_any_cut_into_chunks() {
        let bytes = encoded();
        for cut in 0..=bytes.len() {
            let chunks = vec![Bytes::copy_from_slice(&bytes[..cut]), Bytes::copy_from_slice(&bytes[cut..])];
            assert_eq!(decoded(chunks), events().into_iter().map(Ok).collect::<Vec<_>>(), "cut at {cut}");
        }
    }

    #[test]
    fn a_body_without_an_end_is_an_error() {
        let bytes = encoded();
        let half = Bytes::copy_from_slice(&bytes[..bytes.len() - 5]);
        assert!(matches!(decoded(vec![half]).last(), Some(Err(_))));
        assert!(matches!(decoded(vec![Bytes::from_static(b"x\ty\tz\n")])[..], [Err(_)]));
    }
}
