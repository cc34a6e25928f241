//! A batch is a transaction.

use ports::DatabaseErrorKind;

use super::{Database, Outcome, Report, Statement, ensure, equal, number, plain, refused, rows, text};

pub(super) async fn run(database: &dyn Database, report: &mut Report) {
    report.add("“all of them or none”: a later failing statement undoes the earlier ones", undone(database).await);
    report.add("“all of them or none”: a text that does not parse undoes the earlier ones", unparsed(database).await);
    report.add("“in one transaction”: after a failure the database goes on working", goes_on(database).await);
    report.add("“returns one outcome for each”, in order", outcomes(database).await);
    report.add("“a later statement sees what an earlier one wrote”", sees(database).await);
    report.add("`changes()` is of the last statement that writes", changed(database).await);
    report.add("“an empty batch does nothing”", empty(database).await);
    report.add("“a batch that only reads”: several `SELECT` and `WITH`", reads(database).await);
    report.add("“runs one statement in a transaction of its own”: half of it is not kept", half(database).await);
    report.add("“anything else: a fault of ours”: syntax error, unknown table, unknown column", other(database).await);
    report.add("a batch of 200 statements", long(database).await);
}

const CLEAR: &str = "DELETE FROM behaviour_counters";
const COUNT: &str = "SELECT count(*) FROM behaviour_counters";
const INSERT: &str = "INSERT INTO behaviour_counters (id, n) VALUES (?1, ?2)";

async fn changed(database: &dyn Database) -> Outcome {
    const NOTE: &str = "INSERT INTO behaviour_counters (id, n) SELECT ?1, ?2 WHERE changes() > 0";
    rows(database, CLEAR, []).await?;
    let batch = vec![
        Statement::new(INSERT, ["a".into(), 1.into()]),
        Statement::new(NOTE, ["b".into(), 1.into()]),
        Statement::new("UPDATE behaviour_counters SET n = 2 WHERE id = 'a' RETURNING id", []),
        Statement::new(NOTE, ["c".into(), 1.into()]),
        Statement::new("DELETE FROM behaviour_counters WHERE id = 'none' RETURNING id", []),
        Statement::new(NOTE, ["d".into(), 1.into()]),
        Statement::new("UPDATE behaviour_counters SET n = 3 WHERE id = 'none'", []),
        Statement::new(NOTE, ["e".into(), 1.into()]),
    ];
    database.batch(batch).await.map_err(text)?;
    let found = rows(database, "SELECT id FROM behaviour_counters ORDER BY id", []).await?;
    let ids: Result<Vec<_>, _> = found.iter().map(|row| row.text(0)).collect();
    equal(&ids.map_err(text)?, &vec!["a", "b", "c"])
}

async fn undone(database: &dyn Database) -> Outcome {
    rows(database, CLEAR, []).await?;
    let batch = vec![
        Statement::new(INSERT, ["a".into(), 1.into()]),
        Statement::new(INSERT, ["b".into(), 1.into()]),
        Statement::new(INSERT, ["a".into(), 2.into()]),
        Statement::new(INSERT, ["c".into(), 1.into()]),
    ];
    let error = refused(database.batch(batch).await)?;
    ensure(error.is_unique("behaviour_counters.id"), || format!("it failed with {error}"))?;
    equal(&number(database, COUNT, []).await?, &0)
}

async fn unparsed(database: &dyn Database) -> Outcome {
    rows(database, CLEAR, []).await?;
    let batch = vec![Statement::new(INSERT, ["a".into(), 1.into()]), Statement::new("INSERT INTO nonsense", [])];
    let error = refused(database.batch(batch).await)?;
    equal(&error.kind, &DatabaseErrorKind::Other)?;
    equal(&number(database, COUNT, []).await?, &0)
}

async fn goes_on(database: &dyn Database) -> Outcome {
    for _ in 0..3 {
        undone(database).await?;
    }
    rows(database, INSERT, ["after".into(), 1.into()]).await?;
    equal(&number(database, COUNT, []).await?, &1)
}

async fn outcomes(database: &dyn Database) -> Outcome {
    let batch =
        plain(&["SELECT 1", "DELETE FROM behaviour_counters", "SELECT 2 UNION ALL SELECT 3 ORDER BY 1", "SELECT 4"]);
    let answers = database.batch(batch).await.map_err(text)?;
    let found: Result<Vec<Vec<_>>, _> =
        answers.iter().map(|answer| answer.rows.iter().map(|row| row.integer(0)).collect()).collect();
    equal(&found.map_err(text)?, &vec![vec![1], vec![], vec![2, 3], vec![4]])
}

async fn sees(database: &dyn Database) -> Outcome {
    let batch = vec![
        Statement::new(CLEAR, []),
        Statement::new(INSERT, ["a".into(), 1.into()]),
        Statement::new("UPDATE behaviour_counters SET n = n + 41 WHERE id = ?1", ["a".into()]),
        Statement::new("SELECT n FROM behaviour_counters WHERE id = ?1", ["a".into()]),
    ];
    let answers = database.batch(batch).await.map_err(text)?;
    let found = answers.last().and_then(|answer| answer.rows.first()).map(|row| row.integer(0));
    equal(&found, &Some(Ok(42)))
}

async fn empty(database: &dyn Database) -> Outcome {
    equal(&database.batch(Vec::new()).await.map_err(text)?.len(), &0)
}

async fn reads(database: &dyn Database) -> Outcome {
    let batch = plain(&["SELECT 1", "WITH x (n) AS (SELECT 2) SELECT n FROM x", "select 3"]);
    let answers = database.batch(batch).await.map_err(text)?;
    let found: Vec<_> = answers.iter().map(|answer| answer.rows.first().map(|row| row.integer(0))).collect();
    equal(&found, &vec![Some(Ok(1)), Some(Ok(2)), Some(Ok(3))])
}

async fn half(database: &dyn Database) -> Outcome {
    rows(database, CLEAR, []).await?;
    let sql = "INSERT INTO behaviour_counters (id, n) VALUES ('x', 1), ('y', 2), ('x', 3)";
    refused(database.run(Statement::new(sql, [])).await)?;
    equal(&number(database, COUNT, []).await?, &0)
}

async fn other(database: &dyn Database) -> Outcome {
    for sql in ["SELEKT 1", "SELECT 1 FROM behaviour_nowhere", "SELECT nothing FROM behaviour_counters"] {
        let error = refused(database.run(Statement::new(sql, [])).await)?;
        ensure(error.kind == DatabaseErrorKind::Other, || format!("{sql}: {error}"))?;
    }
    Ok(())
}

async fn long(database: &dyn Database) -> Outcome {
    let mut batch = vec![Statement::new(CLEAR, []), Statement::new(INSERT, ["n".into(), 0.into()])];
    batch.extend((0..198).map(|_| Statement::new("UPDATE behaviour_counters SET n = n + 1", [])));
    database.batch(batch).await.map_err(text)?;
    equal(&number(database, "SELECT n FROM behaviour_counters", []).await?, &198)
}
