//! The writer's work: group commit. All batches that wait go into one transaction, each inside a savepoint of its own, so
//! that one which fails is undone alone; one commit makes the others durable, and only then is anybody told.

use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement};

use super::{Answer, Job, connection::Connection, queue::Queue};

/// Batches of one commit at most: the first of them waits for the last. Beyond this, larger groups gain nothing.
const GROUP: usize = 256;

static BEGIN: Statement = Statement { sql: "BEGIN IMMEDIATE", params: Vec::new() };
static COMMIT: Statement = Statement { sql: "COMMIT", params: Vec::new() };
static ROLLBACK: Statement = Statement { sql: "ROLLBACK", params: Vec::new() };
static SAVEPOINT: Statement = Statement { sql: "SAVEPOINT batch", params: Vec::new() };
static RELEASE: Statement = Statement { sql: "RELEASE batch", params: Vec::new() };
static ROLLBACK_BATCH: Statement = Statement { sql: "ROLLBACK TO batch", params: Vec::new() };

/// Commits jobs until the queue is closed and empty.
pub fn work(connection: &mut Connection, jobs: &Queue<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while jobs.take(GROUP, &mut group) {
        let batches: Vec<&[Statement]> = group.iter().map(|job| job.statements.as_slice()).collect();
        let answers = commit(connection, &batches);
        for (job, answer) in group.drain(..).zip(answers) {
            let _ = job.reply.send(answer);
        }
    }
}

/// Runs the batches and returns an answer for each, `Ok` only for what is durable.
pub fn commit(connection: &mut Connection, batches: &[&[Statement]]) -> Vec<Answer> {
    match attempt(connection, batches) {
        Ok(answers) => answers,
        Err(error) if batches.len() == 1 => vec![Err(error)],
        // The whole group was lost, nothing of it was kept, and one batch may be the reason (a deferred constraint, or too
        // much for the disk): each gets a transaction of its own.
        Err(_) => batches
            .iter()
            .map(|&batch| {
                attempt(connection, &[batch])
                    .and_then(|mut answers| answers.pop().unwrap_or_else(|| Err(lost("no answer"))))
            })
            .collect(),
    }
}

/// One transaction. On an error nothing of any batch was kept.
fn attempt(connection: &mut Connection, batches: &[&[Statement]]) -> Result<Vec<Answer>, DatabaseError> {
    if !connection.is_autocommit() {
        connection.run(&ROLLBACK)?;
    }
    connection.run(&BEGIN)?;
    let answers = run(connection, batches).and_then(|answers| {
        if answers.iter().any(Result::is_ok) {
            connection.run(&COMMIT)?;
        }
        Ok(answers)
    });
    if !connection.is_autocommit() {
        connection.run(&ROLLBACK)?;
    }
    answers
}

fn run(connection: &mut Connection, batches: &[&[Statement]]) -> Result<Vec<Answer>, DatabaseError> {
    // A batch alone is undone with its transaction.
    if let [batch] = batches {
        return Ok(vec![Ok(run_all(connection, batch)?)]);
    }
    let mut answers = Vec::with_capacity(batches.len());
    for batch in batches {
        connection.run(&SAVEPOINT)?;
        let answer = run_all(connection, batch);
        // Some errors (a full disk, for one) make SQLite roll everything back, neighbours included.
        if connection.is_autocommit() {
            return Err(answer.err().unwrap_or_else(|| lost("the transaction ended within a batch")));
        }
        if answer.is_err() {
            connection.run(&ROLLBACK_BATCH)?;
        }
        connection.run(&RELEASE)?;
        answers.push(answer);
    }
    Ok(answers)
}

fn run_all(connection: &mut Connection, batch: &[Statement]) -> Result<Vec<Outcome>, DatabaseError> {
    batch.iter().map(|statement| connection.run(statement)).collect()
}

fn lost(why: &str) -> DatabaseError {
    DatabaseError::new(DatabaseErrorKind::Other, why)
}
