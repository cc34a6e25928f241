//! Spin's SQLite interface, on the SQLite that Spin itself carries.
//!
//! As in Spin, each connection that the guest opens is one of SQLite's, and the errors of a statement come after its
//! (then empty) rows.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{
    hooks::{AuthAction, AuthContext, Authorization},
    types,
};
use tokio::sync::{mpsc, oneshot};
use wasmtime::{
    Result, bail,
    component::{Accessor, FutureReader, Resource, StreamReader},
    error::Context as _,
};

use crate::{
    bindings::spin::sqlite::sqlite::{
        Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
    },
    state::{Spin, State},
    stream::Channel,
};

/// How many connections an instance may hold, as in Spin.
const MAX_CONNECTIONS: usize = 256;

/// The databases of the component, by label.
pub struct Databases(HashMap<String, Database>);

struct Database {
    address: PathBuf,
    /// A database in memory lives as long as it has a connection.
    _alive: Option<Mutex<rusqlite::Connection>>,
}

impl Databases {
    /// Opens the databases, as files where there is a folder for them.
    pub fn open(labels: &[String], folder: Option<&Path>) -> Result<Self> {
        labels
            .iter()
            .map(|label| {
                let database = Database::open(label, folder);
                Ok((label.clone(), database.with_context(|| format!("cannot open database {label:?}"))?))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    fn connect(&self, label: &str) -> Result<Connection, Error> {
        let database = self.0.get(label).ok_or(Error::AccessDenied)?;
        connect(&database.address).map(|connection| Connection(Arc::new(Mutex::new(connection)))).map_err(error)
    }
}

impl Database {
    fn open(label: &str, folder: Option<&Path>) -> Result<Self> {
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            bail!("a label has letters, digits, '-' and '_' only");
        }
        let address = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                folder.join(format!("sqlite-{label}.db"))
            }
            // Connections share it and lock it as they would a file.
            None => format!("file:/{label}?vfs=memdb").into(),
        };
        let first = connect(&address)?;
        Ok(Self { address, _alive: folder.is_none().then(|| Mutex::new(first)) })
    }
}

fn connect(address: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(address)?;
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        // Temporary databases may be attached, files may not.
        AuthAction::Attach { filename } if !matches!(filename, "" | ":memory:") => Authorization::Deny,
        _ => Authorization::Allow,
    }));
    Ok(connection)
}

/// A connection that the guest holds.
#[derive(Clone)]
pub struct Connection(Arc<Mutex<rusqlite::Connection>>);

impl Connection {
    /// Runs a statement. `columns` and `row` take what it returns, and end it by returning false.
    fn run(
        &self,
        statement: &str,
        parameters: Vec<Value>,
        columns: impl FnOnce(Vec<String>) -> bool,
        mut row: impl FnMut(RowResult) -> bool,
    ) -> Result<(), Error> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(statement).map_err(error)?;
        let names: Vec<_> = statement.column_names().into_iter().map(str::to_owned).collect();
        let width = names.len();
        if !columns(names) {
            return Err(Error::Io("column send error".into()));
        }

        let parameters = rusqlite::params_from_iter(parameters.into_iter().map(parameter));
        let mut rows = statement.query(parameters).map_err(error)?;
        while let Some(current) = rows.next().map_err(error)? {
            let values = (0..width)
                .map(|column| current.get_ref(column).map_err(error).and_then(value))
                .collect::<Result<_, _>>()?;
            if !row(RowResult { values }) {
                return Err(Error::Io("row send error".into()));
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, rusqlite::Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn error(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

fn parameter(value: Value) -> types::Value {
    match value {
        Value::Null => types::Value::Null,
        Value::Integer(integer) => types::Value::Integer(integer),
        Value::Real(real) => types::Value::Real(real),
        Value::Text(text) => types::Value::Text(text),
        Value::Blob(blob) => types::Value::Blob(blob),
    }
}

fn value(value: types::ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        types::ValueRef::Null => Value::Null,
        types::ValueRef::Integer(integer) => Value::Integer(integer),
        types::ValueRef::Real(real) => Value::Real(real),
        types::ValueRef::Text(text) => {
            Value::Text(String::from_utf8(text.to_vec()).map_err(|_| Error::Io("a text value is not UTF-8".into()))?)
        }
        types::ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    })
}

impl State {
    fn connection(&self, handle: &Resource<Connection>) -> Result<Connection> {
        Ok(self.table.get(handle)?.clone())
    }

    fn keep(&mut self, opened: Connection) -> Result<Result<Resource<Connection>, Error>> {
        if self.connections == MAX_CONNECTIONS {
            return Ok(Err(Error::Io("too many connections opened".into())));
        }
        self.connections += 1;
        Ok(Ok(self.table.push(opened)?))
    }
}

impl Host for State {}

// The functions without `-async` hold the whole instance up. The SDK does not call them.
impl HostConnection for State {
    fn open(&mut self, database: String) -> Result<Result<Resource<Connection>, Error>> {
        match self.application.databases.connect(&database) {
            Ok(opened) => self.keep(opened),
            Err(error) => Ok(Err(error)),
        }
    }

    fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Result<QueryResult, Error>> {
        let connection = self.connection(&connection)?;
        let (mut columns, mut rows) = (Vec::new(), Vec::new());
        let ran = tokio::task::block_in_place(|| {
            connection.run(
                &statement,
                parameters,
                |names| {
                    columns = names;
                    true
                },
                |row| {
                    rows.push(row);
                    true
                },
            )
        });
        Ok(ran.map(|()| QueryResult { columns, rows }))
    }

    fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> Result<i64> {
        Ok(self.connection(&connection)?.lock().last_insert_rowid())
    }

    fn changes(&mut self, connection: Resource<Connection>) -> Result<u64> {
        Ok(self.connection(&connection)?.lock().changes())
    }

    fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.table.delete(connection)?;
        self.connections -= 1;
        Ok(())
    }
}

type Executed = (Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>);

impl<T: Send + 'static> HostConnectionWithStore<T> for Spin {
    async fn open_async(accessor: &Accessor<T, Self>, database: String) -> Result<Result<Resource<Connection>, Error>> {
        let application = accessor.with(|mut store| Arc::clone(&store.get().application));
        let opened = tokio::task::spawn_blocking(move || application.databases.connect(&database)).await?;
        match opened {
            Ok(opened) => accessor.with(|mut store| store.get().keep(opened)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Result<Executed, Error>> {
        let connection = accessor.with(|mut store| store.get().connection(&connection))?;
        let (columns_in, columns_out) = oneshot::channel();
        let (rows_in, rows_out) = mpsc::channel(4);
        let (end_in, end_out) = oneshot::channel();

        tokio::task::spawn_blocking(move || {
            let end = connection.run(
                &statement,
                parameters,
                |names| columns_in.send(names).is_ok(),
                |row| rows_in.blocking_send(row).is_ok(),
            );
            // The rows end here, or the guest would wait for them first.
            drop(rows_in);
            // A guest that is not interested in the end has dropped it.
            let _ = end_in.send(end);
        });

        // A statement that cannot be prepared has no columns; why is said at the end.
        let columns = columns_out.await.unwrap_or_default();
        accessor.with(|mut store| {
            Ok(Ok((
                columns,
                StreamReader::new(&mut store, Channel(rows_out))?,
                FutureReader::new(&mut store, end_out)?,
            )))
        })
    }

    async fn last_insert_rowid_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> Result<i64> {
        let connection = accessor.with(|mut store| store.get().connection(&connection))?;
        Ok(tokio::task::spawn_blocking(move || connection.lock().last_insert_rowid()).await?)
    }

    async fn changes_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> Result<u64> {
        let connection = accessor.with(|mut store| store.get().connection(&connection))?;
        Ok(tokio::task::spawn_blocking(move || connection.lock().changes()).await?)
    }
}
