//! The product: services, stores, the HTTP surface and the run engine. Every host serves this crate and nothing else.
//!
//! The core never asks the time, never opens a socket, never reads the environment: it is handed a [`ports::Platform`].

pub mod config;
mod migrations;
pub mod run;

use std::sync::Arc;

pub use axum::body::Body;
pub use config::{Config, ConfigError};
pub use migrations::migrate;
use ports::Platform;
pub use run::LocalRuns;

/// The whole backend behind one function. Built once for each process or isolate.
pub struct Gateway {
    config: Arc<Config>,
}

impl Gateway {
    /// Builds the router.
    pub fn new(config: Arc<Config>) -> Self {
        Self { config }
    }

    /// Answers one request. Hosts put a [`ports::Client`] into the request's extensions.
    pub async fn handle(&self, platform: Arc<Platform>, request: http::Request<Body>) -> http::Response<Body> {
        let _ = (platform, request, &self.config);
        http::Response::new(Body::empty())
    }
}
