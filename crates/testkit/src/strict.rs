//! An SQLite that refuses what D1 refuses, so that a statement too large for one store fails in every test.
//!
//! It stands on embedded libSQL in memory. Its calls block the thread, which is fine in a test and nowhere else. The rules are
//! in `rules`; what D1 merely does otherwise (rounding, JavaScript's numbers) is not imitated but refused.

mod rules;
mod tokens;

use async_trait::async_trait;
use futures_util::lock::Mutex;
use libsql::{Builder, Connection};
use ports::{Database, DatabaseError, DatabaseErrorKind, Outcome, Row, Statement, Value};

/// A database in memory with D1's limits. Each value is a database of its own.
pub struct StrictDatabase {
    connection: Mutex<Connection>,
}

fn failed(error: libsql::Error) -> DatabaseError {
    match error {
        // The bare message, without the wrapping of the library's `Display`.
        libsql::Error::SqliteFailure(_, message) => DatabaseError::classify(message),
        other => DatabaseError::classify(other.to_string()),
    }
}

fn refused(why: String) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, why)
}

impl StrictDatabase {
    /// An empty database.
    pub async fn new() -> Result<Self, DatabaseError> {
        let database = Builder::new_local(":memory:").build().await.map_err(failed)?;
        let connection = database.connect().map_err(failed)?;
        connection.execute("PRAGMA foreign_keys = ON", ()).await.map_err(failed)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// How SQLite would run a statement: the lines of `EXPLAIN QUERY PLAN`.
    pub async fn plan(&self, sql: &str) -> Result<Vec<String>, DatabaseError> {
        let connection = self.connection.lock().await;
        let mut found = connection.query(&format!("EXPLAIN QUERY PLAN {sql}"), ()).await.map_err(failed)?;
        let mut lines = Vec::new();
        while let Some(row) = found.next().await.map_err(failed)? {
            lines.push(row.get::<String>(3).map_err(failed)?);
        }
        Ok(lines)
    }
}

#[async_trait]
impl Database for StrictDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.connection.lock().await;
        connection.execute("BEGIN IMMEDIATE", ()).await.map_err(failed)?;
        let mut outcomes = Vec::with_capacity(statements.len());
        for statement in statements {
            match run(&connection, statement).await {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    roll_back(&connection).await?;
                    return Err(error);
                }
            }
        }
        if let Err(error) = connection.execute("COMMIT", ()).await {
            roll_back(&connection).await?;
            return Err(failed(error));
        }
        Ok(outcomes)
    }
}

/// Undoes the batch, unless SQLite has done so already.
async fn roll_back(connection: &Connection) -> Result<(), DatabaseError> {
    if !connection.is_autocommit() {
        connection.execute("ROLLBACK", ()).await.map_err(failed)?;
    }
    Ok(())
}

async fn run(connection: &Connection, statement: Statement) -> Result<Outcome, DatabaseError> {
    rules::check_statement(&statement).map_err(refused)?;
    let params: Vec<_> = statement.params.into_iter().map(bind).collect();
    let mut found = connection.query(statement.sql, params).await.map_err(failed)?;
    let mut outcome = Outcome::default();
    // After the first `None` the library would start the statement again.
    while let Some(row) = found.next().await.map_err(failed)? {
        let values: Result<Vec<_>, _> = (0..row.column_count()).map(|index| row.get_value(index).map(read)).collect();
        let row = Row(values.map_err(failed)?);
        rules::check_row(&row).map_err(refused)?;
        outcome.rows.push(row);
    }
    Ok(outcome)
}

fn bind(value: Value) -> libsql::Value {
    match value {
        Value::Null => libsql::Value::Null,
        Value::Integer(n) => libsql::Value::Integer(n),
        Value::Real(x) => libsql::Value::Real(x),
        Value::Text(text) => libsql::Value::Text(text),
        Value::Blob(bytes) => libsql::Value::Blob(bytes),
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

#[cfg(test)]
mod tests;
