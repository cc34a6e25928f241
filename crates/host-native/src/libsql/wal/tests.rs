use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use ports::{Database as _, Statement};
use tokio::runtime::Handle;

use super::{
    super::{LibSql, connection::Access},
    *,
};
use crate::data_dir::DataDir;

const COUNT: Statement = Statement { sql: "SELECT count(*) FROM rows", params: Vec::new() };
const BEGIN: Statement = Statement { sql: "BEGIN", params: Vec::new() };
const COMMIT: Statement = Statement { sql: "COMMIT", params: Vec::new() };

struct Opened {
    database: LibSql,
    path: PathBuf,
    /// Deletes the folder when it is dropped.
    _temporary: tempfile::TempDir,
}

async fn open() -> Opened {
    let temporary = tempfile::tempdir().unwrap();
    let database = LibSql::open(&DataDir::open(temporary.path()).unwrap()).unwrap();
    let table = "CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT";
    database.run(Statement::new(table, [])).await.unwrap();
    Opened { database, path: temporary.path().join("littoral.db"), _temporary: temporary }
}

/// Writes so many MiB in batches of one, and returns the size of the log at its longest.
async fn write(database: &LibSql, wal: &Wal, count: usize) -> u64 {
    let mut longest = 0;
    for _ in 0..count {
        let row = Statement::new("INSERT INTO rows (bytes) VALUES (?1)", [vec![7_u8; 1 << 20].into()]);
        database.run(row).await.unwrap();
        longest = longest.max(wal.size());
    }
    longest
}

fn count(reader: &mut Connection) -> i64 {
    reader.run(&COUNT).unwrap().rows[0].integer(0).unwrap()
}

#[tokio::test]
async fn a_log_that_a_reader_made_long_is_cut_when_it_has_left_and_the_reader_sees_nothing_of_it() {
    let Opened { database, path, _temporary } = open().await;
    let wal = Wal::of(&path);
    write(&database, &wal, 1).await;
    let mut reader = Connection::open(&path, Access::Read).unwrap();
    reader.run(&BEGIN).unwrap();
    assert_eq!(count(&mut reader), 1);
    // Beside the reader the log can only grow. Every write is taken, and each read is of the same moment.
    assert!(write(&database, &wal, 40).await > 2 * LIMIT);
    assert_eq!(count(&mut reader), 1);
    reader.run(&COMMIT).unwrap();
    assert_eq!(count(&mut reader), 41);
    // The first write empties the log into the database, the second begins it anew.
    write(&database, &wal, 2).await;
    assert!(wal.size() <= LIMIT, "{} bytes", wal.size());
    assert_eq!(count(&mut reader), 43);
}

#[tokio::test]
async fn readers_that_overlap_without_end_do_not_let_the_log_grow_without_end() {
    let Opened { database, path, _temporary } = open().await;
    let (wal, stop, runtime) = (Wal::of(&path), AtomicBool::new(false), Handle::current());
    let longest = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (mut reader, mut seen) = (Connection::open(&path, Access::Read).unwrap(), 0);
                while !stop.load(Relaxed) {
                    reader.run(&BEGIN).unwrap();
                    let rows = count(&mut reader);
                    assert_eq!(count(&mut reader), rows, "one moment");
                    assert!(rows >= seen, "{rows} after {seen}");
                    seen = rows;
                    reader.run(&COMMIT).unwrap();
                }
            });
        }
        let longest = scope.spawn(|| runtime.block_on(write(&database, &wal, 100))).join();
        stop.store(true, Relaxed);
        longest.unwrap()
    });
    assert!(longest <= 3 * LIMIT, "{longest} bytes");
}
