//! Any bytes, however cut, give the same events and the same error, and nothing is larger than the limit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use providers::{SseError, SseEvent, SseParser};

const LIMIT: usize = 256;

fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<SseEvent>, Result<(), SseError>) {
    let (mut parser, mut out) = (SseParser::with_max_event_bytes(LIMIT), Vec::new());
    let fed = chunks.into_iter().try_for_each(|chunk| parser.feed(chunk, &mut out));
    let result = fed.and_then(|()| parser.finish().map(|rest| out.extend(rest)));
    (out, result)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = parse([bytes]);
    for event in &whole.0 {
        let names = [&event.id, &event.event].into_iter().flatten().map(String::len).sum::<usize>();
        assert!(event.data.len() + names <= LIMIT, "{event:?}");
        assert!(!event.data.contains('\r') && !event.id.as_ref().is_some_and(|id| id.contains('\0')), "{event:?}");
    }
    for cut in cuts::of(bytes) {
        assert_eq!(parse(cut), whole);
    }
});
