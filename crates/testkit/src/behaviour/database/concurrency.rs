//! Several callers at once.

use futures_util::future::{join, join_all};

use super::{Database, Outcome, Report, Statement, ensure, equal, number, rows, text};

pub(super) async fn run(database: &dyn Database, report: &mut Report) {
    report.add("“in one transaction”: 20 concurrent increments lose nothing", increments(database).await);
    report.add("“in one transaction”: a guard is never passed twice", guard(database).await);
    report.add("“a batch that only reads sees one consistent state”", consistent(database).await);
}

async fn set(database: &dyn Database, id: &'static str, n: i64) -> Outcome {
    let sql = "INSERT INTO behaviour_counters (id, n) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET n = ?2";
    rows(database, sql, [id.into(), n.into()]).await.map(drop)
}

const READ: &str = "SELECT n FROM behaviour_counters WHERE id = ?1";

async fn increments(database: &dyn Database) -> Outcome {
    set(database, "many", 0).await?;
    let sql = "UPDATE behaviour_counters SET n = n + 1 WHERE id = ?1 RETURNING n";
    let answers = join_all((0..20).map(|_| number(database, sql, ["many".into()]))).await;
    let mut seen = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    seen.sort_unstable();
    equal(&seen, &(1..=20).collect())?;
    equal(&number(database, READ, ["many".into()]).await?, &20)
}

async fn guard(database: &dyn Database) -> Outcome {
    set(database, "guard", 0).await?;
    let sql = "UPDATE behaviour_counters SET n = n + 1 WHERE id = ?1 AND n < ?2 RETURNING n";
    let answers = join_all((0..20).map(|_| rows(database, sql, ["guard".into(), 7.into()]))).await;
    let passed: usize = answers.into_iter().map(|answer| answer.map(|rows| rows.len())).sum::<Result<_, _>>()?;
    equal(&passed, &7)?;
    equal(&number(database, READ, ["guard".into()]).await?, &7)
}

/// Ten batches move one from the left to the right while ten others look: the sum never changes.
async fn consistent(database: &dyn Database) -> Outcome {
    set(database, "left", 100).await?;
    set(database, "right", 0).await?;
    let writers = join_all((0..10).map(|_| {
        database.batch(vec![
            Statement::new("UPDATE behaviour_counters SET n = n - 1 WHERE id = 'left'", []),
            Statement::new("UPDATE behaviour_counters SET n = n + 1 WHERE id = 'right'", []),
        ])
    }));
    let readers =
        join_all((0..10).map(|_| {
            database.batch(vec![Statement::new(READ, ["left".into()]), Statement::new(READ, ["right".into()])])
        }));
    let (written, read) = join(writers, readers).await;
    written.into_iter().collect::<Result<Vec<_>, _>>().map_err(text)?;
    for answers in read {
        let mut sum = 0;
        for answer in answers.map_err(text)? {
            sum += answer.rows.first().map_or(Ok(-1), |row| row.integer(0)).map_err(text)?;
        }
        ensure(sum == 100, || format!("a reader saw {sum} instead of 100"))?;
    }
    equal(&number(database, READ, ["right".into()]).await?, &10)
}
