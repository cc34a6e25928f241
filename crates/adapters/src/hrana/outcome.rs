//! What an answer means: outcomes, or the one error that ended the batch.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Row, Value};

use super::{
    fault, unavailable,
    wire::{Answer, BatchResult, Cell, Fault, Plan, StepResult, StreamResponse, StreamResult},
};

/// Servers leave the padding out; the specification allows both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The outcomes of the plan's statements.
pub(super) fn decode(plan: Plan, body: &[u8]) -> Result<Vec<Outcome>, DatabaseError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| unclear(plan, &error.to_string()))?;
    match answer.results.into_iter().next() {
        Some(StreamResult::Ok { response: StreamResponse::Batch { result } }) => outcomes(plan, result),
        Some(StreamResult::Error { error }) => Err(failed(&error)),
        Some(StreamResult::Ok { .. }) | None => Err(unclear(plan, "it answers another question")),
    }
}

fn outcomes(plan: Plan, result: BatchResult) -> Result<Vec<Outcome>, DatabaseError> {
    // The first error is the cause; what follows, such as a `ROLLBACK` too late, only its consequence.
    if let Some(error) = result.step_errors.iter().flatten().next() {
        return Err(failed(error));
    }
    let committed = plan.commit().is_none_or(|commit| matches!(result.step_results.get(commit), Some(Some(_))));
    let steps = result.step_results.into_iter().skip(plan.first()).take(plan.statements);
    let outcomes: Vec<_> =
        steps.flatten().map(|step| outcome(step).map_err(|what| unclear(plan, what))).collect::<Result<_, _>>()?;
    if committed && outcomes.len() == plan.statements {
        Ok(outcomes)
    } else {
        Err(unclear(plan, "it lacks the result of a step, and its error"))
    }
}

fn outcome(step: StepResult) -> Result<Outcome, &'static str> {
    let row = |cells: Vec<Cell>| cells.into_iter().map(value).collect::<Result<_, _>>().map(Row);
    Ok(Outcome { rows: step.rows.into_iter().map(row).collect::<Result<_, _>>()? })
}

fn value(cell: Cell) -> Result<Value, &'static str> {
    Ok(match cell {
        Cell::Null => Value::Null,
        Cell::Integer { value } => Value::Integer(value.parse().map_err(|_| "an integer is none")?),
        Cell::Float { value } => Value::Real(value),
        Cell::Text { value } => Value::Text(value),
        Cell::Blob { base64 } => Value::Blob(BASE64.decode(base64).map_err(|_| "a blob is no base64")?),
    })
}

/// An error that the server told: nothing of the batch was kept.
fn failed(error: &Fault) -> DatabaseError {
    let code = error.code.as_deref().unwrap_or("no code");
    let classified = DatabaseError::classify(format!("{} ({code})", error.message));
    match code {
        // Its own words for a transaction that waited or lasted too long.
        "TRANSACTION_TIMEOUT" | "TRANSACTION_BUSY" => DatabaseError { kind: DatabaseErrorKind::Busy, ..classified },
        _ => classified,
    }
}

/// An answer that does not say what happened.
fn unclear(plan: Plan, what: &str) -> DatabaseError {
    let detail = format!("the server's answer is not understood: {what}");
    if plan.writes { unavailable(detail) } else { fault(detail) }
}
