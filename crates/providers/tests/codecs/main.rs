//! The codecs on whole streams: every fixture at every cut, and properties that hold for
//! any bytes.

mod broken_upstreams;
mod chunking;
mod fixtures;

use domain::{Secret, chat::ChatEvent};
use http::Response;
use providers::{Decoder, OpenAi, Provider, ProviderError};

/// What a body gave: its events, and whether it was a whole reply.
type Outcome = (Vec<ChatEvent>, Result<(), ProviderError>);

const KEY: &str = "canary-5e1f";

fn decoder() -> Box<dyn Decoder> {
    let provider = OpenAi { base_url: "http://localhost:1/v1".to_owned(), api_key: Some(Secret::from(KEY)) };
    let head = Response::new(()).into_parts().0;
    provider.decoder(&head, true).expect("a success without a content type may hold a reply")
}

/// Feeds a body in these pieces, and checks on the way what every decoder promises.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut decoder, mut events) = (decoder(), Vec::new());
    let mut result = Ok(());
    for chunk in chunks {
        let done = decoder.is_done();
        let before = events.len();
        result = decoder.feed(chunk, &mut events);
        assert!(!done || (result.is_ok() && events.len() == before), "nothing comes behind the last word");
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = decoder.finish(&mut events);
    }
    let finished = events.iter().position(|event| matches!(event, ChatEvent::Finished(_)));
    assert!(result.is_err() || finished.is_some(), "a success without a finish");
    let late = &events[finished.map_or(events.len(), |at| at + 1)..];
    assert!(late.iter().all(|event| matches!(event, ChatEvent::Usage(_))), "output behind the finish: {events:?}");
    let before = events.len();
    assert_eq!(decoder.finish(&mut events), result, "the end does not change");
    if result.is_err() {
        assert_eq!(decoder.feed(b"data: {}\n\n", &mut events), result, "an error stays");
    }
    assert_eq!(events.len(), before);
    (events, result)
}
