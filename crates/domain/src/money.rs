//! Money: prices, costs and the periods of budgets. Integers only: an amount is in nano-USD, a rate in nano-USD for a
//! thousand tokens. Who pays, and where it is written down, belongs elsewhere.

use std::fmt;

use time::{Date, Month, OffsetDateTime};

use crate::{Timestamp, chat::Usage};

/// An amount, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct NanoUsd(i64);

impl NanoUsd {
    /// The largest amount, above a million dollars: sums of a few of them are still exact in every store.
    pub const MAX: Self = Self(1 << 50);

    /// From nano-USD; more than [`Self::MAX`] is cut to it.
    pub fn new(nanos: u128) -> Self {
        i64::try_from(nanos).map_or(Self::MAX, |nanos| Self(nanos).min(Self::MAX))
    }

    /// From what a store has; less than nothing is nothing.
    pub fn stored(nanos: i64) -> Self {
        Self(nanos).clamp(Self(0), Self::MAX)
    }

    /// Nano-USD: never negative.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Reads a decimal number of US dollars, such as `12.50`: at most nine digits behind the point, at most a million.
    pub fn parse_usd(text: &str) -> Option<Self> {
        decimal(text, 9).filter(|nanos| *nanos <= 1_000_000_000_000_000).map(|nanos| Self::new(nanos.into()))
    }
}

/// What a thousand tokens of each kind cost, in nano-USD. One US dollar per million tokens is 1,000,000 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rates {
    /// Input that no cache served.
    pub input: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
    /// Visible output.
    pub output: u64,
    /// Reasoning.
    pub reasoning: u64,
}

impl Rates {
    /// What costs nothing.
    pub const FREE: Self = Self { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 };

    /// The most that a row may ask: a dollar a token.
    const MOST: u64 = 1_000_000_000_000;

    /// What these tokens cost, rounded up to a whole nano-USD.
    pub fn cost(&self, usage: &Usage) -> NanoUsd {
        let parts = [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read),
            (usage.cache_write, self.cache_write),
            (usage.output, self.output),
            (usage.reasoning, self.reasoning),
        ];
        let thousandths = parts
            .into_iter()
            .fold(0_u128, |sum, (tokens, rate)| sum.saturating_add(u128::from(tokens) * u128::from(rate)));
        NanoUsd::new(thousandths.div_ceil(1000))
    }

    /// The most that so much input and output can cost, however they fall into kinds.
    pub fn most(&self, input: u64, output: u64) -> NanoUsd {
        let dearest = Self {
            input: self.input.max(self.cache_read).max(self.cache_write),
            output: self.output.max(self.reasoning),
            ..Self::FREE
        };
        dearest.cost(&Usage { input, output, ..Usage::default() })
    }

    /// Reads `input/output[/cache_read/cache_write/reasoning]` in US dollars per million tokens. What is missing costs as much
    /// as input, or as output for reasoning.
    fn parse(text: &str) -> Option<Self> {
        let rates: Option<Vec<u64>> = text.split('/').map(|rate| decimal(rate.trim(), 6)).collect();
        let rates = rates.filter(|rates| rates.iter().all(|rate| *rate <= Self::MOST))?;
        match *rates.as_slice() {
            [input, output] => Some(Self { input, cache_read: input, cache_write: input, output, reasoning: output }),
            [input, output, cache_read, cache_write, reasoning] => {
                Some(Self { input, cache_read, cache_write, output, reasoning })
            }
            _ => None,
        }
    }
}

/// A list of prices: for some models, from some day on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Prices(Vec<Price>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Price {
    model: String,
    since: Timestamp,
    rates: Rates,
}

/// The row that cannot be read, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPrice(pub usize);

impl fmt::Display for BadPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.0)
    }
}

impl Prices {
    /// The row that holds for every model without one of its own.
    const ANY: &'static str = "*";

    /// Reads rows `model[@YYYY-MM-DD]=input/output[/cache_read/cache_write/reasoning]`, separated by commas: US dollars per
    /// million tokens, from the start of that day (UTC) on. The model `*` stands for all others.
    pub fn parse(text: &str) -> Result<Self, BadPrice> {
        let mut prices: Vec<Price> = Vec::new();
        for (at, row) in text.split(',').enumerate() {
            let price = Price::parse(row).ok_or(BadPrice(at + 1))?;
            if prices.iter().any(|other| other.model == price.model && other.since == price.since) {
                return Err(BadPrice(at + 1));
            }
            prices.push(price);
        }
        Ok(Self(prices))
    }

    /// What a model costs at a time: its own newest row, else the newest one of `*`.
    pub fn of(&self, model: &str, at: Timestamp) -> Option<Rates> {
        let newest = |model: &str| {
            let begun = self.0.iter().filter(|price| price.model == model && price.since <= at);
            begun.max_by_key(|price| price.since)
        };
        newest(model).or_else(|| newest(Self::ANY)).map(|price| price.rates)
    }
}

impl Price {
    fn parse(row: &str) -> Option<Self> {
        let (name, rates) = row.rsplit_once('=')?;
        let rates = Rates::parse(rates)?;
        // A model may have an `@` in its own name.
        let dated = name.rsplit_once('@').and_then(|(model, day)| Some((model, midnight(parse_date(day.trim())?))));
        let (model, since) = dated.unwrap_or((name, Timestamp::from_millis(i64::MIN)));
        let model = model.trim();
        (!model.is_empty()).then(|| Self { model: model.to_owned(), since, rates })
    }
}

/// The start of the month (UTC) that holds `now`: the name of a budget's period.
pub fn period(now: Timestamp) -> Timestamp {
    let (year, month) = month_of(now);
    first_of(year, month)
}

/// The start of the month after it.
pub fn next_period(now: Timestamp) -> Timestamp {
    let (year, month) = month_of(now);
    first_of(year + i32::from(month == Month::December), month.next())
}

fn month_of(now: Timestamp) -> (i32, Month) {
    let time = OffsetDateTime::from_unix_timestamp(now.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (time.year(), time.month())
}

fn first_of(year: i32, month: Month) -> Timestamp {
    Date::from_calendar_date(year, month, 1).map_or(Timestamp::default(), midnight)
}

fn midnight(day: Date) -> Timestamp {
    /// The Julian day of 1970-01-01.
    const EPOCH: i64 = 2_440_588;
    Timestamp::from_millis((i64::from(day.to_julian_day()) - EPOCH) * 86_400_000)
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// A decimal number without sign and exponent, times ten to the `scale`; exact or nothing.
fn decimal(text: &str, scale: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    if whole.is_empty() || fraction.len() > scale || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return None;
    }
    format!("{whole}{fraction:0<scale$}").parse().ok()
}

#[cfg(test)]
mod tests;
