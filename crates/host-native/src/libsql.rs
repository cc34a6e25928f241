//! The embedded database: libSQL, whose calls block, on threads of its own. One thread writes and commits waiting batches
//! together; several read. SQL texts do not belong here.

mod connection;
mod queue;
mod reader;
mod wal;
mod writer;

use std::{
    fmt,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use ports::{Database, DatabaseError, DatabaseErrorKind, Outcome, Statement};
use tokio::sync::oneshot;

use self::{
    connection::{Access, Connection},
    queue::{Queue, Refused},
    wal::Wal,
};
use crate::data_dir::DataDir;

/// Batches that may wait for the writer, and as many for the readers. Beyond it callers hear `Busy` at once: at the rates
/// seen (thousands of batches a second and more) whoever came later would wait for longer than clients do.
const WAITING: usize = 8192;

type Answer = Result<Vec<Outcome>, DatabaseError>;

/// A batch and who waits for it.
struct Job {
    statements: Vec<Statement>,
    reply: oneshot::Sender<Answer>,
}

/// The database of a data folder.
pub struct LibSql {
    writes: Arc<Queue<Job>>,
    reads: Arc<Queue<Job>>,
    /// The writer's, then the readers'.
    threads: Vec<JoinHandle<()>>,
    // Last, so that the folder stays locked until the threads are done.
    _folder: DataDir,
}

impl LibSql {
    /// Opens `littoral.db` in the folder, creating it where it is missing, with as many readers as the machine has cores,
    /// between 2 and 8.
    pub fn open(folder: &DataDir) -> Result<Self, DatabaseError> {
        let readers = thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
        Self::open_with(folder, readers, WAITING)
    }

    fn open_with(folder: &DataDir, readers: usize, waiting: usize) -> Result<Self, DatabaseError> {
        let path = folder.path().join("littoral.db");
        // SQLite would let everybody read it, and gives its log the same mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(|error| {
            DatabaseError::new(DatabaseErrorKind::Unavailable, format!("cannot create {}: {error}", path.display()))
        })?;
        let mut database = Self {
            writes: Arc::new(Queue::new(waiting)),
            reads: Arc::new(Queue::new(waiting)),
            threads: Vec::new(),
            _folder: folder.clone(),
        };
        // The writer goes first: it creates the file and turns it to WAL.
        database.start("database-writer".into(), Access::Write, &path)?;
        for number in 1..=readers {
            database.start(format!("database-reader-{number}"), Access::Read, &path)?;
        }
        Ok(database)
    }

    fn start(&mut self, name: String, access: Access, path: &Path) -> Result<(), DatabaseError> {
        let connection = Connection::open(path, access)?;
        let (jobs, path) = (Arc::clone(self.queue(access)), path.to_owned());
        let thread = thread::Builder::new().name(name).spawn(move || serve(connection, access, &path, &jobs)).map_err(
            |error| DatabaseError::new(DatabaseErrorKind::Unavailable, format!("no thread for the database: {error}")),
        )?;
        self.threads.push(thread);
        Ok(())
    }

    const fn queue(&self, access: Access) -> &Arc<Queue<Job>> {
        match access {
            Access::Write => &self.writes,
            Access::Read => &self.reads,
        }
    }
}

/// Works until the queue is closed and empty. A panic in the library costs the batches it was busy with and the
/// connection, not the database.
fn serve(mut connection: Connection, access: Access, path: &Path, jobs: &Queue<Job>) {
    let work = |connection: &mut Connection| match access {
        Access::Write => writer::work(connection, Wal::of(path), jobs),
        Access::Read => reader::work(connection, jobs),
    };
    while catch_unwind(AssertUnwindSafe(|| work(&mut connection))).is_err() {
        match Connection::open(path, access) {
            Ok(fresh) => connection = fresh,
            Err(_) => return jobs.abandon(),
        }
    }
}

#[async_trait]
impl Database for LibSql {
    async fn batch(&self, statements: Vec<Statement>) -> Answer {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let access = if statements.iter().all(Statement::reads) { Access::Read } else { Access::Write };
        let (reply, answer) = oneshot::channel();
        let queued = self.queue(access).push(Job { statements, reply });
        match queued {
            Ok(()) => answer.await.unwrap_or_else(|_| {
                Err(DatabaseError::new(DatabaseErrorKind::Unavailable, "the database thread ended before it answered"))
            }),
            Err(Refused::Full) => {
                Err(DatabaseError::new(DatabaseErrorKind::Busy, format!("{WAITING} batches are waiting already")))
            }
            Err(Refused::Closed) => Err(DatabaseError::new(DatabaseErrorKind::Unavailable, "the database is closed")),
        }
    }
}

/// Finishes what was queued, then closes the file.
impl Drop for LibSql {
    fn drop(&mut self) {
        // The readers, then the writer: SQLite empties its log when the last connection is closed, and of two that are
        // closed at once neither takes itself for the last. A thread that panicked has nothing left to finish.
        self.reads.close();
        for reader in self.threads.split_off(self.threads.len().min(1)) {
            let _ = reader.join();
        }
        self.writes.close();
        for writer in self.threads.drain(..) {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for LibSql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibSql").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
