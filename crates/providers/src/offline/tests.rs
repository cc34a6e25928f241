//! The built-in model's replies, through the decoder.

use domain::chat::{ChatEvent, Turn, Usage};

use super::*;

fn ask(content: &str, stream: bool, max_tokens: Option<u32>) -> Vec<ChatEvent> {
    let model = Offline { pause: Duration::from_millis(20) };
    let turns = ["first", content].map(|text| Turn { role: Role::User, content: text.to_owned() }).to_vec();
    let request = ChatRequest { model: NAME.to_owned(), turns, max_tokens, temperature: None, stream };
    let Exchange::Local { frames, pause } = model.exchange(&request).unwrap() else { panic!("not local") };
    assert_eq!(pause, model.pause);
    let head = http::Response::new(()).into_parts().0;
    let (mut decoder, mut out) = (model.decoder(&head, stream).unwrap(), Vec::new());
    for frame in frames {
        let before = out.len();
        decoder.feed(&frame, &mut out).unwrap();
        assert!(out[before..].iter().filter(|event| matches!(event, ChatEvent::Text(_))).count() <= 1);
    }
    decoder.finish(&mut out).unwrap();
    out
}

fn text(events: &[ChatEvent]) -> String {
    events
        .iter()
        .filter_map(|event| if let ChatEvent::Text(text) = event { Some(text.as_str()) } else { None })
        .collect()
}

#[test]
fn it_says_what_it_is_and_repeats_word_by_word() {
    let events = ask(" hello  wörld\n", true, None);
    let told = "I am Littoral's built-in offline model. No provider answers you, I only repeat: hello  wörld";
    assert_eq!(text(&events), told);
    assert_eq!(events[0], ChatEvent::Started { model: Some(NAME.to_owned()) });
    assert_eq!(events[1], ChatEvent::Text("I ".to_owned()));
    let usage = Usage { input: 6 + 8, output: 16, ..Usage::default() };
    assert_eq!(events[events.len() - 2..], [ChatEvent::Finished(Finish::Complete), ChatEvent::Usage(usage)]);
}

#[test]
fn a_whole_reply_is_the_streamed_one() {
    let (streamed, whole) = (ask("hello", true, None), ask("hello", false, None));
    assert_eq!(text(&streamed), text(&whole));
    assert_eq!(whole.iter().filter(|event| event.is_output()).count(), 1);
    for event in
        [ChatEvent::Finished(Finish::Complete), ChatEvent::Usage(Usage { input: 12, output: 14, ..Usage::default() })]
    {
        assert!(streamed.contains(&event) && whole.contains(&event), "{event:?}");
    }
}

#[test]
fn it_keeps_to_the_limit_and_bounds_what_it_repeats() {
    let short = ask("hello", true, Some(3));
    assert_eq!(text(&short), "I am Littoral's ");
    assert!(short.contains(&ChatEvent::Finished(Finish::Length)));
    assert_eq!(text(&ask("hello", true, Some(0))), "");
    let long = text(&ask(&"ü".repeat(1_000_000), true, None));
    assert!(long.chars().count() < MAX_ECHO_CHARS + 100 && long.ends_with(" …"));
}

#[test]
fn control_characters_and_quotes_survive() {
    assert!(
        text(&ask("a\"b\\c\u{1}\u{2028}\r\n\r\ndata: x", true, None)).ends_with("a\"b\\c\u{1}\u{2028}\r\n\r\ndata: x")
    );
}
