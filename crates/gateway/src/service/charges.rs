//! Asking the budget before a run begins. What a run came to is settled where it ends, in the run engine.

use domain::{Timestamp, chat::ChatRequest, money, run::RunKey};
use ports::{DatabaseError, Statement};

use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    run::charge::Quote,
    store,
};

/// What a request may cost. With a budget, a request that names no limit of output gets one.
pub fn quote(config: &Config, request: &mut ChatRequest, now: Timestamp) -> Result<Quote> {
    Quote::of(config, request, now).map_err(|_| {
        Error::field(
            "/model",
            "This server has a budget, and no price for this model. Choose another model; the operator sets prices in LITTORAL_PRICES.",
        )
    })
}

/// The statements that set it aside: behind the insert of a durable run, in the same batch. Beyond the budget the batch
/// fails, and [`refused`] says how.
pub fn reserve(config: &Config, quote: &Quote, key: RunKey, model: &str, durable: bool) -> Vec<Statement> {
    let entry = quote.entry(config, key, model, durable);
    let book = (entry.reserved.get() > 0).then(|| store::ledger::book(key.run));
    [store::ledger::expire(key, entry.now), store::ledger::reserve(&entry)].into_iter().chain(book).collect()
}

/// The error of a batch that held [`reserve`].
pub fn refused(error: DatabaseError, now: Timestamp) -> Error {
    if !error.is_null(store::ledger::REFUSED) {
        return error.into();
    }
    let next = money::next_period(now);
    Error::new(
        ErrorKind::RateLimited { retry_after: next.since(now) },
        "budget_exceeded",
        format!(
            "This month's budget has not enough left for the longest reply to this request. Ask for less with `max_tokens`, or wait for the next budget at {next}."
        ),
    )
}
