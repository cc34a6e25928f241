//! What is sent, and what refusals mean. Replies are tested on fixtures, in the crate's `tests` folder.

use domain::chat::{ChatEvent, Role, Turn};
use http::{Response, response::Parts};
use serde_json::{Value, json};

use super::*;
use crate::RetryAfter;

fn provider(base_url: &str) -> OpenAi {
    OpenAi { base_url: base_url.to_owned(), api_key: Some(Secret::from("canary-5e1f")) }
}

fn chat(stream: bool) -> ChatRequest {
    let turns = vec![
        Turn { role: Role::System, content: "be brief".into() },
        Turn { role: Role::User, content: "hi \"ü\"".into() },
        Turn { role: Role::Assistant, content: "ho".into() },
    ];
    ChatRequest { model: "m".into(), turns, max_tokens: Some(9), temperature: Some(0.7), stream }
}

fn request(provider: &OpenAi, chat: &ChatRequest) -> (Request<Bytes>, Value) {
    let Exchange::Http(request) = provider.exchange(chat).unwrap() else { panic!("not over HTTP") };
    let body = serde_json::from_slice(request.body()).unwrap();
    (request, body)
}

fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap().into_parts().0
}

#[test]
fn a_streamed_request() {
    let (request, body) = request(&provider("http://localhost:1/v1/"), &chat(true));
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("POST", "http://localhost:1/v1/chat/completions")
    );
    assert_eq!(request.headers()[ACCEPT], "text/event-stream");
    assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(request.headers()[USER_AGENT], concat!("littoral/", env!("CARGO_PKG_VERSION")));
    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hi \"ü\""},
                {"role": "assistant", "content": "ho"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 9,
            "temperature": 0.7,
        })
    );
}

#[test]
fn a_request_that_is_not_streamed_names_only_what_is_asked() {
    let chat = ChatRequest { max_tokens: None, temperature: None, ..chat(false) };
    let (request, body) = request(&provider("http://localhost:1/v1"), &chat);
    assert_eq!(request.headers()[ACCEPT], "application/json");
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((keys, &body["stream"]), (vec!["messages", "model", "stream"], &json!(false)));
}

#[test]
fn openai_itself_gets_the_newer_name_of_the_limit() {
    let (_, body) = request(&provider("https://api.openai.com/v1"), &chat(true));
    assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(9), &Value::Null));
}

#[test]
fn the_key_is_sent_and_never_shown() {
    let provider = provider("http://localhost:1/v1");
    let (request, _) = request(&provider, &chat(true));
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer canary-5e1f");
    let shown = format!("{provider:?} {request:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let without = OpenAi { api_key: None, ..provider };
    assert!(!self::request(&without, &chat(true)).0.headers().contains_key(AUTHORIZATION));
}

#[test]
fn settings_that_make_no_request_are_the_servers_fault() {
    let bad_key = OpenAi { api_key: Some(Secret::from("canary\n")), ..provider("http://localhost:1/v1") };
    for provider in [provider("http://local host/v1"), bad_key] {
        let error = provider.exchange(&chat(true)).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Unauthorized);
        assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
    }
}

#[test]
fn refusals_are_sorted_by_what_can_be_done() {
    use ProviderErrorKind as Kind;
    let html = "<html><body>502 Bad Gateway</body></html>";
    let error = |kind: &str, code: &str| {
        json!({"error": {"message": "…", "type": kind, "param": null, "code": code}}).to_string()
    };
    for (status, body, kind, retryable) in [
        (429, error("requests", "rate_limit_exceeded"), Kind::RateLimited, true),
        (429, error("insufficient_quota", "insufficient_quota"), Kind::Quota, false),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#.into(), Kind::Quota, false),
        (429, String::new(), Kind::RateLimited, true),
        (
            429,
            r#"[{"error":{"code":429,"message":"…","status":"RESOURCE_EXHAUSTED"}}]"#.into(),
            Kind::RateLimited,
            true,
        ),
        (400, error("invalid_request_error", "context_length_exceeded"), Kind::Rejected, false),
        (404, error("invalid_request_error", "model_not_found"), Kind::Rejected, false),
        (404, r#"{"error":{"message":"model \"x\" not found","code":null}}"#.into(), Kind::Rejected, false),
        (404, r#"{"object":"error","message":"The model `x` does not exist."}"#.into(), Kind::Rejected, false),
        (404, r#"{"error":{"message":"Invalid URL (POST /chat/completions)"}}"#.into(), Kind::NotFound, false),
        (404, r#"{"detail":"Not Found"}"#.into(), Kind::NotFound, false),
        (404, "404 page not found".into(), Kind::NotFound, false),
        (404, html.into(), Kind::NotFound, false),
        (404, String::new(), Kind::NotFound, false),
        (413, html.into(), Kind::Rejected, false),
        (422, r#"{"detail":[{"loc":["body"],"msg":"…"}]}"#.into(), Kind::Rejected, false),
        (401, error("invalid_request_error", "invalid_api_key"), Kind::Unauthorized, false),
        (403, html.into(), Kind::Unauthorized, false),
        (408, String::new(), Kind::Timeout, true),
        (409, String::new(), Kind::Overloaded, true),
        (500, error("server_error", ""), Kind::Overloaded, true),
        (502, html.into(), Kind::Overloaded, true),
        (503, "\u{0}\u{1}".into(), Kind::Overloaded, true),
        (504, html.into(), Kind::Overloaded, true),
        (529, error("overloaded_error", ""), Kind::Overloaded, true),
        (302, String::new(), Kind::Malformed, false),
    ] {
        let refusal = provider("http://localhost:1").refusal(&head(status, &[]), body.as_bytes());
        assert_eq!(
            (refusal.kind, refusal.retryable(), refusal.status),
            (kind, retryable, Some(status)),
            "{status} {body}"
        );
    }
}

#[test]
fn a_refusal_tells_the_client_what_to_do_in_our_own_words() {
    let detail = |status, code: &str| {
        let body = json!({"error": {"message": "canary-5e1f, internal-host:8000", "code": code}}).to_string();
        let error = provider("http://localhost:1").refusal(&head(status, &[]), body.as_bytes());
        assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
        assert!(!error.to_string().contains("internal-host"), "{error}");
        error.detail
    };
    assert!(detail(400, "context_length_exceeded").contains("too long"));
    assert!(detail(404, "model_not_found").contains("another"));
    assert!(detail(404, "whatever").contains("URL"));
    assert_eq!(detail(400, "whatever"), ProviderErrorKind::Rejected.detail());
}

#[test]
fn the_providers_wait_and_its_word_on_repeating_are_kept() {
    let refuse = |status, headers: &[(&str, &str)]| provider("http://localhost:1").refusal(&head(status, headers), b"");
    let limited = refuse(429, &[("retry-after", "7")]);
    assert_eq!(limited.retry_after, Some(RetryAfter::Seconds(std::time::Duration::from_secs(7))));
    assert!(!refuse(429, &[("x-should-retry", "false")]).retryable());
    assert!(refuse(404, &[("x-should-retry", "true")]).retryable());
    assert!(refuse(503, &[("x-should-retry", "perhaps")]).retryable());
}

#[test]
fn a_head_that_promises_no_reply_fails_at_once() {
    use ProviderErrorKind as Kind;
    for (status, headers, expected) in [
        (200, vec![], None),
        (200, vec![("content-type", "text/event-stream; charset=utf-8")], None),
        (200, vec![("content-type", "application/json")], None),
        (200, vec![("content-type", "text/plain"), ("content-encoding", "identity")], None),
        (200, vec![("content-type", "text/html; charset=utf-8")], Some(Kind::Malformed)),
        (200, vec![("content-encoding", "gzip")], Some(Kind::Malformed)),
        (503, vec![], Some(Kind::Overloaded)),
    ] {
        let decoder = provider("http://localhost:1").decoder(&head(status, &headers), true);
        assert_eq!(decoder.err().map(|error| error.kind), expected, "{status} {headers:?}");
    }
}

/// What a body that came at once gives, and how it ends.
fn decoded(body: &str) -> (Vec<ChatEvent>, Result<(), ProviderError>) {
    let (mut decoder, mut events) = (ChatDecoder::new(None), Vec::new());
    let fed = decoder.feed(body.as_bytes(), &mut events);
    let ended = fed.and_then(|()| decoder.finish(&mut events));
    (events, ended)
}

#[test]
fn of_any_number_of_choices_only_the_one_asked_for_is_read() {
    const END: &str = r#"{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}"#;
    let others = r#"{"index":1,"delta":{}},"#.repeat(150_000);
    let (events, ended) = decoded(&format!("data: {{\"choices\":[{others}{END}]}}\n\n"));
    assert!(events.contains(&ChatEvent::Text("Hi".into())), "{events:?}");
    assert_eq!(ended, Ok(()));
    // The first of those without a number is the one.
    let (events, ended) = decoded(&format!("data: {{\"choices\":[{}{{}}]}}\n\n", "{},".repeat(600_000)));
    assert_eq!((events.len(), ended.unwrap_err().kind), (1, ProviderErrorKind::Incomplete));
}

#[test]
fn too_many_tool_calls_and_too_large_errors_cost_no_memory() {
    let calls = "{},".repeat(256);
    let line = format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{calls}{{}}]}}}}]}}\n\n");
    assert_eq!(decoded(&line).1.unwrap_err().kind, ProviderErrorKind::Malformed);
    let error = format!("data: {{\"error\":[{}0]}}\n\n", "0,".repeat(100_000));
    assert_eq!(decoded(&error).1.unwrap_err().kind, ProviderErrorKind::Reported);
}

#[test]
fn nonsense_in_a_count_of_tokens_is_no_small_number() {
    let usage = |counts: &str| {
        let end = r#"{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}"#;
        let (events, ended) = decoded(&format!("data: {{\"choices\":[{end}],\"usage\":{counts}}}\n\n"));
        assert_eq!(ended, Ok(()), "{counts}");
        events.into_iter().find_map(|event| if let ChatEvent::Usage(usage) = event { Some(usage) } else { None })
    };
    for nonsense in ["18446744073709551615", "1e30", "-1", "-0.5", "2.5", "99999999999999999999999"] {
        for field in ["prompt_tokens", "completion_tokens"] {
            let usage = usage(&format!(r#"{{"{field}":{nonsense}}}"#)).unwrap();
            assert!(!usage.is_believable(), "{field} {nonsense}: {usage:?}");
        }
        // A detail that cannot be read is one that was not told.
        let details = format!(
            r#"{{"prompt_tokens":9,"completion_tokens":4,"total_tokens":{nonsense},"prompt_tokens_details":{{"cached_tokens":{nonsense}}},"completion_tokens_details":{{"reasoning_tokens":{nonsense}}}}}"#
        );
        assert_eq!(
            usage(&details),
            Some(domain::chat::Usage { input: 9, output: 4, ..Default::default() }),
            "{nonsense}"
        );
    }
}
