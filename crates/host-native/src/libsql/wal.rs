//! Keeps the write-ahead log short.
//!
//! SQLite empties its log into the database as the writer goes on, but only as far as no reader looks at it, and begins the file
//! anew only at a moment without readers. So a reader that takes long makes it long, and readers that overlap without end make it
//! grow without end. What was once long also stays so: `journal_size_limit` cuts it at the next beginning, whenever that comes.
//! Where it does not come by itself, the writer asks for it here: it waits a moment for the readers of that time, while new ones
//! read the database alone.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ports::{DatabaseError, Statement};

use super::connection::{BUSY, Connection};

/// A log of this size in bytes is too long.
pub const LIMIT: u64 = 16 << 20;
/// The same for SQLite: it cuts a longer log when it begins it anew.
pub const LIMIT_IT: &str = "PRAGMA journal_size_limit = 16777216";

/// How long the writer waits for readers, each time that the log grew by [`LIMIT`].
const PATIENCE: Duration = Duration::from_millis(100);

static TRUNCATE: Statement = Statement { sql: "PRAGMA wal_checkpoint(TRUNCATE)", params: Vec::new() };

/// The log of a database, as its writer sees it.
#[derive(Debug)]
pub struct Wal {
    path: PathBuf,
    /// The size at which something is done about it.
    due: u64,
}

impl Wal {
    /// The log of this database.
    pub fn of(database: &Path) -> Self {
        let mut name = OsString::from(database);
        name.push("-wal");
        Self { path: name.into(), due: LIMIT }
    }

    /// Empties the log if it is too long and no reader keeps it. Where one does, the next try comes when the log has grown as much
    /// again, so that a reader who stays long delays the writer only now and then. Call it between transactions.
    pub fn shorten(&mut self, connection: &mut Connection) {
        let size = self.size();
        if size > self.due {
            // Whatever is in the way: nothing is lost, and the next try is due later.
            let _ = truncate(connection);
            self.due = self.size() + LIMIT;
        } else if size <= LIMIT {
            self.due = LIMIT;
        }
    }

    /// Its size in bytes; none where there is no file.
    pub fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

fn truncate(connection: &mut Connection) -> Result<(), DatabaseError> {
    connection.wait_for(PATIENCE)?;
    let truncated = connection.run(&TRUNCATE).map(drop);
    connection.wait_for(BUSY)?;
    truncated
}

#[cfg(test)]
mod tests;
