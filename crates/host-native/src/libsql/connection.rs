//! One connection and its prepared statements: ports' values in, ports' values out. Transactions are their users' matter.

use std::{collections::HashMap, fmt, path::Path, time::Duration};

use futures_util::FutureExt as _;
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Row, Statement, Value};

use super::wal;

/// How long SQLite waits for a lock that another process holds (a backup tool, for example).
pub const BUSY: Duration = Duration::from_secs(5);

/// Prepared statements kept for each connection, a few hundred bytes to a few KiB each. All our texts are literals, far
/// fewer than this.
const PREPARED: usize = 512;

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Write,
    /// Only read; SQLite refuses the rest.
    Read,
}

/// A connection. It belongs to one thread at a time.
pub struct Connection {
    // Before the connection, so that it is dropped first: SQLite closes a file when its statements are gone.
    prepared: HashMap<(usize, usize), libsql::Statement>,
    inner: libsql::Connection,
}

impl Connection {
    /// Opens the file, creating it where it is missing.
    pub fn open(path: &Path, access: Access) -> Result<Self, DatabaseError> {
        let database = now(libsql::Builder::new_local(path).build())?.map_err(|error| failure(&error))?;
        let inner = database.connect().map_err(|error| failure(&error))?;
        let mut connection = Self { prepared: HashMap::new(), inner };
        connection.wait_for(BUSY)?;
        let pragmas: &[&'static str] = match access {
            // FULL: a commit is on the disk before it is acknowledged.
            Access::Write => {
                &["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", wal::LIMIT_IT]
            }
            Access::Read => &["PRAGMA query_only = ON"],
        };
        for sql in pragmas.iter().chain(&["PRAGMA temp_store = MEMORY", "PRAGMA trusted_schema = OFF"]) {
            connection.run(&Statement::new(sql, []))?;
        }
        Ok(connection)
    }

    /// Runs one statement to its end.
    pub fn run(&mut self, Statement { sql, params }: &Statement) -> Result<Outcome, DatabaseError> {
        // The text is 'static, so its place is its identity; hashing two numbers beats hashing half a KiB of SQL.
        let key = (sql.as_ptr().addr(), sql.len());
        if let Some(prepared) = self.prepared.get(&key) {
            return execute(prepared, params);
        }
        let prepared = now(self.inner.prepare(sql))?.map_err(|error| failure(&error))?;
        let outcome = execute(&prepared, params);
        if recurs(sql) {
            if self.prepared.len() >= PREPARED {
                self.prepared.clear();
            }
            self.prepared.insert(key, prepared);
        }
        outcome
    }

    /// Sets how long SQLite waits for a lock.
    pub fn wait_for(&self, patience: Duration) -> Result<(), DatabaseError> {
        self.inner.busy_timeout(patience).map_err(|error| failure(&error))
    }

    /// Whether no transaction is open.
    pub fn is_autocommit(&self) -> bool {
        self.inner.is_autocommit()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("prepared", &self.prepared.len()).finish_non_exhaustive()
    }
}

/// Whether a statement is worth keeping prepared: not the ones that change the schema or the connection, which run once.
fn recurs(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    !["CREATE", "ALTER", "DROP", "PRAGMA"].iter().any(|once| word.eq_ignore_ascii_case(once))
}

fn execute(prepared: &libsql::Statement, params: &[Value]) -> Result<Outcome, DatabaseError> {
    let outcome = collect(prepared, params);
    // Also after an error: a statement that is not reset holds its locks and takes no new parameters.
    prepared.reset();
    outcome
}

fn collect(prepared: &libsql::Statement, params: &[Value]) -> Result<Outcome, DatabaseError> {
    let other = |detail: String| DatabaseError::new(DatabaseErrorKind::Other, detail);
    // The library ignores both: too few would leave the parameters of the run before in place.
    if prepared.parameter_count() != params.len() {
        return Err(other(format!("{} parameters for {}", params.len(), prepared.parameter_count())));
    }
    if params.iter().any(|param| matches!(param, Value::Text(text) if text.contains('\0'))) {
        return Err(other("a text parameter contains a NUL character".into()));
    }
    let params: Vec<libsql::Value> = params.iter().map(bound).collect();
    let mut rows = now(prepared.query(params))?.map_err(|error| failure(&error))?;
    let mut outcome = Outcome::default();
    while let Some(row) = now(rows.next())?.map_err(|error| failure(&error))? {
        let columns = (0..row.column_count()).map(|index| row.get_value(index).map(read));
        outcome.rows.push(Row(columns.collect::<Result<_, _>>().map_err(|error| failure(&error))?));
    }
    Ok(outcome)
}

/// The library's local calls are `async` in name only: they are done when first polled.
fn now<T>(call: impl Future<Output = T>) -> Result<T, DatabaseError> {
    call.now_or_never().ok_or_else(|| {
        DatabaseError::new(DatabaseErrorKind::Other, "a local call of the library did not finish at once")
    })
}

fn failure(error: &libsql::Error) -> DatabaseError {
    match error {
        libsql::Error::SqliteFailure(code, text) => DatabaseError::classify(format!("{text} (SQLite code {code})")),
        other => DatabaseError::classify(other.to_string()),
    }
}

fn bound(value: &Value) -> libsql::Value {
    match value {
        Value::Null => libsql::Value::Null,
        Value::Integer(n) => libsql::Value::Integer(*n),
        Value::Real(x) => libsql::Value::Real(*x),
        Value::Text(text) => libsql::Value::Text(text.clone()),
        Value::Blob(bytes) => libsql::Value::Blob(bytes.clone()),
    }
}

fn read(value: libsql::Value) -> Value {
    match value {
        libsql::Value::Null => Value::Null,
        libsql::Value::Integer(n) => Value::Integer(n),
        libsql::Value::Real(x) => Value::Real(x),
        libsql::Value::Text(text) => Value::Text(text),
        libsql::Value::Blob(bytes) => Value::Blob(bytes),
    }
}
