//! The suite of `ports::Database`. It makes and drops tables of its own, all named `behaviour_…`.

mod batches;
mod concurrency;
mod constraints;
mod dialect;
mod values;

use ports::{Database, DatabaseError, Outcome as Answer, Row, Statement, Value};

use super::report::{Outcome, Report, ensure, equal, text};

const DROP: &[&str] = &[
    "DROP TABLE IF EXISTS behaviour_children",
    "DROP TABLE IF EXISTS behaviour_parents",
    "DROP TABLE IF EXISTS behaviour_values",
    "DROP TABLE IF EXISTS behaviour_pairs",
    "DROP TABLE IF EXISTS behaviour_counters",
    "DROP TABLE IF EXISTS behaviour_search",
];

const CREATE: &[&str] = &[
    "CREATE TABLE behaviour_values (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB) STRICT",
    "CREATE TABLE behaviour_pairs (
       id TEXT PRIMARY KEY, a TEXT NOT NULL, b INTEGER CHECK (b > 0), c TEXT UNIQUE, d INTEGER, UNIQUE (a, b)
     ) STRICT, WITHOUT ROWID",
    "CREATE UNIQUE INDEX behaviour_pairs_partial ON behaviour_pairs (d) WHERE a >= 'p'",
    "CREATE TABLE behaviour_parents (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    "CREATE TABLE behaviour_children (
       id TEXT PRIMARY KEY, parent_id TEXT NOT NULL REFERENCES behaviour_parents (id) ON DELETE CASCADE
     ) STRICT, WITHOUT ROWID",
    "CREATE TABLE behaviour_counters (id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE VIRTUAL TABLE behaviour_search USING fts5 (body)",
];

/// Checks a database. The suite must not run twice at once on the same one.
pub async fn database(database: &dyn Database) -> Report {
    let mut report = Report::default();
    let setup = database.batch(plain(DROP.iter().chain(CREATE))).await.map_err(text).map(drop);
    let ready = setup.is_ok();
    report.add("a batch may drop and create tables", setup);
    // Without the tables every other case would fail for that reason alone.
    if ready {
        values::run(database, &mut report).await;
        batches::run(database, &mut report).await;
        constraints::run(database, &mut report).await;
        dialect::run(database, &mut report).await;
        concurrency::run(database, &mut report).await;
    }
    report.add("a batch may drop tables", database.batch(plain(DROP)).await.map_err(text).map(drop));
    report
}

/// Statements without parameters.
fn plain<'a>(texts: impl IntoIterator<Item = &'a &'static str>) -> Vec<Statement> {
    texts.into_iter().map(|sql| Statement::new(sql, [])).collect()
}

/// The rows of one statement, or the error as a message.
async fn rows<const N: usize>(
    database: &dyn Database,
    sql: &'static str,
    params: [Value; N],
) -> Result<Vec<Row>, String> {
    Ok(database.run(Statement::new(sql, params)).await.map_err(text)?.rows)
}

/// The single integer of a single row.
async fn number<const N: usize>(database: &dyn Database, sql: &'static str, params: [Value; N]) -> Result<i64, String> {
    match rows(database, sql, params).await?.as_slice() {
        [row] => row.integer(0).map_err(text),
        rows => Err(format!("found {} rows, wanted one", rows.len())),
    }
}

/// The single text of a single row.
async fn word<const N: usize>(
    database: &dyn Database,
    sql: &'static str,
    params: [Value; N],
) -> Result<String, String> {
    match rows(database, sql, params).await?.as_slice() {
        [row] => row.text(0).map(str::to_owned).map_err(text),
        rows => Err(format!("found {} rows, wanted one", rows.len())),
    }
}

/// The error that a call must have ended with.
fn refused<T>(result: Result<T, DatabaseError>) -> Result<DatabaseError, String> {
    result.err().ok_or_else(|| "it was accepted".to_owned())
}
