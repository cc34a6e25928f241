use futures_util::future::join_all;
use ports::Value;

use super::*;

struct Opened {
    database: LibSql,
    folder: DataDir,
    /// Deletes the folder when it is dropped.
    _temporary: tempfile::TempDir,
}

async fn open() -> Opened {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DataDir::open(temporary.path()).unwrap();
    let database = LibSql::open(&folder).unwrap();
    database
        .batch(vec![
            Statement::new("CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT", []),
            Statement::new(
                "CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE,
                 parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
                [],
            ),
        ])
        .await
        .unwrap();
    Opened { database, folder, _temporary: temporary }
}

fn insert(id: i64, text: &str, parent: Option<i64>) -> Statement {
    Statement::new("INSERT INTO rows (id, text, parent) VALUES (?1, ?2, ?3)", [id.into(), text.into(), parent.into()])
}

fn ids() -> Statement {
    Statement::new("SELECT id FROM rows ORDER BY id", [])
}

fn integers(outcome: &Outcome) -> Vec<i64> {
    outcome.rows.iter().map(|row| row.integer(0).unwrap()).collect()
}

/// Runs the batches in one group, without the queue, so that they are certain to meet.
fn group(folder: &DataDir, batches: &[Vec<Statement>]) -> Vec<Answer> {
    let mut connection = Connection::open(&folder.path().join("littoral.db"), Access::Write).unwrap();
    let batches: Vec<&[Statement]> = batches.iter().map(Vec::as_slice).collect();
    let mut answers = Vec::new();
    writer::commit(&mut connection, &batches, |answer| answers.push(answer));
    assert!(connection.is_autocommit(), "the transaction is over");
    answers
}

#[tokio::test]
async fn a_batch_that_fails_leaves_its_neighbours_alone() {
    let Opened { database, folder, _temporary } = open().await;
    let answers = group(
        &folder,
        &[vec![insert(1, "a", None)], vec![insert(2, "b", None), insert(3, "a", None)], vec![insert(4, "d", None)]],
    );
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(answers[1].as_ref().unwrap_err().is_unique("rows.text"), "{answers:?}");
    assert_eq!(integers(&database.run(ids()).await.unwrap()), [1, 4]);
}

#[tokio::test]
async fn a_batch_that_makes_the_commit_fail_fails_alone() {
    let Opened { database, folder, _temporary } = open().await;
    // No parent 9: SQLite notices only at the commit, when the whole group is at stake.
    let answers =
        group(&folder, &[vec![insert(1, "a", None)], vec![insert(2, "b", Some(9))], vec![insert(3, "c", None)]]);
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().kind, DatabaseErrorKind::ForeignKey);
    assert_eq!(integers(&database.run(ids()).await.unwrap()), [1, 3]);
}

#[tokio::test]
async fn a_batch_that_ends_the_transaction_costs_nobody_anything() {
    let Opened { database, folder, _temporary } = open().await;
    let rollback = Statement::new("INSERT OR ROLLBACK INTO rows (id, text) VALUES (?1, ?2)", [2.into(), "a".into()]);
    let answers = group(&folder, &[vec![insert(1, "a", None)], vec![rollback], vec![insert(3, "c", None)]]);
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert!(answers[1].as_ref().unwrap_err().is_unique("rows.text"));
    assert_eq!(integers(&database.run(ids()).await.unwrap()), [1, 3]);
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_once_and_not_by_each_batch() {
    let Opened { database, folder, _temporary } = open().await;
    let path = folder.path().join("littoral.db");
    let mut other = Connection::open(&path, Access::Write).unwrap();
    other.run(&Statement::new("BEGIN IMMEDIATE", [])).unwrap();
    // Without SQLite's own wait: the number of answers counts here, not the time.
    let mut writer = Connection::open(&path, Access::Write).unwrap();
    writer.run(&Statement::new("PRAGMA busy_timeout = 0", [])).unwrap();
    let batches = [[insert(1, "a", None)], [insert(2, "b", None)], [insert(3, "c", None)]];
    let batches: Vec<&[Statement]> = batches.iter().map(<[Statement; 1]>::as_slice).collect();
    let (mut answers, mut began) = (Vec::new(), true);
    writer::commit(&mut writer, &batches, |answer| {
        // The lock is gone when the first hears of it: had the others tried for themselves, they would have got it.
        if std::mem::take(&mut began) {
            other.run(&Statement::new("ROLLBACK", [])).unwrap();
        }
        answers.push(answer.unwrap_err().kind);
    });
    assert_eq!(answers, [DatabaseErrorKind::Busy, DatabaseErrorKind::Busy, DatabaseErrorKind::Busy]);
    assert!(database.run(ids()).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn batches_that_run_one_by_one_are_answered_one_by_one() {
    let Opened { database: _database, folder, _temporary } = open().await;
    let path = folder.path().join("littoral.db");
    let (mut writer, mut reader) =
        (Connection::open(&path, Access::Write).unwrap(), Connection::open(&path, Access::Read).unwrap());
    // The second has no parent, which the commit of the group finds.
    let batches = [[insert(1, "a", None)], [insert(2, "b", Some(9))], [insert(3, "c", None)]];
    let batches: Vec<&[Statement]> = batches.iter().map(<[Statement; 1]>::as_slice).collect();
    let mut seen = Vec::new();
    writer::commit(&mut writer, &batches, |answer| {
        seen.push((answer.is_ok(), integers(&reader.run(&ids()).unwrap())));
    });
    assert_eq!(seen, [(true, vec![1]), (false, vec![1]), (true, vec![1, 3])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_batches_at_once_keep_what_was_acknowledged_and_nothing_else() {
    let Opened { database, folder, _temporary } = open().await;
    // Every tenth collides with itself and must not be kept, not even its first row.
    let answers = join_all((0..2000_i64).map(|n| {
        let twin = if n % 10 == 0 { format!("{n}") } else { format!("{n} again") };
        database.batch(vec![insert(n, &n.to_string(), None), insert(n + 10_000, &twin, None)])
    }))
    .await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), n % 10 != 0, "{n}: {answer:?}");
    }
    drop(database);
    let reopened = LibSql::open(&folder).unwrap();
    let kept: Vec<_> = (0..2000).filter(|n| n % 10 != 0).collect();
    let expected: Vec<_> = kept.iter().copied().chain(kept.iter().map(|n| n + 10_000)).collect();
    assert_eq!(integers(&reopened.run(ids()).await.unwrap()), expected);
}

#[tokio::test]
async fn dropping_finishes_what_was_queued() {
    let Opened { database, folder, _temporary } = open().await;
    let queued: Vec<_> = (0..100)
        .map(|n| {
            let (reply, answer) = oneshot::channel();
            database.writes.push(Job { statements: vec![insert(n, &n.to_string(), None)], reply }).unwrap();
            answer
        })
        .collect();
    drop(database);
    for answer in queued {
        answer.await.unwrap().unwrap();
    }
    let reopened = LibSql::open(&folder).unwrap();
    assert_eq!(reopened.run(ids()).await.unwrap().rows.len(), 100);
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = DataDir::open(temporary.path()).unwrap();
    let database = LibSql::open_with(&folder, 1, 0).unwrap();
    let error = database.run(Statement::new("SELECT 1", [])).await.unwrap_err();
    assert_eq!(error.kind, DatabaseErrorKind::Busy);
}

#[tokio::test]
async fn commits_reach_the_disk_and_readers_cannot_write() {
    let Opened { database: _database, folder, _temporary } = open().await;
    let path = folder.path().join("littoral.db");
    let mut writer = Connection::open(&path, Access::Write).unwrap();
    for (sql, value) in [
        ("PRAGMA journal_mode", Value::from("wal")),
        ("PRAGMA synchronous", Value::Integer(2)),
        ("PRAGMA foreign_keys", Value::Integer(1)),
    ] {
        assert_eq!(writer.run(&Statement::new(sql, [])).unwrap().rows[0].0[0], value, "{sql}");
    }
    let mut reader = Connection::open(&path, Access::Read).unwrap();
    assert!(reader.run(&insert(1, "a", None)).is_err());
}

/// The way to a backup that `docs/operating.md` names.
#[tokio::test]
async fn a_copy_made_beside_a_running_writer_is_whole_and_opens() {
    let Opened { database, folder, _temporary } = open().await;
    database.batch(vec![insert(1, "a", None)]).await.unwrap();
    let restored = tempfile::tempdir().unwrap();
    let copy = restored.path().join("littoral.db");
    let mut other = Connection::open(&folder.path().join("littoral.db"), Access::Write).unwrap();
    let vacuum = Statement::new("VACUUM INTO ?1", [copy.to_str().unwrap().into()]);
    let (copied, written) = futures_util::join!(
        tokio::task::spawn_blocking(move || other.run(&vacuum).map(drop)),
        join_all((2..50).map(|id| database.batch(vec![insert(id, &id.to_string(), None)]))),
    );
    copied.unwrap().unwrap();
    assert!(written.iter().all(Result::is_ok), "the server goes on");
    let opened = LibSql::open(&DataDir::open(restored.path()).unwrap()).unwrap();
    let kept = integers(&opened.run(ids()).await.unwrap());
    assert_eq!(
        kept,
        (1..=i64::try_from(kept.len()).unwrap()).collect::<Vec<_>>(),
        "what was committed by then, and no more"
    );
    assert!(!kept.is_empty());
    opened.batch(vec![insert(100, "z", None)]).await.unwrap();
}

#[tokio::test]
async fn parameters_are_counted_because_the_library_does_not() {
    let Opened { database, folder: _folder, _temporary } = open().await;
    let sql = "SELECT ?1, ?2";
    database.run(Statement::new(sql, [1.into(), 2.into()])).await.unwrap();
    assert_eq!(database.run(Statement::new(sql, [1.into()])).await.unwrap_err().kind, DatabaseErrorKind::Other);
    assert!(database.run(Statement::new("SELECT ?1", ["a\0b".into()])).await.is_err());
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let Opened { database, folder: _folder, _temporary } = open().await;
    let values = [
        Value::Null,
        Value::Integer(-(1 << 53)),
        Value::Real(0.1),
        Value::Text("Grüße".into()),
        Value::Text(String::new()),
        Value::Blob(vec![0, 255]),
        Value::Blob(Vec::new()),
    ];
    let outcome = database.run(Statement::new("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7", values.clone())).await.unwrap();
    assert_eq!(outcome.rows[0].0, values);
}
