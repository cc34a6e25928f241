//! How many instances of the component there are, and how long each one lives: Spin's defaults for WASI 0.3.
//!
//! The driving itself is `ProxyHandler`'s, which Spin uses too.

use std::{
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::Sleep;
use wasmtime::{
    Config, Engine, Result, Store, StoreContextMut,
    component::{Component, GuestTaskId, Linker},
    error::Context as _,
};
use wasmtime_wasi_http::{
    handler::{
        HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, ViewFn, WorkerExpiration, WorkerState, WorkerStatus,
    },
    p3::{WasiHttpView as _, bindings::ServicePre},
};

use crate::{
    bindings::SpinImports,
    state::{Application, Spin, State},
};

/// How many requests an instance takes at once.
const MAX_CONCURRENT: usize = 16;
/// How many requests it takes in all.
const MAX_REUSE: usize = 128;
/// How long it stays without anything to do.
const IDLE: Duration = Duration::from_secs(1);

/// Makes instances of the compiled component.
pub struct Instances {
    service: ServicePre<State>,
    application: Arc<Application>,
}

impl Instances {
    /// Compiles the component and links what Spin offers it.
    pub fn compile(wasm: &Path, application: Arc<Application>) -> Result<ProxyHandler<Self>> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config)?;
        let component =
            Component::from_file(&engine, wasm).with_context(|| format!("cannot load {}", wasm.display()))?;

        let mut linker = Linker::<State>::new(&engine);
        // Rust's standard library is still on WASI 0.2.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        SpinImports::add_to_linker::<State, Spin>(&mut linker, |state| state)?;

        let service = linker
            .instantiate_pre(&component)
            .and_then(ServicePre::new)
            .with_context(|| format!("{} is not a component this host can serve", wasm.display()))?;
        Ok(ProxyHandler::new(Self { service, application }))
    }
}

impl HandlerState for Instances {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Limits;

    async fn instantiate(&self) -> Result<Instance<State, Expiration, Limits>> {
        let mut store = Store::new(self.service.engine(), State::new(&self.application)?);
        let service = self.service.instantiate_async(&mut store).await?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: ViewFn::P3(State::http),
            expiration: Expiration(Box::pin(tokio::time::sleep(IDLE))),
            state: Limits,
        })
    }
}

/// Ends an instance that is idle. A task that goes on after its response keeps it alive.
pub struct Expiration(Pin<Box<Sleep>>);

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, since: Instant) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = (since + IDLE).into();
        if self.0.deadline() != deadline {
            self.0.as_mut().reset(deadline);
        }
        self.0.as_mut().poll(context)
    }
}

/// What one instance takes.
pub struct Limits;

impl WorkerState for Limits {
    type StoreData = State;
    type RequestId = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= MAX_REUSE {
            ShouldAccept::Never
        } else if concurrent >= MAX_CONCURRENT {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        // Requests have no time limit.
        Box::pin(std::future::pending())
    }

    fn drop(&self, _: Store<State>, result: Result<()>) {
        if let Err(error) = result {
            eprintln!("spin-host: an instance failed: {error:#}");
        }
    }
}
