use super::*;

fn rates(text: &str) -> Rates {
    Prices::parse(&format!("m={text}")).unwrap().of("m", Timestamp::default()).unwrap()
}

fn at(text: &str) -> Timestamp {
    midnight(parse_date(text).unwrap())
}

#[test]
fn a_dollar_per_million_tokens_is_a_thousand_nano_usd_a_token() {
    let rates = rates("1/2");
    assert_eq!(rates.cost(&Usage { input: 1, ..Usage::default() }).get(), 1_000);
    assert_eq!(rates.cost(&Usage { input: 9, output: 2, ..Usage::default() }).get(), 13_000);
    assert_eq!(NanoUsd::parse_usd("1").unwrap().get(), 1_000_000_000);
    assert_eq!(NanoUsd::parse_usd("0.000000001").unwrap().get(), 1);
}

#[test]
fn each_bucket_has_its_own_rate_and_missing_ones_follow_input_and_output() {
    let all = rates("1/2/0.5/1.25/4");
    let usage = Usage { input: 1, cache_read: 10, cache_write: 100, output: 1_000, reasoning: 10_000 };
    assert_eq!(all.cost(&usage).get(), 1_000 + 5_000 + 125_000 + 2_000_000 + 40_000_000);
    let two = rates("1/2");
    assert_eq!((two.cache_read, two.cache_write, two.reasoning), (two.input, two.input, two.output));
}

#[test]
fn fractions_are_kept_and_the_sum_is_rounded_up_once() {
    let cheap = rates("0.0375/0.15");
    assert_eq!(cheap.input, 37_500);
    for (input, cost) in [(0, 0), (1, 38), (2, 75), (3, 113), (1_000, 37_500)] {
        assert_eq!(cheap.cost(&Usage { input, ..Usage::default() }).get(), cost, "{input}");
    }
    let tiny = Rates { input: 1, output: 1, ..Rates::FREE };
    assert_eq!(tiny.cost(&Usage { input: 400, output: 400, ..Usage::default() }).get(), 1);
}

#[test]
fn nothing_overflows() {
    let most =
        Rates { input: u64::MAX, cache_read: u64::MAX, cache_write: u64::MAX, output: u64::MAX, reasoning: u64::MAX };
    let all =
        Usage { input: u64::MAX, cache_read: u64::MAX, cache_write: u64::MAX, output: u64::MAX, reasoning: u64::MAX };
    assert_eq!(most.cost(&all), NanoUsd::MAX);
    assert_eq!(most.most(u64::MAX, u64::MAX), NanoUsd::MAX);
    assert_eq!(NanoUsd::stored(i64::MIN).get(), 0);
    assert_eq!(NanoUsd::stored(i64::MAX), NanoUsd::MAX);
    assert!(4 * NanoUsd::MAX.get() <= 1 << 53);
}

/// However the tokens of a reply fall into kinds, it costs no more than was reserved for so many; and a cost is the exact
/// one, less than one nano-USD above it.
#[test]
fn a_cost_is_exact_and_never_above_the_reservation() {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut dice = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for _ in 0..20_000 {
        let mut rate = || dice(Rates::MOST / 1_000);
        let rates = Rates { input: rate(), cache_read: rate(), cache_write: rate(), output: rate(), reasoning: rate() };
        let mut tokens = || dice(100_000);
        let usage = Usage {
            input: tokens(),
            cache_read: tokens(),
            cache_write: tokens(),
            output: tokens(),
            reasoning: tokens(),
        };
        let cost = rates.cost(&usage);
        let input = usage.input + usage.cache_read + usage.cache_write;
        assert!(cost <= rates.most(input, usage.output + usage.reasoning), "{rates:?} {usage:?}");
        let exact = u128::from(usage.input) * u128::from(rates.input)
            + u128::from(usage.cache_read) * u128::from(rates.cache_read)
            + u128::from(usage.cache_write) * u128::from(rates.cache_write)
            + u128::from(usage.output) * u128::from(rates.output)
            + u128::from(usage.reasoning) * u128::from(rates.reasoning);
        let cost = u128::try_from(cost.get()).unwrap() * 1000;
        if cost < 1 << 50 {
            assert!(cost >= exact && cost - exact < 1000, "{rates:?} {usage:?}");
        }
    }
}

#[test]
fn the_newest_row_that_has_begun_counts_and_a_models_own_before_any_others() {
    let prices = Prices::parse("m=1/1, m@2026-03-01=2/2, m@2026-01-01=3/3, *@2026-02-01=4/4, @cf/x@y=5/5").unwrap();
    let input = |model, day| prices.of(model, at(day)).map(|rates| rates.input / 1_000_000);
    assert_eq!(input("m", "2025-12-31"), Some(1));
    assert_eq!(input("m", "2026-01-01"), Some(3));
    assert_eq!(input("m", "2026-03-01"), Some(2));
    assert_eq!(input("other", "2026-01-31"), None);
    assert_eq!(input("other", "2026-02-01"), Some(4));
    assert_eq!(input("@cf/x@y", "2020-01-01"), Some(5));
}

#[test]
fn what_is_no_price_is_refused_with_its_row() {
    for bad in [
        "",
        "m",
        "=1/1",
        "m=",
        "m=1",
        "m=1/1/1",
        "m=1/1/1/1",
        "m=1/1/1/1/1/1",
        "m=-1/1",
        "m=1e3/1",
        "m=1./1",
        "m=.5/1",
        "m=0.0000001/1",
        "m=1000001/1",
        "m=1/99999999999999999999999",
        "m=1/ ",
        "@2026-01-01=1/1",
    ] {
        assert_eq!(Prices::parse(&format!("a=1/1,{bad}")), Err(BadPrice(2)), "{bad}");
    }
    assert_eq!(Prices::parse("m=1/1,m=2/2"), Err(BadPrice(2)), "twice the same");
    // A day that is none is part of the name.
    assert!(Prices::parse("m@2026-02-30=1/1").unwrap().of("m@2026-02-30", Timestamp::default()).is_some());
    for bad in ["", "-1", "1.0000000001", "1e3", "1000001", "$5"] {
        assert_eq!(NanoUsd::parse_usd(bad), None, "{bad}");
    }
}

#[test]
fn a_period_is_a_calendar_month_in_utc() {
    for (now, start, next) in [
        ("1970-01-01", "1970-01-01", "1970-02-01"),
        ("2026-01-31", "2026-01-01", "2026-02-01"),
        ("2028-02-29", "2028-02-01", "2028-03-01"),
        ("2026-12-31", "2026-12-01", "2027-01-01"),
    ] {
        // The last millisecond of that day.
        let last = Timestamp::from_millis(at(now).millis() + 86_399_999);
        for now in [at(now), last] {
            assert_eq!((period(now), next_period(now)), (at(start), at(next)), "{now}");
        }
    }
    assert_eq!(period(Timestamp::from_millis(i64::MAX)), Timestamp::default());
}
