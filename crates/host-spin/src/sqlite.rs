//! Spin's SQLite database.
//!
//! Each instance has connections of its own, and SQLite lets one of all of them write. Whoever waits for that asks again and
//! again, in no order, for 5 s. So of an instance one batch at a time wants to write, and one that waited in vain is tried again.

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::lock;
use ports::{Database, DatabaseError, DatabaseErrorKind, Outcome, Row, Statement, Value};
use spin_sdk::sqlite::{self, Connection, Error};

/// The label in `spin.toml`.
const LABEL: &str = "default";

/// Connections that are kept for the next batch. More are opened when more batches run at once, and closed afterwards.
const IDLE: usize = 4;

/// How often a batch is tried that found the database locked: nothing of it was kept, so that it may be.
const TRIES: u32 = 4;

/// Before the next try. Where a try waits for the lock itself, as SQLite does, this hardly counts.
const PAUSE: Duration = Duration::from_millis(50);

/// Held by whoever writes in this instance.
static WRITING: LazyLock<lock::Mutex<()>> = LazyLock::new(lock::Mutex::default);

/// The turn to write in this instance. What computes for long takes it too: nobody has a transaction open then, and no other
/// instance waits for the end of both.
pub async fn turn() -> lock::MutexGuard<'static, ()> {
    WRITING.lock().await
}

/// The default database. A batch has a connection to itself, since a transaction belongs to a connection and requests of
/// one instance run side by side.
pub struct SpinSqlite {
    /// A new connection reads the schema first (0.5 ms instead of 0.07 ms for a small read), and when the last one closes
    /// SQLite copies its log into the database (13 ms instead of 2 ms for a small write).
    idle: Mutex<Vec<Connection>>,
}

impl SpinSqlite {
    /// The database, in the mode in which readers go on while somebody writes. A store behind Spin that has no such mode
    /// answers with an error or another mode, and works all the same.
    pub async fn open() -> Result<Self, DatabaseError> {
        let connection = connect().await?;
        let _ = run(&connection, "PRAGMA journal_mode = WAL").await;
        Ok(Self { idle: Mutex::new(vec![connection]) })
    }

    async fn take(&self) -> Result<Connection, DatabaseError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => connect().await,
        }
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

#[async_trait]
impl Database for SpinSqlite {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        // After an error, or when the caller gives up, the connection is closed, and that ends its transaction.
        let reads = statements.iter().all(Statement::reads);
        let _turn = if reads { None } else { Some(turn().await) };
        let connection = self.take().await?;
        let mut tries = 1;
        let outcomes = loop {
            match transact(&connection, statements.clone(), reads).await {
                Err(error) if error.kind == DatabaseErrorKind::Busy && tries < TRIES => tries += 1,
                result => break result?,
            }
            spin_sdk::time::sleep(PAUSE).await;
        };
        self.put_back(connection);
        Ok(outcomes)
    }
}

async fn transact(
    connection: &Connection,
    statements: Vec<Statement>,
    reads: bool,
) -> Result<Vec<Outcome>, DatabaseError> {
    // A writer takes the lock at once: one that reads first could find its snapshot outdated when it writes.
    // A single statement is a transaction of its own.
    let begin = match statements.len() {
        1 => None,
        _ if reads => Some("BEGIN"),
        _ => Some("BEGIN IMMEDIATE"),
    };
    if let Some(begin) = begin {
        run(connection, begin).await?;
    }
    let result = execute_all(connection, statements, begin.is_some()).await;
    if begin.is_some() && result.is_err() {
        // Others need not wait for the connection to close. Fails when SQLite rolled back by itself.
        let _ = run(connection, "ROLLBACK").await;
    }
    result
}

async fn execute_all(
    connection: &Connection,
    statements: Vec<Statement>,
    commit: bool,
) -> Result<Vec<Outcome>, DatabaseError> {
    let mut outcomes = Vec::with_capacity(statements.len());
    for statement in statements {
        outcomes.push(execute(connection, statement).await?);
    }
    if commit {
        run(connection, "COMMIT").await?;
    }
    Ok(outcomes)
}

async fn connect() -> Result<Connection, DatabaseError> {
    let connection = Connection::open(LABEL).await.map_err(failed)?;
    // The default of the SQLite in Spin, but not of every store that can stand behind it.
    run(&connection, "PRAGMA foreign_keys = ON").await?;
    Ok(connection)
}

async fn run(connection: &Connection, sql: &'static str) -> Result<(), DatabaseError> {
    execute(connection, Statement::new(sql, [])).await.map(drop)
}

async fn execute(connection: &Connection, statement: Statement) -> Result<Outcome, DatabaseError> {
    let mut result =
        connection.execute(statement.sql, statement.params.into_iter().map(parameter)).await.map_err(failed)?;
    let mut rows = Vec::new();
    while let Some(row) = result.next().await {
        rows.push(Row(row.values.into_iter().map(value).collect()));
    }
    // Errors come after the rows, also those of a statement that never ran.
    result.result().await.map_err(failed)?;
    Ok(Outcome { rows })
}

fn parameter(value: Value) -> sqlite::Value {
    match value {
        Value::Null => sqlite::Value::Null,
        Value::Integer(integer) => sqlite::Value::Integer(integer),
        Value::Real(real) => sqlite::Value::Real(real),
        Value::Text(text) => sqlite::Value::Text(text),
        Value::Blob(bytes) => sqlite::Value::Blob(bytes),
    }
}

fn value(value: sqlite::Value) -> Value {
    match value {
        sqlite::Value::Null => Value::Null,
        sqlite::Value::Integer(integer) => Value::Integer(integer),
        sqlite::Value::Real(real) => Value::Real(real),
        sqlite::Value::Text(text) => Value::Text(text),
        sqlite::Value::Blob(bytes) => Value::Blob(bytes),
    }
}

fn failed(error: Error) -> DatabaseError {
    let other = |detail: &str| DatabaseError::new(DatabaseErrorKind::Other, detail);
    match error {
        Error::Io(message) => DatabaseError::classify(message),
        Error::NoSuchDatabase | Error::AccessDenied => {
            other("the component may not open the database: add sqlite_databases = [\"default\"] to spin.toml")
        }
        Error::InvalidConnection => other("Spin does not know the connection"),
        Error::DatabaseFull => other("the database is full"),
    }
}
