//! What the host keeps: once for the application, and once for each instance of the component.

use std::{path::PathBuf, sync::Arc};

use wasmtime::{
    Result,
    component::{HasData, ResourceTable},
};
use wasmtime_wasi::{DirPerms, FilePerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    WasiHttpCtx,
    p3::{WasiHttpCtxView, WasiHttpView},
};

use crate::{
    key_value::Stores,
    outbound::{Connections, Outbound},
    sqlite::Databases,
    variables::Variables,
};

/// Everything that all instances share.
pub struct Application {
    /// The component's variables.
    pub variables: Variables,
    /// Its outbound connections.
    pub connections: Arc<Connections>,
    /// Its environment variables.
    pub environment: Vec<(String, String)>,
    /// Folders that it may read: where they are, and where it sees them.
    pub folders: Vec<(PathBuf, String)>,
    /// Its databases.
    pub databases: Databases,
    /// Its key-value stores.
    pub stores: Stores,
}

/// What belongs to one instance.
pub struct State {
    /// What the instances share.
    pub application: Arc<Application>,
    /// The handles that the guest holds.
    pub table: ResourceTable,
    /// How many databases it has open.
    pub connections: usize,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl State {
    /// The state of a new instance.
    pub fn new(application: &Arc<Application>) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(std::io::stderr()).stderr(std::io::stderr()).envs(&application.environment);
        for (folder, seen) in &application.folders {
            wasi.preopened_dir(folder, seen, DirPerms::READ, FilePerms::READ)?;
        }
        Ok(Self {
            application: Arc::clone(application),
            table: ResourceTable::new(),
            connections: 0,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound(Arc::clone(&application.connections)),
        })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The side of Spin's own interfaces: it sees the state of the instance.
pub struct Spin;

impl HasData for Spin {
    type Data<'a> = &'a mut State;
}
