//! What the core asks of a host: a few object-safe traits and the plain values they exchange.
//!
//! Each method's documentation is its contract; the behaviour suites in `testkit` quote it and run against every adapter.
//! No adapter lives here, and no rule of the product.

mod assets;
mod client;
mod clock;
mod database;
mod entropy;
mod http;
mod key_value;
mod log;
mod mail;
mod platform;
mod rate_limiter;
mod runs;
mod settings;
mod tasks;

pub use self::{
    assets::{Assets, AssetsError},
    client::Client,
    clock::Clock,
    database::{Chats, Database, DatabaseError, DatabaseErrorKind, Outcome, Row, Statement, Value},
    entropy::Entropy,
    http::{Body, HttpClient, HttpError, HttpErrorKind},
    key_value::{KeyValue, KeyValueError},
    log::Log,
    mail::{Mail, MailApi, MailError, MailService, Mailer, Sender},
    platform::Platform,
    rate_limiter::{RateLimitError, RateLimiter},
    runs::{EventStream, Runs, RunsError},
    settings::{Settings, SettingsError},
    tasks::{BoxFuture, Busy, Tasks},
};
pub use domain::gcra::{Decision, Quota};
