//! Any bytes, however cut, give the same events and the same error; a success has exactly one finish, and only usage behind it.

#![no_main]

use domain::chat::ChatEvent;
use libfuzzer_sys::fuzz_target;
use providers::{OpenAi, Provider, ProviderError};

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<ChatEvent>, Result<(), ProviderError>) {
    let provider = OpenAi { base_url: "http://localhost:1/v1".to_owned(), api_key: None };
    let head = http::Response::new(()).into_parts().0;
    let mut events = Vec::new();
    let result = provider.decoder(&head, true).and_then(|mut decoder| {
        chunks.into_iter().try_for_each(|chunk| decoder.feed(chunk, &mut events))?;
        decoder.finish(&mut events)
    });
    (events, result)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = decode([bytes]);
    let finishes = whole.0.iter().filter(|event| matches!(event, ChatEvent::Finished(_))).count();
    assert!(finishes <= 1 && (whole.1.is_err() || finishes == 1), "{whole:?}");
    let behind = whole.0.iter().skip_while(|event| !matches!(event, ChatEvent::Finished(_))).skip(1);
    assert!(behind.into_iter().all(|event| matches!(event, ChatEvent::Usage(_))), "{whole:?}");
    for cut in cuts::of(bytes) {
        assert_eq!(decode(cut), whole);
    }
});
