//! Spin's key-value interface, on a table of an SQLite file as in Spin.
//!
//! Unlike Spin, listing keys reads them all at once: Spin streams them while it holds its only connection, and can
//! hang. The product does not list keys.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension as _};
use wasmtime::{
    Result,
    component::{Accessor, FutureReader, Resource, StreamReader},
    error::Context as _,
};

use crate::{
    bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore},
    state::{Spin, State},
};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS entries \
    (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))";

/// The stores that the component may open, and the database they are in.
pub struct Stores {
    labels: Vec<String>,
    database: Arc<Mutex<Connection>>,
}

impl Stores {
    /// Opens the database, as a file where there is a folder for it.
    pub fn open(labels: &[String], folder: Option<&Path>) -> Result<Self> {
        let open = || -> Result<_> {
            let database = match folder {
                Some(folder) => {
                    std::fs::create_dir_all(folder)?;
                    Connection::open(folder.join("key-value.db"))?
                }
                None => Connection::open_in_memory()?,
            };
            database.execute(TABLE, [])?;
            Ok(database)
        };
        Ok(Self {
            labels: labels.to_vec(),
            database: Arc::new(Mutex::new(open().context("cannot open the key-value store")?)),
        })
    }
}

/// A store that the guest holds.
#[derive(Clone)]
pub struct Store {
    label: String,
    database: Arc<Mutex<Connection>>,
}

impl Store {
    /// Runs `work` with the database and the store's label, where it may block.
    async fn run<R: Send + 'static>(
        self,
        work: impl FnOnce(&Connection, &str) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<Result<R, Error>> {
        let done = tokio::task::spawn_blocking(move || {
            let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
            work(&database, &self.label)
        });
        Ok(done.await?.map_err(|error| Error::Other(error.to_string())))
    }
}

/// The store behind a handle of the guest.
fn held<T: Send + 'static>(accessor: &Accessor<T, Spin>, store: &Resource<Store>) -> Result<Store> {
    accessor.with(|mut state| Ok(state.get().table.get(store)?.clone()))
}

impl Host for State {}

impl HostStore for State {
    fn drop(&mut self, store: Resource<Store>) -> Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostStoreWithStore<T> for Spin {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut state| {
            let state = state.get();
            let stores = &state.application.stores;
            if !stores.labels.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            let database = Arc::clone(&stores.database);
            Ok(Ok(state.table.push(Store { label, database })?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Result<Option<Vec<u8>>, Error>> {
        held(accessor, &store)?
            .run(move |database, label| {
                database
                    .prepare_cached("SELECT value FROM entries WHERE store = ?1 AND key = ?2")?
                    .query_row([label, &key], |row| row.get(0))
                    .optional()
            })
            .await
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        held(accessor, &store)?
            .run(move |database, label| {
                database
                    .prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3)")?
                    .execute((label, &key, &value))?;
                Ok(())
            })
            .await
    }

    async fn delete(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Result<(), Error>> {
        held(accessor, &store)?
            .run(move |database, label| {
                database.prepare_cached("DELETE FROM entries WHERE store = ?1 AND key = ?2")?.execute([label, &key])?;
                Ok(())
            })
            .await
    }

    async fn exists(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Result<Result<bool, Error>> {
        held(accessor, &store)?
            .run(move |database, label| {
                database.prepare_cached("SELECT 1 FROM entries WHERE store = ?1 AND key = ?2")?.exists([label, &key])
            })
            .await
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let listed = held(accessor, &store)?
            .run(|database, label| {
                database
                    .prepare_cached("SELECT key FROM entries WHERE store = ?1")?
                    .query_map([label], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<String>>>()
            })
            .await?;
        let (keys, end) = match listed {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut store| {
            let end = std::future::ready(Result::<_>::Ok(end));
            Ok((StreamReader::new(&mut store, keys)?, FutureReader::new(&mut store, end)?))
        })
    }
}
