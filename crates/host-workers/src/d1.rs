//! Cloudflare D1.
//!
//! D1 speaks JavaScript's types. Two things follow for whoever writes statements:
//! - There is one kind of number. A whole real reads back as an integer (`1.0` as `Value::Integer(1)`), and integers beyond
//!   ±2^53 are refused here, since D1 would round them.
//! - In a batch of several statements D1 returns rows as objects. So the columns of each `SELECT` and `RETURNING` in a batch
//!   need names that differ and are no numbers: `count(*) AS n`, not `1`. A statement that runs alone is free of this.

mod values;

use async_trait::async_trait;
use ports::{Database, DatabaseError, DatabaseErrorKind, Outcome, Row, Statement};
use worker::{D1Database, D1PreparedStatement, Error, send::SendFuture};

use crate::js;

/// A D1 database. wrangler applies the migrations.
pub struct D1(pub D1Database);

#[async_trait]
impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        SendFuture::new(self.transact(&statements)).await
    }
}

impl D1 {
    async fn transact(&self, statements: &[Statement]) -> Result<Vec<Outcome>, DatabaseError> {
        let prepared = statements.iter().map(|statement| self.prepare(statement)).collect::<Result<Vec<_>, _>>()?;
        if let [only] = prepared.as_slice() {
            let rows = only.raw_js_value().await.map_err(failed)?;
            let rows = rows.into_iter().map(values::positional).collect::<Result<Vec<Row>, _>>()?;
            return Ok(vec![Outcome { rows }]);
        }
        let results = self.0.batch(prepared).await.map_err(failed)?;
        let outcome = |result: &worker::D1Result| {
            let rows = result.results::<values::Named>().map_err(failed)?;
            let rows = rows.into_iter().map(values::Named::into_row).collect::<Result<Vec<Row>, _>>()?;
            Ok(Outcome { rows })
        };
        results.iter().map(outcome).collect()
    }

    fn prepare(&self, statement: &Statement) -> Result<D1PreparedStatement, DatabaseError> {
        let prepared = self.0.prepare(statement.sql);
        if statement.params.is_empty() {
            return Ok(prepared);
        }
        let params = statement.params.iter().map(values::parameter).collect::<Result<Vec<_>, _>>()?;
        prepared.bind(&params).map_err(failed)
    }
}

/// D1's own words for a batch that never ran because too many waited.
const BUSY: [&str; 2] = ["is overloaded", "Too many requests queued"];

/// D1's own words for losing the database on the way: a write may have been kept.
const LOST: [&str; 7] = [
    "Network connection lost",
    "caused object to be reset",
    "reset because its code was updated",
    "Cannot resolve D1 DB due to transient issue",
    "client disconnected",
    "Internal error",
    "internal error",
];

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn failed(error: Error) -> DatabaseError {
    let mut error = DatabaseError::classify(js::text(&error));
    let says = |words: &[&str]| words.iter().any(|words| error.detail.contains(words));
    if error.kind == DatabaseErrorKind::Other {
        error.kind = match () {
            () if says(&BUSY) => DatabaseErrorKind::Busy,
            () if says(&LOST) => DatabaseErrorKind::Unavailable,
            () => DatabaseErrorKind::Other,
        };
    }
    error
}
