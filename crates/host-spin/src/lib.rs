//! The Spin host: the gateway as a component for Fermyon Spin 4.1 and later (WASI 0.3).
//!
//! It translates between Spin and the ports and knows no rule of the product. It is built for `wasm32-wasip2` only.
//!
//! Spin serves up to 16 requests at once with one instance, on one thread. So nothing here may panic, which would end all
//! of them, and whatever a port call is waiting for belongs to the request that made the call: a future or stream of a
//! port is polled and dropped by one request only. Requests reach each other through shared memory and wakers.

mod assets;
mod clock;
mod database;
mod entropy;
mod fields;
mod http;
mod inbound;
mod instance;
mod keys;
mod log;
mod settings;
mod sqlite;
mod tasks;

#[cfg(feature = "behaviour")]
mod behaviour;

use std::sync::Arc;

use ports::Clock as _;
use spin_sdk::{
    http::Request,
    http_service,
    wasip3::http::types::{ErrorCode, Response},
};

use crate::{clock::SpinClock, entropy::SpinEntropy, tasks::Attentive};

#[http_service]
async fn handle(request: Request) -> Result<Response, ErrorCode> {
    Attentive::new(serve(request)).await
}

async fn serve(request: Request) -> Result<Response, ErrorCode> {
    let request = inbound::request(request);
    let method = request.method().clone();
    let response = match instance::get().await {
        #[cfg(feature = "behaviour")]
        Ok(instance) if request.uri().path() == behaviour::PATH => behaviour::run(instance, &request).await,
        Ok(instance) => instance.gateway.handle(Arc::clone(&instance.platform), request).await,
        Err(refusal) => refusal.response(SpinClock.now(), &SpinEntropy),
    };
    inbound::response(response, &method)
}
