//! The JSON of the pipeline: serde structs, and the steps that make a batch a transaction.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ports::{DatabaseError, Statement, Value};
use serde::{Deserialize, Serialize};

use super::fault;

/// How a batch becomes steps. Steps are known by their index in the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How many statements there are.
    pub statements: usize,
    /// What begins the transaction; none for a single `SELECT`, which is one by itself.
    begin: Option<&'static str>,
    /// Whether any statement may write.
    pub writes: bool,
}

impl Plan {
    pub(super) fn of(statements: &[Statement]) -> Self {
        let writes = statements.iter().any(|statement| !statement.reads());
        let begin = match (writes, statements.len()) {
            // Takes the writer's place at once: a later upgrade could fail half-way.
            (true, _) => Some("BEGIN IMMEDIATE"),
            (false, 1) => None,
            (false, _) => Some("BEGIN"),
        };
        Self { statements: statements.len(), begin, writes }
    }

    /// The index of the first statement.
    pub(super) fn first(self) -> usize {
        usize::from(self.begin.is_some())
    }

    /// The index of `COMMIT`, if there is one.
    pub(super) fn commit(self) -> Option<usize> {
        self.begin.map(|_| self.first() + self.statements)
    }

    /// The request's body.
    pub(super) fn encode(self, statements: &[Statement]) -> Result<Vec<u8>, DatabaseError> {
        let mut steps = Vec::with_capacity(statements.len() + 3);
        if let Some(begin) = self.begin {
            steps.push(Step { condition: None, stmt: Stmt::plain(begin) });
        }
        for statement in statements {
            let condition = steps.len().checked_sub(1).map(|step| Condition::Ok { step });
            steps.push(Step { condition, stmt: Stmt::of(statement)? });
        }
        if let Some(commit) = self.commit() {
            steps.push(Step { condition: Some(Condition::Ok { step: commit - 1 }), stmt: Stmt::plain("COMMIT") });
            let not_committed = Condition::Not { cond: Box::new(Condition::Ok { step: commit }) };
            let condition = Condition::And { conds: [Condition::Ok { step: 0 }, not_committed].into() };
            steps.push(Step { condition: Some(condition), stmt: Stmt::plain("ROLLBACK") });
        }
        let requests = [StreamRequest::Batch { batch: Batch { steps } }, StreamRequest::Close];
        serde_json::to_vec(&Pipeline { requests }).map_err(|error| fault(error.to_string()))
    }
}

#[derive(Serialize)]
struct Pipeline<'a> {
    requests: [StreamRequest<'a>; 2],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StreamRequest<'a> {
    Batch { batch: Batch<'a> },
    Close,
}

#[derive(Serialize)]
struct Batch<'a> {
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
    stmt: Stmt<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Condition {
    Ok { step: usize },
    Not { cond: Box<Condition> },
    And { conds: Vec<Condition> },
}

#[derive(Serialize)]
struct Stmt<'a> {
    sql: &'a str,
    args: Vec<Argument<'a>>,
    want_rows: bool,
}

impl<'a> Stmt<'a> {
    fn plain(sql: &'a str) -> Self {
        Self { sql, args: Vec::new(), want_rows: false }
    }

    fn of(statement: &'a Statement) -> Result<Self, DatabaseError> {
        let args = statement.params.iter().map(Argument::of).collect::<Result<_, _>>()?;
        Ok(Self { sql: statement.sql, args, want_rows: true })
    }
}

/// A parameter. Integers travel as text because JSON's numbers end at 2^53.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Argument<'a> {
    Null,
    Integer { value: String },
    Float { value: f64 },
    Text { value: &'a str },
    Blob { base64: String },
}

impl<'a> Argument<'a> {
    fn of(value: &'a Value) -> Result<Self, DatabaseError> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Integer(n) => Self::Integer { value: n.to_string() },
            Value::Real(x) if x.is_finite() => Self::Float { value: *x },
            Value::Real(_) => return Err(fault("a real must be finite: JSON has no other")),
            Value::Text(text) => Self::Text { value: text },
            Value::Blob(bytes) => Self::Blob { base64: STANDARD.encode(bytes) },
        })
    }
}

/// The answer to a pipeline.
#[derive(Deserialize)]
pub(super) struct Answer {
    /// One for each request.
    pub results: Vec<StreamResult>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum StreamResult {
    Ok { response: StreamResponse },
    Error { error: Fault },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum StreamResponse {
    Batch {
        result: BatchResult,
    },
    #[serde(other)]
    Another,
}

/// What became of the steps: a result, an error, or neither where the condition did not hold.
#[derive(Deserialize)]
pub(super) struct BatchResult {
    pub step_results: Vec<Option<StepResult>>,
    pub step_errors: Vec<Option<Fault>>,
}

#[derive(Deserialize)]
pub(super) struct StepResult {
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Deserialize)]
pub(super) struct Fault {
    pub message: String,
    #[serde(default)]
    pub code: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Cell {
    Null,
    Integer { value: String },
    Float { value: f64 },
    Text { value: String },
    Blob { base64: String },
}

/// What the body of a refusal says: `{"error": "…"}` or `{"message": "…"}`, else nothing.
pub(super) fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(alias = "error")]
        message: String,
    }
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.message.chars().take(500).collect())
}
