//! The readers' work: batches that only read, each in one consistent state of the database.

use ports::{DatabaseError, Outcome, Statement};

use super::{Job, connection::Connection, queue::Queue};

static BEGIN: Statement = Statement { sql: "BEGIN", params: Vec::new() };
static COMMIT: Statement = Statement { sql: "COMMIT", params: Vec::new() };
static ROLLBACK: Statement = Statement { sql: "ROLLBACK", params: Vec::new() };

/// Answers jobs until the queue is closed and empty.
pub fn work(connection: &mut Connection, jobs: &Queue<Job>) {
    let mut taken = Vec::with_capacity(1);
    while jobs.take(1, &mut taken) {
        for Job { statements, reply } in taken.drain(..) {
            // Nobody waits for the answer any more, and a read changes nothing.
            if reply.is_closed() {
                continue;
            }
            let answer = read(connection, &statements);
            if !connection.is_autocommit() {
                // After an error in the midst of a batch. Should this fail, so will the next `BEGIN`, and say why.
                let _ = connection.run(&ROLLBACK);
            }
            let _ = reply.send(answer);
        }
    }
}

fn read(connection: &mut Connection, statements: &[Statement]) -> Result<Vec<Outcome>, DatabaseError> {
    // One statement is a transaction by itself.
    if let [statement] = statements {
        return Ok(vec![connection.run(statement)?]);
    }
    connection.run(&BEGIN)?;
    let outcomes = statements.iter().map(|statement| connection.run(statement)).collect::<Result<_, _>>()?;
    connection.run(&COMMIT)?;
    Ok(outcomes)
}
