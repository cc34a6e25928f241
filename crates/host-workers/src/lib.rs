//! The Cloudflare Workers host: the gateway as a Worker, with D1, Workers KV and Durable Objects behind the ports.
//!
//! It translates between Workers and the ports and knows no rule of the product. It is built for `wasm32-unknown-unknown`
//! only, and it is the only crate that names `worker`, `js-sys`, `web-sys` or `wasm-bindgen`.
//!
//! An isolate has one thread and serves many requests and objects at once. So nothing here may panic, which would end all of
//! them, and nothing that waits may be shared between requests: what one request awaits belongs to that request alone. Only
//! what is computed once and never awaited (`isolate`) is shared.

mod assets;
mod bindings;
mod clock;
mod d1;
mod entropy;
mod exchange;
mod http;
mod inbound;
mod isolate;
mod js;
mod keys;
mod limiter;
mod log;
mod probe;
mod runs;
mod settings;
mod tasks;
mod timer;

#[cfg(feature = "behaviour")]
mod behaviour;

use std::sync::Arc;

use gateway::{Body, run::Parts};
use ports::{Clock as _, Log as _};
use worker::{Context, Env, HttpRequest, ScheduleContext, ScheduledEvent, event};

use crate::{
    clock::JsClock,
    entropy::WebCrypto,
    log::Console,
    tasks::{Lifetime, WorkersTasks},
};

#[event(fetch)]
async fn fetch(request: HttpRequest, env: Env, context: Context) -> worker::Result<worker::Response> {
    let (request, body) = inbound::request(request);
    let response = serve(request, env, context).await;
    body.drain().await;
    inbound::response(response).await
}

async fn serve(request: ::http::Request<Body>, env: Env, context: Context) -> ::http::Response<Body> {
    let tasks = Arc::new(WorkersTasks::new(Lifetime::Request(context)));
    let isolate = match isolate::get(&env).await {
        Ok(isolate) => isolate,
        Err(refusal) => return refusal.response(JsClock.now(), &WebCrypto),
    };
    let platform = match bindings::platform(&env, isolate, tasks).await {
        Ok(platform) => Arc::new(platform),
        Err(refusal) => return refusal.response(JsClock.now(), &WebCrypto),
    };
    #[cfg(feature = "behaviour")]
    if request.uri().path() == behaviour::PATH {
        return behaviour::run(&platform, &request).await;
    }
    isolate.gateway.handle(platform, request).await
}

/// Closes runs whose object died, by the clock: without it they would wait for their next reader. Deletes what is past its
/// retention, and erases the accounts whose day has come.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    let tasks = Arc::new(WorkersTasks::new(Lifetime::Schedule(context)));
    // A refusal has said in the log what is wrong.
    let Ok(isolate) = isolate::get(&env).await else { return };
    let Ok(platform) = bindings::platform(&env, isolate, tasks).await else { return };
    let parts = Parts::of(&platform);
    if let Err(error) = gateway::run::reap(&parts, &*platform.runs).await {
        Console.write(&log::line("error", "reap_failed", &[error.to_string()]));
    }
    if let Err(error) = gateway::run::sweep(&isolate.config, &parts).await {
        Console.write(&log::line("error", "sweep_failed", &[error.to_string()]));
    }
    if let Err(error) = gateway::service::audit::sweep(&*platform.accounts, &isolate.config, JsClock.now()).await {
        Console.write(&log::line("error", "sweep_failed", &[error.to_string()]));
    }
    if let Err(error) = gateway::service::erasure::run_due(&platform, &isolate.config).await {
        Console.write(&log::line("error", "erasure_failed", &[error.to_string()]));
    }
}

/// The core is ordinary `Send + Sync` Rust; what JavaScript values hide behind the ports must pass for that.
const _: () = {
    const fn shared<T: Send + Sync + 'static>() {}
    shared::<clock::JsClock>();
    shared::<d1::D1>();
    shared::<entropy::WebCrypto>();
    shared::<http::Fetch>();
    shared::<keys::WorkersKv>();
    shared::<limiter::DurableLimiter>();
    shared::<Console>();
    shared::<runs::DurableRuns>();
    shared::<settings::Vars>();
    shared::<WorkersTasks>();
    shared::<ports::Platform>();
};
