//! Replies written down in the forms that providers send, each with what must be read from it, at every cut.

use std::{fmt::Write, fs, path::PathBuf};

use domain::chat::{ChatEvent, Usage};

use super::{KEY, Outcome, decode};

/// File, the events, and the error's kind if there is one.
#[rustfmt::skip]
const FIXTURES: &[(&str, &str, &str)] = &[
    // Whole replies.
    ("plain.sse", "m-1 «Grüß» « dich 👋» stop usage(3+6+0 3+1)", ""),
    ("length.sse", "m-1 «cut» length", ""),
    ("filtered.sse", "m-1 «no» content_filter", ""),
    ("refusal.sse", "m-1 «I» « must not.» stop", ""),
    ("sloppy.sse", "? «a» «b» «c» usage(5+0+0 3+0) stop", ""),
    ("no-done.sse", "m-1 «a» stop", ""),
    ("no-last-blank-line.sse", "m-1 «a» «b» stop", ""),
    ("after-finish.sse", "m-1 «a» stop usage(2+0+0 1+0)", ""),
    ("usage-in-every-chunk.sse", "m-1 «a» usage(7+0+0 1+0) «b» usage(7+0+0 2+0) stop", ""),
    ("usage-in-choice.sse", "m-1 «a» usage(3+0+0 1+0) stop", ""),
    ("usage-xai.sse", "m-1 «a» stop usage(5+4+1 2+50)", ""),
    ("usage-deepseek.sse", "m-1 «a» usage(2+8+0 2+0) stop", ""),
    ("reasoning.sse", "m-1 (hm) (m) (, so) «yes» stop", ""),
    ("lone-surrogate.sse", "m-1 «a» «\u{fffd}» stop", ""),
    ("split-surrogate.sse", "m-1 «a \u{fffd}» «\u{fffd} b» «👋» stop", ""),
    ("perplexity.sse", "m-1 «a» «b» stop", ""),
    ("tools.sse", r#"m-1 0:call_1:f[] 0[{"a"] 0[:1}] 1:call_2:g[{}] tool_calls"#, ""),
    ("tools-google.sse", r#"m-1 0:a:f[{"x":1}] 1:b:f[{"x":2}] 1[] 2:g[{}] tool_calls"#, ""),
    ("tools-same-number.sse", "m-1 0:a:f[{}] 1:b:f[{}] 1[ ] tool_calls", ""),
    ("whole.json", "m-1 «Grüß dich 👋» usage(9+0+0 4+0) stop", ""),
    ("whole-lone-surrogate.json", "m-1 «\\ud83d \u{fffd} 👋» usage(9+0+0 4+0) stop", ""),
    ("whole-tools.json", r#"m-1 (hm) 0:call_1:f[{"a":1}] 1:call_2:f[{"a":2}] tool_calls"#, ""),
    // Failures: what came before is there, what came with them is not.
    ("error.sse", "m-1 «a»", "Overloaded"),
    ("error-with-choices.sse", "m-1 «a»", "RateLimited"),
    ("error-event.sse", "m-1 «a»", "Rejected"),
    ("error-unknown.sse", "m-1 «a»", "Reported"),
    ("error-finish.sse", "m-1 «a»", "Reported"),
    ("done-without-finish.sse", "m-1 «a»", "Incomplete"),
    ("cut.sse", "m-1 «a»", "Incomplete"),
    ("garbage.sse", "m-1 «a»", "Malformed"),
    ("wrong-types.sse", "m-1 «a»", "Malformed"),
    ("no-object.sse", "m-1 «a»", "Malformed"),
    ("invalid-utf8.sse", "m-1 «a»", "Malformed"),
    ("deep.sse", "m-1 «a»", "Malformed"),
    ("empty.sse", "", "Incomplete"),
    ("whole-error.json", "", "Quota"),
    ("whole-error-list.json", "", "Overloaded"),
    ("whole-cut.json", "", "Incomplete"),
    ("whole-other.json", "", "Malformed"),
    ("whole-unfinished.json", "m-1 «a»", "Incomplete"),
    ("whole-trailing.json", "", "Malformed"),
    ("page.html", "", "Malformed"),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openai")
}

/// Every body.
pub(super) fn bodies() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    FIXTURES.iter().map(|(name, ..)| (*name, fs::read(folder().join(name)).expect("a fixture")))
}

fn shown(events: &[ChatEvent]) -> String {
    let mut all = String::new();
    for event in events {
        let separator = if all.is_empty() { "" } else { " " };
        all.push_str(separator);
        match event {
            ChatEvent::Started { model } => write!(all, "{}", model.as_deref().unwrap_or("?")),
            ChatEvent::Text(text) => write!(all, "«{text}»"),
            ChatEvent::Reasoning(text) => write!(all, "({text})"),
            ChatEvent::ToolCall { index, id, name, arguments } => {
                let part = |text: &Option<String>| text.as_ref().map(|text| format!(":{text}")).unwrap_or_default();
                write!(all, "{index}{}{}[{arguments}]", part(id), part(name))
            }
            ChatEvent::Usage(Usage { input, cache_read, cache_write, output, reasoning }) => {
                write!(all, "usage({input}+{cache_read}+{cache_write} {output}+{reasoning})")
            }
            ChatEvent::Finished(finish) => write!(all, "{}", finish.as_str()),
        }
        .expect("a string takes everything");
    }
    all
}

fn kind((_, result): &Outcome) -> String {
    result.as_ref().err().map(|error| format!("{:?}", error.kind)).unwrap_or_default()
}

#[test]
fn every_fixture_is_read_as_it_was_meant() {
    for ((name, body), (_, events, error)) in bodies().zip(FIXTURES) {
        let outcome = decode([body.as_slice()]);
        assert_eq!((shown(&outcome.0).as_str(), kind(&outcome).as_str()), (*events, *error), "{name}: {outcome:?}");
    }
}

#[test]
fn every_file_is_in_the_table() {
    let files = fs::read_dir(folder()).expect("the folder of fixtures").map(|file| file.expect("a file").file_name());
    for file in files.filter(|name| !name.to_string_lossy().starts_with('.')) {
        assert!(FIXTURES.iter().any(|(name, ..)| *name == file), "{} is not in the table", file.display());
    }
}

#[test]
fn no_cut_changes_what_is_read() {
    for (name, body) in bodies() {
        let whole = decode([body.as_slice()]);
        for at in 0..=body.len() {
            let (left, right) = body.split_at(at);
            assert_eq!(decode([left, right]), whole, "{name} cut at {at}");
            assert_eq!(decode([left, b"", right]), whole, "{name} cut at {at}, with an empty chunk");
        }
        for size in 1..8 {
            assert_eq!(decode(body.chunks(size)), whole, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_reply_that_ends_early_is_never_whole() {
    for (name, body) in bodies().filter(|(_, body)| !body.starts_with(b"{")) {
        let whole = decode([body.as_slice()]);
        for at in 0..body.len() {
            let (events, result) = decode([&body[..at]]);
            // Usage may be missing; the text never is.
            let output =
                |events: &[ChatEvent]| events.iter().filter(|event| event.is_output()).cloned().collect::<Vec<_>>();
            assert!(result.is_err() || output(&events) == output(&whole.0), "{name} ended at {at}: {events:?}");
        }
    }
}

#[test]
fn nothing_of_the_provider_is_told_to_the_client_and_no_key_to_the_log() {
    for (name, body) in bodies() {
        let Err(error) = decode([body.as_slice()]).1 else { continue };
        assert!(!format!("{error:?}").contains(KEY), "{name}: {error:?}");
        for word in ["never", "overloaded", "something broke", "slow down", "serde", "column"] {
            assert!(!error.to_string().contains(word), "{name}: {error}");
        }
    }
}
