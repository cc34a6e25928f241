use domain::chat::{Role, Turn};

use super::*;
use crate::config::tests::sample;

const PRICES: (&str, &str) = ("LITTORAL_PRICES", "m=1/2,dear=10/20");
const FIRST: (&str, &str) = ("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
const SECOND: (&str, &str) = ("LITTORAL_FALLBACK_BASE_URL", "http://127.0.0.1:10/v1");
const BUDGET: (&str, &str) = ("LITTORAL_BUDGET_USD", "1");

fn request(model: &str, max_tokens: Option<u32>) -> ChatRequest {
    let turns = vec![Turn { role: Role::User, content: "12345678".into() }];
    ChatRequest { model: model.into(), turns, max_tokens, ..ChatRequest::default() }
}

fn quote(given: &[(&'static str, &'static str)], request: &mut ChatRequest) -> Result<Quote, Unpriced> {
    Quote::of(&sample(given), request, Timestamp::default())
}

#[test]
fn the_most_is_reserved_whoever_answers() {
    let mut asked = request("m", Some(10));
    // Eight bytes and sixteen around the turn; ten tokens of output.
    assert_eq!(quote(&[PRICES, FIRST], &mut asked).unwrap().reserved.get(), 24 * 1_000 + 10 * 2_000);
    let both = [PRICES, FIRST, SECOND, ("LITTORAL_FALLBACK_MODEL", "dear")];
    assert_eq!(quote(&both, &mut asked).unwrap().reserved.get(), 24 * 10_000 + 10 * 20_000);
}

#[test]
fn a_limit_of_output_is_set_only_where_a_budget_needs_it() {
    let more = ("LITTORAL_MAX_OUTPUT_TOKENS", "100");
    let mut asked = request("m", None);
    assert_eq!(quote(&[PRICES, FIRST, more], &mut asked).unwrap().reserved.get(), 24 * 1_000 + 100 * 2_000);
    assert_eq!(asked.max_tokens, None);
    quote(&[PRICES, FIRST, more, BUDGET], &mut asked).unwrap();
    assert_eq!(asked.max_tokens, Some(100));
    let mut asked = request("m", Some(7));
    quote(&[PRICES, FIRST, more, BUDGET], &mut asked).unwrap();
    assert_eq!(asked.max_tokens, Some(7));
}

#[test]
fn a_model_without_a_price_is_free_without_a_budget_and_refused_with_one() {
    let free = quote(&[PRICES, FIRST], &mut request("other", None)).unwrap();
    assert_eq!((free.rates, free.reserved.get()), (None, 0));
    assert_eq!(quote(&[PRICES, FIRST, BUDGET], &mut request("other", None)).err(), Some(Unpriced));
    let built_in = quote(&[BUDGET], &mut request("littoral-offline", None)).unwrap();
    assert_eq!((built_in.rates, built_in.reserved.get()), (Some(Rates::FREE), 0));
}

fn bill(request: &ChatRequest, progress: Progress) -> (Usage, i64, bool) {
    let bill = Bill::of(&sample(&[PRICES, FIRST]), request, Timestamp::default(), &progress);
    (bill.usage, bill.cost.get(), bill.estimated)
}

fn seen(text: &str, reasoning: &str) -> Seen {
    let mut seen = Seen::default();
    seen.add(&ChatEvent::Text(text.into()));
    seen.add(&ChatEvent::Reasoning(reasoning.into()));
    seen
}

#[test]
fn the_providers_count_holds_when_the_model_finished() {
    let usage = Usage { input: 9, output: 2, ..Usage::default() };
    let progress = Progress { reported: Some(usage), seen: seen("12345678", ""), dispatched: true, finished: true };
    assert_eq!(bill(&request("m", None), progress), (usage, 13_000, false));
}

#[test]
fn without_a_count_it_is_estimated_and_what_nobody_took_costs_nothing() {
    let progress = Progress { reported: None, seen: seen("12345678", "1"), dispatched: true, finished: false };
    let guess = Usage { input: 6, output: 6, reasoning: 5, ..Usage::default() };
    assert_eq!(bill(&request("m", None), progress), (guess, 28_000, true));
    // The provider was told not to write more.
    let bounded = Usage { input: 6, output: 6, reasoning: 1, ..Usage::default() };
    assert_eq!(bill(&request("m", Some(7)), progress), (bounded, 20_000, true));
    let refused = Progress { seen: Seen::default(), dispatched: false, ..progress };
    assert_eq!(bill(&request("m", None), refused), (Usage::default(), 0, false));
}

#[test]
fn an_early_count_is_topped_up_with_what_came_after_it() {
    let early = Usage { input: 9, output: 1, ..Usage::default() };
    let progress = Progress { reported: Some(early), seen: seen("12345678", ""), dispatched: true, finished: false };
    assert_eq!(bill(&request("m", None), progress), (Usage { output: 6, ..early }, 21_000, true));
    let late = Usage { input: 9, output: 6, ..Usage::default() };
    assert_eq!(bill(&request("m", None), Progress { reported: Some(late), ..progress }), (late, 21_000, false));
}

#[test]
fn a_dead_run_costs_what_its_log_shows_and_with_a_budget_no_more_than_was_reserved() {
    let event = |seq, kind, data: &str| Event { seq, kind, data: data.into() };
    let events = [
        event(1, EventKind::State, "{}"),
        event(2, EventKind::Delta, r#"{"text":"12345678"}"#),
        event(3, EventKind::Reasoning, r#"{"text":"1"}"#),
    ];
    let rates = Some(Rates { input: 1_000_000, output: 2_000_000, reasoning: 2_000_000, ..Rates::FREE });
    let open = Open { model: "m".into(), rates, reserved: NanoUsd::new(20_000), input_tokens: 6 };
    let cost = |given: &[_]| Bill::of_dead(&sample(given), open.clone(), &events).cost.get();
    assert_eq!(cost(&[]), 28_000);
    assert_eq!(cost(&[BUDGET]), 20_000);
}
