//! Properties: no cut changes the outcome, and no bytes make a codec panic. The seed is fixed, so that every run is the same;
//! the fuzz targets go on from here.

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngSeed},
};
use providers::{SseError, SseEvent, SseParser};

use super::{decode, fixtures};

fn config() -> Config {
    Config { cases: 512, rng_seed: RngSeed::Fixed(0x1177_07a1), failure_persistence: None, ..Config::default() }
}

fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<SseEvent>, Result<(), SseError>) {
    let (mut parser, mut out) = (SseParser::with_max_event_bytes(200), Vec::new());
    let fed = chunks.into_iter().try_for_each(|chunk| parser.feed(chunk, &mut out));
    let result = fed.and_then(|()| parser.finish().map(|rest| out.extend(rest)));
    (out, result)
}

fn pieces<'a>(body: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = body;
    let mut sizes = sizes.iter().copied().cycle();
    std::iter::from_fn(move || {
        let size = sizes.next().unwrap_or(usize::MAX).min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        (!piece.is_empty() || !rest.is_empty()).then_some(piece)
    })
}

/// Cycled sizes of chunks, not all of them zero.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    (vec(0_usize..20, 0..6), 1_usize..40).prop_map(|(mut sizes, last)| {
        sizes.push(last);
        sizes
    })
}

/// The words that streams are made of, and some that break them.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"data",
        b"data:",
        b"data: ",
        b"id: 1",
        b"id: \0",
        b"event: x",
        b"event: error\n",
        b"retry: 5",
        b":",
        b" ",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xbc",
        b"\xff",
        "ü".as_bytes(),
        "👋".as_bytes(),
        b"{",
        b"}",
        b"[DONE]",
        br#"{"choices":[]}"#,
        br#"{"choices":[{"delta":{"content":"a"}}]}"#,
        br#"{"choices":[{"finish_reason":"stop"}]}"#,
        br#"{"choices":[{"delta":{"content":""#,
        br#""}}]}"#,
        br"\ud83d",
        br#"{"error":{"code":429}}"#,
        br#"{"error":null}"#,
        br#"{"usage":{"prompt_tokens":1}}"#,
        br#"{"choices":[{"delta":{"tool_calls":[{"index":null,"id":"a","function":{"name":"f"}}]}}]}"#,
        b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ];
    vec(proptest::sample::select(words), 0..40).prop_map(|words| words.concat())
}

/// A fixture, some bytes of which are changed, doubled or dropped.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let bodies: Vec<_> = fixtures::bodies().map(|(_, body)| body).collect();
    (proptest::sample::select(bodies), vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 0..4)).prop_map(
        |(mut body, damages)| {
            for (at, what, byte) in damages {
                if body.is_empty() {
                    break;
                }
                let at = at.index(body.len());
                match what {
                    0 => body[at] = byte,
                    1 => body.insert(at, body[at]),
                    _ => drop(body.remove(at)),
                }
            }
            body
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_cut_changes_the_events_of_a_stream(stream in stream(), sizes in sizes()) {
        prop_assert_eq!(parse(pieces(&stream, &sizes)), parse([stream.as_slice()]));
    }

    #[test]
    fn no_cut_changes_the_events_of_arbitrary_bytes(stream in vec(any::<u8>(), 0..300), sizes in sizes()) {
        prop_assert_eq!(parse(pieces(&stream, &sizes)), parse([stream.as_slice()]));
        prop_assert_eq!(decode(pieces(&stream, &sizes)), decode([stream.as_slice()]));
    }

    #[test]
    fn no_cut_changes_a_reply(stream in stream(), sizes in sizes()) {
        prop_assert_eq!(decode(pieces(&stream, &sizes)), decode([stream.as_slice()]));
    }

    #[test]
    fn no_cut_changes_a_damaged_reply(body in damaged(), sizes in sizes()) {
        prop_assert_eq!(decode(pieces(&body, &sizes)), decode([body.as_slice()]));
    }
}

#[test]
fn pieces_are_the_whole() {
    let body: Vec<u8> = (0..100).collect();
    for sizes in [vec![1], vec![3, 0, 7], vec![1000]] {
        assert_eq!(pieces(&body, &sizes).collect::<Vec<_>>().concat(), body);
    }
}
