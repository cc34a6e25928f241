//! Constraints hold, and each refusal is told apart.

use ports::{DatabaseErrorKind, Value};

use super::{Database, Outcome, Report, Statement, ensure, equal, number, refused, rows, text};

pub(super) async fn run(database: &dyn Database, report: &mut Report) {
    let unique = "“a `UNIQUE` or `PRIMARY KEY` constraint refused the write; `columns` as SQLite names them”";
    let pair = |id: &str, a: &str, b: i64, c: Value| vec![id.into(), a.into(), b.into(), c];
    for (what, second, columns) in [
        ("the primary key", pair("1", "y", 2, Value::Null), "behaviour_pairs.id"),
        ("one column", pair("2", "y", 2, "c".into()), "behaviour_pairs.c"),
        ("two columns", pair("2", "x", 1, Value::Null), "behaviour_pairs.a, behaviour_pairs.b"),
    ] {
        let outcome = duplicate(database, pair("1", "x", 1, "c".into()), second, columns).await;
        report.add(&format!("{unique}: {what}"), outcome);
    }
    report.add("a partial unique index binds only the rows of its condition", partial(database).await);

    let check = "“a `CHECK` or `NOT NULL` constraint refused the write, or a `STRICT` table a type”";
    for (what, row) in [
        ("CHECK", pair("1", "x", 0, Value::Null)),
        ("NOT NULL", vec!["1".into(), Value::Null, 1.into(), Value::Null]),
        ("STRICT", vec!["1".into(), "x".into(), "many".into(), Value::Null]),
    ] {
        report.add(&format!("{check}: {what}"), kind(database, row, &DatabaseErrorKind::Check).await);
    }
    report.add("a `NOT NULL` constraint names its column", null(database).await);
    report.add("“a `FOREIGN KEY` constraint refused the write”: a child without a parent", orphan(database).await);
    report.add("“foreign keys are enforced”: also in the middle of a batch", orphan_in_batch(database).await);
    report.add("“foreign keys are enforced”: a parent takes its children along", cascade(database).await);
}

const INSERT: &str = "INSERT INTO behaviour_pairs (id, a, b, c) VALUES (?1, ?2, ?3, ?4)";
const CHILD: &str = "INSERT INTO behaviour_children (id, parent_id) VALUES (?1, ?2)";
const PARENT: &str = "INSERT INTO behaviour_parents (id) VALUES (?1)";

async fn clear(database: &dyn Database) -> Outcome {
    rows(database, "DELETE FROM behaviour_parents", []).await?;
    rows(database, "DELETE FROM behaviour_pairs", []).await.map(drop)
}

async fn duplicate(database: &dyn Database, first: Vec<Value>, second: Vec<Value>, columns: &str) -> Outcome {
    clear(database).await?;
    database.run(Statement { sql: INSERT, params: first }).await.map_err(text)?;
    let error = refused(database.run(Statement { sql: INSERT, params: second }).await)?;
    ensure(error.is_unique(columns), || format!("wanted {columns}, it failed with {error}"))
}

async fn partial(database: &dyn Database) -> Outcome {
    clear(database).await?;
    let sql = "INSERT INTO behaviour_pairs (id, a, d) VALUES (?1, ?1, 5)";
    for id in ["a", "b", "p"] {
        rows(database, sql, [id.into()]).await?;
    }
    let error = refused(database.run(Statement::new(sql, ["q".into()])).await)?;
    ensure(error.is_unique("behaviour_pairs.d"), || format!("it failed with {error}"))
}

async fn kind(database: &dyn Database, row: Vec<Value>, wanted: &DatabaseErrorKind) -> Outcome {
    clear(database).await?;
    let error = refused(database.run(Statement { sql: INSERT, params: row }).await)?;
    ensure(error.kind == *wanted, || format!("it failed with {error}"))
}

async fn null(database: &dyn Database) -> Outcome {
    clear(database).await?;
    let row = vec!["1".into(), Value::Null, 1.into(), Value::Null];
    let error = refused(database.run(Statement { sql: INSERT, params: row }).await)?;
    ensure(error.is_null("behaviour_pairs.a"), || format!("it failed with {error}"))
}

async fn orphan(database: &dyn Database) -> Outcome {
    clear(database).await?;
    let error = refused(database.run(Statement::new(CHILD, ["1".into(), "nobody".into()])).await)?;
    ensure(error.kind == DatabaseErrorKind::ForeignKey, || format!("it failed with {error}"))
}

async fn orphan_in_batch(database: &dyn Database) -> Outcome {
    clear(database).await?;
    let batch = vec![
        Statement::new(PARENT, ["p".into()]),
        Statement::new(CHILD, ["1".into(), "nobody".into()]),
        Statement::new(PARENT, ["q".into()]),
    ];
    let error = refused(database.batch(batch).await)?;
    ensure(error.kind == DatabaseErrorKind::ForeignKey, || format!("it failed with {error}"))?;
    equal(&number(database, "SELECT count(*) FROM behaviour_parents", []).await?, &0)
}

async fn cascade(database: &dyn Database) -> Outcome {
    clear(database).await?;
    let batch = vec![
        Statement::new(PARENT, ["p".into()]),
        Statement::new(CHILD, ["1".into(), "p".into()]),
        Statement::new(CHILD, ["2".into(), "p".into()]),
    ];
    database.batch(batch).await.map_err(text)?;
    rows(database, "DELETE FROM behaviour_parents WHERE id = ?1", ["p".into()]).await?;
    equal(&number(database, "SELECT count(*) FROM behaviour_children", []).await?, &0)
}
