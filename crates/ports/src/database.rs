//! A database that speaks SQLite's dialect. The seam is the statement, not the entity.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use domain::UserId;

/// A value bound to a statement or read from a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// An integer within ±2^53, the range that every store returns exactly.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text without NUL characters.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One statement. The text is `'static`: SQL is never assembled from input. Parameters are numbered `?1`, `?2` ….
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: &'static str,
    /// The parameters, `?1` first. At most 100 (D1's limit).
    pub params: Vec<Value>,
}

impl Statement {
    /// A statement with its parameters.
    pub fn new<const N: usize>(sql: &'static str, params: [Value; N]) -> Self {
        Self { sql, params: params.into() }
    }

    /// Whether the statement only reads: it begins with `SELECT` or `WITH`. (No text of ours begins with `WITH` and writes.)
    pub fn reads(&self) -> bool {
        let start = self.sql.trim_start().as_bytes();
        let begins = |word: &[u8]| start.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
        begins(b"SELECT") || begins(b"WITH")
    }
}

/// One row, decoded by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn wrong(&self, index: usize, wanted: &str) -> DatabaseError {
        let found = match self.0.get(index) {
            None => "nothing",
            Some(Value::Null) => "NULL",
            Some(Value::Integer(_)) => "an integer",
            Some(Value::Real(_)) => "a real",
            Some(Value::Text(_)) => "text",
            Some(Value::Blob(_)) => "a blob",
        };
        DatabaseError::new(DatabaseErrorKind::Other, format!("column {index} holds {found}, wanted {wanted}"))
    }

    /// The integer at `index`. A real without a fraction counts: JavaScript has no other number.
    pub fn integer(&self, index: usize) -> Result<i64, DatabaseError> {
        match self.0.get(index) {
            Some(Value::Integer(n)) => Ok(*n),
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
            Some(Value::Real(x)) if x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_992.0 => Ok(*x as i64),
            _ => Err(self.wrong(index, "an integer")),
        }
    }

    /// The text at `index`.
    pub fn text(&self, index: usize) -> Result<&str, DatabaseError> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.wrong(index, "text")),
        }
    }

    /// The bytes at `index`.
    pub fn blob(&self, index: usize) -> Result<&[u8], DatabaseError> {
        match self.0.get(index) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(self.wrong(index, "a blob")),
        }
    }

    /// The integer at `index`, or `None` for `NULL`.
    pub fn maybe_integer(&self, index: usize) -> Result<Option<i64>, DatabaseError> {
        if matches!(self.0.get(index), Some(Value::Null)) { Ok(None) } else { self.integer(index).map(Some) }
    }

    /// The text at `index`, or `None` for `NULL`.
    pub fn maybe_text(&self, index: usize) -> Result<Option<&str>, DatabaseError> {
        if matches!(self.0.get(index), Some(Value::Null)) { Ok(None) } else { self.text(index).map(Some) }
    }
}

/// What a statement returned.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Outcome {
    /// The rows of a `SELECT` or of a `RETURNING` clause, in order; empty otherwise.
    pub rows: Vec<Row>,
}

/// What went wrong, in kinds that a caller can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseErrorKind {
    /// A `UNIQUE` or `PRIMARY KEY` constraint refused the write; `columns` as SQLite names them (`users.email`).
    Unique {
        /// `table.column`, joined by a comma and a space.
        columns: String,
    },
    /// A `FOREIGN KEY` constraint refused the write.
    ForeignKey,
    /// A `CHECK` or `NOT NULL` constraint refused the write, or a `STRICT` table a type.
    Check,
    /// Another writer held the database for too long. Trying again may help.
    Busy,
    /// The database could not be reached. Nothing is known about whether a write arrived.
    Unavailable,
    /// Anything else: a fault of ours.
    Other,
}

/// A failed statement or batch. Nothing of the batch was kept, unless the kind is `Unavailable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseError {
    /// What a caller can act on.
    pub kind: DatabaseErrorKind,
    /// The store's own words, for the log only.
    pub detail: String,
}

impl DatabaseError {
    /// An error of a known kind.
    pub fn new(kind: DatabaseErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Classifies SQLite's message text, which all stores pass on in one wrapping or another.
    pub fn classify(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let kind = if let Some(at) = detail.find("UNIQUE constraint failed: ") {
            let columns = &detail[at + "UNIQUE constraint failed: ".len()..];
            let end = columns
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ',' | ' ')))
                .unwrap_or(columns.len());
            DatabaseErrorKind::Unique { columns: columns[..end].trim().to_owned() }
        } else if detail.contains("FOREIGN KEY constraint failed") {
            DatabaseErrorKind::ForeignKey
        } else if ["CHECK constraint failed", "NOT NULL constraint failed", "cannot store "]
            .iter()
            .any(|text| detail.contains(text))
        {
            DatabaseErrorKind::Check
        } else if ["database is locked", "database table is locked", "SQLITE_BUSY"]
            .iter()
            .any(|text| detail.contains(text))
        {
            DatabaseErrorKind::Busy
        } else {
            DatabaseErrorKind::Other
        };
        Self { kind, detail }
    }

    /// Whether the `NOT NULL` constraint of this column (`users.email`) refused the write.
    pub fn is_null(&self, column: &str) -> bool {
        let said = self.detail.split_once("NOT NULL constraint failed: ").map(|(_, rest)| rest);
        let named = said.and_then(|rest| rest.strip_prefix(column));
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        self.kind == DatabaseErrorKind::Check && named.is_some_and(ends)
    }

    /// Whether a `UNIQUE` constraint over exactly these columns refused the write.
    pub fn is_unique(&self, on: &str) -> bool {
        matches!(&self.kind, DatabaseErrorKind::Unique { columns } if columns == on)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database: {:?}: {}", self.kind, self.detail)
    }
}

impl std::error::Error for DatabaseError {}

/// A SQLite-dialect database.
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs the statements in order in one transaction: all of them or none. Returns one outcome for each. A later
    /// statement sees what an earlier one wrote. Acknowledged means durable. Foreign keys are enforced.
    /// SQLite's `changes()` is of the last statement before that writes. An empty batch does nothing. A batch that only reads sees one consistent state.
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError>;

    /// Runs one statement in a transaction of its own.
    async fn run(&self, statement: Statement) -> Result<Outcome, DatabaseError> {
        let mut outcomes = self.batch(vec![statement]).await?;
        outcomes.pop().ok_or_else(|| DatabaseError::new(DatabaseErrorKind::Other, "a batch of one returned no outcome"))
    }
}

/// Where users' chats live. Today one database for all; it may become one for each user.
pub trait Chats: Send + Sync {
    /// The database that holds this user's chats.
    fn for_user(&self, user: UserId) -> Arc<dyn Database>;
}

/// One database for everybody.
impl Chats for Arc<dyn Database> {
    fn for_user(&self, _user: UserId) -> Arc<dyn Database> {
        Self::clone(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_store_are_classified() {
        let unique = DatabaseError::classify("D1_ERROR: UNIQUE constraint failed: users.email: SQLITE_CONSTRAINT");
        assert!(unique.is_unique("users.email"), "{unique}");
        let two =
            DatabaseError::classify("SQLite failure: `UNIQUE constraint failed: runs.user_id, runs.idempotency_key`");
        assert!(two.is_unique("runs.user_id, runs.idempotency_key"), "{two}");
        let null = DatabaseError::classify("D1_ERROR: NOT NULL constraint failed: ledger.reserved: SQLITE_CONSTRAINT");
        assert!(null.is_null("ledger.reserved") && !null.is_null("ledger.reserve"), "{null}");
        assert!(!unique.is_null("users.email"));
        for (text, kind) in [
            ("FOREIGN KEY constraint failed", DatabaseErrorKind::ForeignKey),
            ("CHECK constraint failed: status", DatabaseErrorKind::Check),
            ("cannot store TEXT value in INTEGER column t.n", DatabaseErrorKind::Check),
            ("database is locked", DatabaseErrorKind::Busy),
            ("no such table: x", DatabaseErrorKind::Other),
        ] {
            assert_eq!(DatabaseError::classify(text).kind, kind, "{text}");
        }
    }

    #[test]
    fn reads_are_told_from_writes() {
        assert!(Statement::new(" select 1", []).reads());
        assert!(Statement::new("WITH x AS (SELECT 1) SELECT * FROM x", []).reads());
        assert!(!Statement::new("UPDATE t SET a = 1 RETURNING a", []).reads());
    }
}
