//! What a run may cost, worked out before it begins, and what it came to. Writing it down belongs to the ledger's store.

use domain::{
    Timestamp,
    chat::{self, ChatEvent, ChatRequest, Usage},
    money::{self, NanoUsd, Rates},
    run::{Event, EventKind, RunKey},
};

use super::{payload, provider};
use crate::{
    Config,
    store::ledger::{NewEntry, Open, Settled},
};

/// What a run may cost.
#[derive(Clone, Debug)]
pub struct Quote {
    /// What the model asked for costs; none if it has no price.
    pub rates: Option<Rates>,
    /// The most that the run can cost, whoever answers.
    pub reserved: NanoUsd,
    /// Tokens of input, estimated.
    input_tokens: u64,
    /// When it was made.
    now: Timestamp,
}

/// There is a budget, and the model has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpriced;

impl Quote {
    /// The quote of a request. With a budget, a request that names no limit of output gets one, so that the quote holds.
    pub fn of(config: &Config, request: &mut ChatRequest, now: Timestamp) -> Result<Self, Unpriced> {
        let money = &config.money;
        let rates = money.rates(&request.model, now);
        if money.budget.is_some() {
            if rates.is_none() {
                return Err(Unpriced);
            }
            request.max_tokens.get_or_insert(money.max_output_tokens);
        }
        let input = request.turns.iter().map(|turn| chat::most_tokens(&turn.content)).sum();
        let output = request.max_tokens.unwrap_or(money.max_output_tokens).into();
        let routes = provider::routes(config, &request.model, now);
        let most =
            routes.iter().filter_map(|route| money.rates(&route.model, now)).map(|rates| rates.most(input, output));
        Ok(Self { rates, reserved: most.max().unwrap_or_default(), input_tokens: estimated_input(request), now })
    }

    /// The ledger's entry for it.
    pub fn entry<'a>(&self, config: &Config, key: RunKey, model: &'a str, durable: bool) -> NewEntry<'a> {
        NewEntry {
            key,
            durable,
            model,
            period: money::period(self.now),
            rates: self.rates,
            reserved: self.reserved,
            input_tokens: self.input_tokens,
            limit: config.money.budget,
            now: self.now,
            expires_at: self.now.plus(config.timeouts.total).plus(config.lease),
        }
    }
}

fn estimated_input(request: &ChatRequest) -> u64 {
    request.turns.iter().map(|turn| chat::estimate_tokens(&turn.content)).sum()
}

/// Bytes of output that were seen, for want of the provider's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    visible: usize,
    reasoning: usize,
}

impl Seen {
    /// Counts an event of the provider's.
    pub fn add(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Text(text) => self.visible += text.len(),
            ChatEvent::ToolCall { name, arguments, .. } => {
                self.visible += arguments.len() + name.as_ref().map_or(0, String::len);
            }
            ChatEvent::Reasoning(text) => self.reasoning += text.len(),
            ChatEvent::Started { .. } | ChatEvent::Usage(_) | ChatEvent::Finished(_) => {}
        }
    }

    /// What a log holds.
    fn of_log(events: &[Event]) -> Self {
        let mut seen = Self::default();
        for event in events {
            match event.kind {
                EventKind::Delta => seen.visible += payload::text_of(event).len(),
                EventKind::Reasoning => seen.reasoning += payload::reasoning_of(event).len(),
                EventKind::Tool => seen.visible += event.data.len(),
                _ => {}
            }
        }
        seen
    }

    /// The tokens of a reply of which so much was seen. `bound` is the limit that the provider was given.
    fn estimate(self, input: u64, bound: Option<u32>) -> Usage {
        let tokens = |bytes| if bytes == 0 { 0 } else { chat::estimate_tokens_of(bytes) };
        let bound = bound.map_or(u64::MAX, u64::from);
        let output = tokens(self.visible).min(bound);
        let reasoning = tokens(self.reasoning).min(bound - output);
        Usage { input, output, reasoning, ..Usage::default() }
    }
}

/// How far a run came, as far as money is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What the provider counted last.
    pub reported: Option<Usage>,
    /// What was seen.
    pub seen: Seen,
    /// Whether a provider may have taken the request.
    pub dispatched: bool,
    /// Whether the model finished, so that its count is the last one.
    pub finished: bool,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    /// The model that answered.
    model: String,
    rates: Option<Rates>,
    usage: Usage,
    /// What it costs.
    pub cost: NanoUsd,
    estimated: bool,
}

impl Bill {
    /// The bill of a run that ended under its owner; `request` is what the provider was asked last.
    pub fn of(config: &Config, request: &ChatRequest, created_at: Timestamp, progress: &Progress) -> Self {
        let (usage, estimated) = count(request, progress);
        let rates = config.money.rates(&request.model, created_at);
        let cost = rates.map(|rates| rates.cost(&usage)).unwrap_or_default();
        Self { model: request.model.clone(), rates, usage, cost, estimated }
    }

    /// The bill of a run whose owner died, from what is in the log. With a budget no more than was reserved: the provider
    /// was given a limit that keeps it below.
    pub fn of_dead(config: &Config, open: Open, events: &[Event]) -> Self {
        let usage = Seen::of_log(events).estimate(open.input_tokens, None);
        let cost = open.rates.map(|rates| rates.cost(&usage)).unwrap_or_default();
        let cost = if config.money.budget.is_some() { cost.min(open.reserved) } else { cost };
        Self { model: open.model, rates: open.rates, usage, cost, estimated: true }
    }

    /// The ledger's words for it.
    pub fn settled(&self, now: Timestamp) -> Settled<'_> {
        Settled {
            model: &self.model,
            rates: self.rates,
            usage: self.usage,
            cost: self.cost,
            estimated: self.estimated,
            now,
        }
    }
}

/// The tokens of a run, and whether they are an estimate. A count of the provider's that is not its last one may lack what
/// came after it.
fn count(request: &ChatRequest, progress: &Progress) -> (Usage, bool) {
    let guess = || progress.seen.estimate(estimated_input(request), request.max_tokens);
    match progress.reported {
        Some(usage) if progress.finished => (usage, false),
        Some(usage) => {
            let guess = guess();
            let better = guess.output > usage.output || guess.reasoning > usage.reasoning;
            let (output, reasoning) = (usage.output.max(guess.output), usage.reasoning.max(guess.reasoning));
            (Usage { output, reasoning, ..usage }, better)
        }
        None if progress.dispatched => (guess(), true),
        None => (Usage::default(), false),
    }
}

#[cfg(test)]
mod tests;
