//! What the embedded database acknowledged is there after `kill -9`.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use futures_util::future::join_all;
use host_native::{data_dir::DataDir, libsql::LibSql};
use ports::{Database as _, Statement};

/// Set for the child: the data folder to write to until it is killed.
const CHILD: &str = "DURABILITY_CHILD_FOLDER";

/// Writers at once, so that batches share commits.
const WRITERS: usize = 16;

/// Batches acknowledged before the kill.
const ENOUGH: usize = 2000;

fn open(folder: &Path) -> LibSql {
    LibSql::open(&DataDir::open(folder).unwrap()).unwrap()
}

/// Writes batches of two rows for ever and prints the number of each when it was acknowledged.
async fn write_until_killed(folder: &Path) {
    let database = open(folder);
    let table = "CREATE TABLE rows (batch INTEGER, half INTEGER, PRIMARY KEY (batch, half)) STRICT";
    database.run(Statement::new(table, [])).await.unwrap();
    let insert = |batch: i64, half: i64| {
        Statement::new("INSERT INTO rows (batch, half) VALUES (?1, ?2)", [batch.into(), half.into()])
    };
    join_all((0..WRITERS).map(|writer| {
        let database = &database;
        async move {
            for batch in (0_i64..).skip(writer).step_by(WRITERS) {
                database.batch(vec![insert(batch, 1), insert(batch, 2)]).await.unwrap();
                // In one write, so that no line is torn but by the kill.
                io::stdout().write_all(format!("acknowledged {batch} \n").as_bytes()).unwrap();
            }
        }
    }))
    .await;
}

#[tokio::test]
async fn acknowledged_batches_survive_kill_9_whole() {
    if let Some(folder) = env::var_os(CHILD) {
        return write_until_killed(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "acknowledged_batches_survive_kill_9_whole", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The space at the end shows that the number is whole.
        let line = line.unwrap();
        let number = line.strip_prefix("acknowledged ").and_then(|rest| rest.strip_suffix(' '));
        acknowledged.extend(number.map(|number| number.parse::<i64>().unwrap()));
        if acknowledged.len() >= ENOUGH && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the child wrote until it was killed");
    child.wait().unwrap();

    let database = open(folder.path());
    let integrity =
        database.run(Statement::new("SELECT integrity_check FROM pragma_integrity_check", [])).await.unwrap();
    assert_eq!(integrity.rows[0].text(0).unwrap(), "ok");
    let stored = database
        .run(Statement::new("SELECT batch, count(*) FROM rows GROUP BY batch ORDER BY batch", []))
        .await
        .unwrap();
    let mut batches = Vec::new();
    for row in &stored.rows {
        assert_eq!(row.integer(1).unwrap(), 2, "a batch is there whole or not at all");
        batches.push(row.integer(0).unwrap());
    }
    let lost: Vec<_> = acknowledged.iter().filter(|batch| batches.binary_search(batch).is_err()).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
