//! What every adapter must do: one suite a port, each case named by the sentence of the contract that it checks.
//!
//! A case fails with a message and never panics, so that a suite also runs inside a Worker or a Spin component, behind a
//! test-only route that returns [`Report::to_json`]. A suite cleans up after itself and may run again on the same store.

mod clock;
mod database;
mod entropy;
mod http_client;
mod key_value;
mod mailer;
mod rate_limiter;
mod report;
pub mod route;
mod tasks;

pub use self::{
    clock::clock,
    database::database,
    entropy::entropy,
    http_client::http_client,
    key_value::{key_value, key_value_expiry, key_value_sweep},
    mailer::mailer,
    rate_limiter::rate_limiter,
    report::{Case, Report},
    tasks::tasks,
};
