//! Upstreams that break in the ways seen in the field. Whatever they do, a reply that was not finished is an error, and
//! nothing of a broken event reaches the user.

use domain::{
    Secret,
    chat::{ChatEvent, Finish},
};
use http::Response;
use providers::{OpenAi, Provider, ProviderErrorKind as Kind};

const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// Runs an answer through the provider as the gateway does.
fn ask(status: u16, content_type: &str, body: &[u8]) -> (Vec<ChatEvent>, Option<Kind>) {
    let provider = OpenAi { base_url: "http://localhost:1/v1".to_owned(), api_key: Some(Secret::from("k")) };
    let mut response = Response::builder().status(status);
    if !content_type.is_empty() {
        response = response.header("content-type", content_type);
    }
    let head = response.body(()).expect("a head").into_parts().0;
    let mut events = Vec::new();
    let result = if head.status.is_success() {
        provider.decoder(&head, true).and_then(|mut decoder| {
            decoder.feed(body, &mut events)?;
            decoder.finish(&mut events)
        })
    } else {
        Err(provider.refusal(&head, body))
    };
    (events, result.err().map(|error| error.kind))
}

#[test]
fn a_broken_upstream_is_an_error_and_never_a_clean_end() {
    let sse = "text/event-stream";
    let huge = format!("{TEXT}data: {}", "x".repeat(5 << 20));
    let deep = format!("{TEXT}data: {}{}\n\n", "{\"error\":".repeat(100_000), "}".repeat(100_000));
    let calls = vec!["{\"function\":{\"name\":\"f\"}}"; 300].join(",");
    let calls =
        format!("{TEXT}data: {{\"choices\":[{{\"delta\":{{\"content\":\"never\",\"tool_calls\":[{calls}]}}}}]}}\n\n");
    for (name, status, content_type, body, kind) in [
        ("closed at once", 200, sse, String::new(), Kind::Incomplete),
        ("closed after the first text", 200, sse, TEXT.to_owned(), Kind::Incomplete),
        ("closed within an event", 200, sse, format!("{TEXT}data: {{\"choi"), Kind::Incomplete),
        ("only heartbeats", 200, sse, ": hb\n\n".repeat(100), Kind::Incomplete),
        ("[DONE] and no finish", 200, sse, format!("{TEXT}{DONE}"), Kind::Incomplete),
        ("a garbage event", 200, sse, format!("{TEXT}data: garbage\n\n{STOP}{DONE}"), Kind::Malformed),
        ("an event of 5 MB", 200, sse, huge, Kind::Malformed),
        ("300 tool calls in one event", 200, sse, calls, Kind::Malformed),
        ("JSON 100,000 deep", 200, sse, deep, Kind::Malformed),
        ("plain text", 200, "text/plain", "Service Unavailable".to_owned(), Kind::Malformed),
        ("plain text that looks like a field", 200, "text/plain", "error code: 502".to_owned(), Kind::Incomplete),
        ("HTML", 200, "text/html", "<html></html>".to_owned(), Kind::Malformed),
        ("HTML under a stream's name", 200, sse, "<html></html>".to_owned(), Kind::Malformed),
        ("JSON that is no completion", 200, "application/json", "{\"ok\":true}".to_owned(), Kind::Malformed),
        ("JSON that is no object", 200, "application/json", "\"ok\"".to_owned(), Kind::Malformed),
        ("an error as a success", 200, "application/json", "{\"error\":{\"code\":500}}".to_owned(), Kind::Overloaded),
        ("an error without the stream's form", 200, sse, "{\"error\":{\"code\":429}}".to_owned(), Kind::RateLimited),
        ("HTML 502", 502, "text/html", "<html></html>".to_owned(), Kind::Overloaded),
        ("429", 429, "application/json", "{}".to_owned(), Kind::RateLimited),
        ("404", 404, "text/plain", "404 page not found".to_owned(), Kind::NotFound),
    ] {
        let (events, error) = ask(status, content_type, body.as_bytes());
        assert_eq!(error, Some(kind), "{name}");
        let output: Vec<_> = events.into_iter().filter(ChatEvent::is_output).collect();
        let expected = if body.starts_with(TEXT) { vec![ChatEvent::Text("a".to_owned())] } else { vec![] };
        assert_eq!(output, expected, "{name}");
    }
}

#[test]
fn a_finish_makes_a_reply_whole_whatever_the_form() {
    let whole = "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}";
    for (name, content_type, body) in [
        ("as it should be", "text/event-stream", format!("{TEXT}{STOP}{DONE}")),
        ("no [DONE]", "text/event-stream", format!("{TEXT}{STOP}")),
        ("no last blank line", "text/event-stream", format!("{TEXT}{STOP}").trim_end().to_owned()),
        ("cut behind the finish", "text/event-stream", format!("{TEXT}{STOP}data: {{\"cho")),
        ("no content type", "", format!("{TEXT}{STOP}{DONE}")),
        ("a stream under JSON's name", "application/json", format!("{TEXT}{STOP}{DONE}")),
        ("one JSON text instead of a stream", "application/json; charset=utf-8", whole.to_owned()),
        ("one JSON text under a stream's name", "text/event-stream", whole.to_owned()),
        ("white space while the model thinks", "application/json", format!("{}{whole}", " \n".repeat(1000))),
        ("a stream in one event", "text/event-stream", format!("data: {whole}\n\n{DONE}")),
    ] {
        let (events, error) = ask(200, content_type, body.as_bytes());
        assert_eq!(error, None, "{name}");
        let expected = [ChatEvent::Text("a".to_owned()), ChatEvent::Finished(Finish::Complete)];
        assert_eq!(events[1..], expected, "{name}");
    }
}
