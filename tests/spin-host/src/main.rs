//! Serves the Spin component of an application as Spin 4.1 does, for the tests of machines without the `spin` program.
//!
//! This file starts the program and stops it. The other modules each stand for one part of Spin.

mod allowed_hosts;
mod arguments;
mod bindings;
mod instances;
mod key_value;
mod manifest;
mod outbound;
mod routes;
mod server;
mod sqlite;
mod state;
mod stream;
mod variables;

use std::{process::ExitCode, sync::Arc};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use wasmtime::{Result, error::Context as _};

use crate::{
    allowed_hosts::AllowedHosts, arguments::Arguments, instances::Instances, manifest::Manifest, outbound::Connections,
    routes::Routes, server::Server, state::Application,
};

#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spin-host: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let manifest = Manifest::read(&arguments.manifest)?;
    let (id, component) = manifest.component()?;

    let given = |name: &str| arguments.variables.get(name).cloned();
    let application_variables = variables::of_application(&manifest.variables, given)?;
    if let Some(unknown) = arguments.variables.keys().find(|name| !manifest.variables.contains_key(*name)) {
        wasmtime::bail!("--variable {unknown}: the manifest has no such variable");
    }
    let application = Arc::new(Application {
        variables: variables::of_component(id, &component.variables, &application_variables)?,
        connections: Arc::new(Connections::new(AllowedHosts::parse(
            &component.allowed_outbound_hosts,
            &application_variables,
        )?)),
        environment: component.environment.clone().into_iter().collect(),
        folders: component.folders(&arguments.manifest)?,
        databases: sqlite::Databases::open(&component.sqlite_databases, arguments.state_dir.as_deref())?,
        stores: key_value::Stores::open(&component.key_value_stores, arguments.state_dir.as_deref())?,
    });

    let wasm = match arguments.component_wasm {
        Some(path) => path,
        None => component.path(&arguments.manifest)?,
    };
    let server = Server::new(Instances::compile(&wasm, application)?, Routes::parse(manifest.routes()?)?);

    let listener =
        TcpListener::bind(&arguments.listen).await.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening on http://{}", listener.local_addr()?);

    tokio::select! {
        result = server.serve(listener) => result,
        // Spin does not wait for requests or background tasks either.
        _ = terminate.recv() => std::process::exit(0),
        _ = tokio::signal::ctrl_c() => std::process::exit(0),
    }
}
