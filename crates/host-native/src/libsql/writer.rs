//! The writer's work: group commit. All batches that wait go into one transaction, each inside a savepoint of its own, so
//! that one which fails is undone alone; one commit makes the others durable, and only then is anybody told.

use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement};

use super::{Answer, Job, connection::Connection, queue::Queue, wal::Wal};

/// Batches of one commit at most: the first of them waits for the last. Beyond this, larger groups gain nothing.
const GROUP: usize = 256;

static BEGIN: Statement = Statement { sql: "BEGIN IMMEDIATE", params: Vec::new() };
static COMMIT: Statement = Statement { sql: "COMMIT", params: Vec::new() };
static ROLLBACK: Statement = Statement { sql: "ROLLBACK", params: Vec::new() };
static SAVEPOINT: Statement = Statement { sql: "SAVEPOINT batch", params: Vec::new() };
static RELEASE: Statement = Statement { sql: "RELEASE batch", params: Vec::new() };
static ROLLBACK_BATCH: Statement = Statement { sql: "ROLLBACK TO batch", params: Vec::new() };

/// Commits jobs until the queue is closed and empty, and keeps the log short.
pub fn work(connection: &mut Connection, mut wal: Wal, jobs: &Queue<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while jobs.take(GROUP, &mut group) {
        let (batches, replies): (Vec<_>, Vec<_>) = group.drain(..).map(|job| (job.statements, job.reply)).unzip();
        let batches: Vec<&[Statement]> = batches.iter().map(Vec::as_slice).collect();
        let mut replies = replies.into_iter();
        commit(connection, &batches, |answer| {
            if let Some(reply) = replies.next() {
                let _ = reply.send(answer);
            }
        });
        wal.shorten(connection);
    }
}

/// Runs the batches and gives an answer for each, in their order, as soon as it is known: `Ok` only for what is durable.
pub fn commit(connection: &mut Connection, batches: &[&[Statement]], mut answer: impl FnMut(Answer)) {
    match attempt(connection, batches) {
        Ok(answers) => answers.into_iter().for_each(answer),
        Err(Lost::Alike(error)) => batches.iter().for_each(|_| answer(Err(error.clone()))),
        Err(Lost::ByOne(error)) if batches.len() == 1 => answer(Err(error)),
        // Nothing of the group was kept, and one batch may be the reason (a deferred constraint, or too much for the disk): each
        // gets a transaction of its own.
        Err(Lost::ByOne(_)) => {
            let mut alike = None;
            for &batch in batches {
                // What would befall every batch alike (another process holds the lock) is not waited for again.
                if let Some(error) = &alike {
                    answer(Err(DatabaseError::clone(error)));
                    continue;
                }
                answer(match attempt(connection, &[batch]) {
                    Ok(mut answers) => answers.pop().unwrap_or_else(|| Err(lost("no answer"))),
                    Err(Lost::ByOne(error)) => Err(error),
                    Err(Lost::Alike(error)) => {
                        alike = Some(error.clone());
                        Err(error)
                    }
                });
            }
        }
    }
}

/// Why a transaction came to nothing.
enum Lost {
    /// Whatever the batches are: it could not begin, or nobody knows whether its commit was kept.
    Alike(DatabaseError),
    /// One batch may be the reason. Nothing was kept.
    ByOne(DatabaseError),
}

/// One transaction.
fn attempt(connection: &mut Connection, batches: &[&[Statement]]) -> Result<Vec<Answer>, Lost> {
    if !connection.is_autocommit() {
        connection.run(&ROLLBACK).map_err(Lost::Alike)?;
    }
    connection.run(&BEGIN).map_err(Lost::Alike)?;
    let answers = run(connection, batches).map_err(Lost::ByOne).and_then(|answers| {
        if answers.iter().any(Result::is_ok) {
            connection.run(&COMMIT).map_err(|error| uncommitted(connection, error))?;
        }
        Ok(answers)
    });
    if !connection.is_autocommit() {
        connection.run(&ROLLBACK).map_err(Lost::Alike)?;
    }
    answers
}

/// What a failed commit means. While the transaction is still open it can be undone, and one batch may be the reason. Otherwise
/// SQLite has ended it, after an error of the disk: what was written before may or may not be kept.
fn uncommitted(connection: &Connection, error: DatabaseError) -> Lost {
    if connection.is_autocommit() {
        let detail = format!("nobody knows whether a commit was kept: {}", error.detail);
        return Lost::Alike(DatabaseError::new(DatabaseErrorKind::Unavailable, detail));
    }
    match error.kind {
        DatabaseErrorKind::Busy => Lost::Alike(error),
        _ => Lost::ByOne(error),
    }
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
