//! The product: services, stores, the HTTP surface and the run engine. Every host serves this crate and nothing else.
//!
//! The core never asks the time, never opens a socket, never reads the environment: it is handed a [`ports::Platform`].

pub mod config;
mod dialect;
pub mod error;
pub mod http;
mod log;
mod migrations;
mod outbound;
pub mod run;
pub mod service;
mod signatures;
mod store;
mod turnstile;

use std::sync::Arc;

pub use crate::http::refusal::Refusal;
pub use crate::http::route::{Access, Route};
use axum::Router;
pub use axum::{body::Body, extract::Request, response::Response};
pub use config::{Config, ConfigError};
pub use error::Error;
pub use log::Line;
pub use migrations::migrate;
use ports::Platform;
pub use run::LocalRuns;

/// The whole backend behind one function. Built once for each process or isolate.
pub struct Gateway {
    config: Arc<Config>,
    router: Router,
}

impl Gateway {
    /// Builds the router.
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, router: http::route::router(routes()) }
    }

    /// Answers one request. Hosts put a [`ports::Client`] into the request's extensions.
    pub async fn handle(&self, platform: Arc<Platform>, request: Request) -> Response {
        http::pipeline::handle(&self.router, &self.config, platform, request).await
    }
}

/// Every operation of the product.
pub fn routes() -> Vec<Route> {
    dialect::native::routes::all()
}
