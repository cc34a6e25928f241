//! The parts of SQLite's dialect that our statements stand on.

use super::{Database, Outcome, Report, Statement, equal, number, rows, text, word};

pub(super) async fn run(database: &dyn Database, report: &mut Report) {
    report.add("dialect: `ON CONFLICT … WHERE … RETURNING` returns no row when it refuses", guarded(database).await);
    report.add("dialect: `INSERT … SELECT … WHERE` writes only when its guard holds", insert_select(database).await);
    report.add("dialect: a recursive query", recursive(database).await);
    report.add("dialect: JSON functions", json(database).await);
    report.add("dialect: full-text search (FTS5), best match first", search(database).await);
    report.add("dialect: window functions and row values", windows(database).await);
    report.add("dialect: `LIMIT` and `LIKE` take parameters", limits(database).await);
}

async fn guarded(database: &dyn Database) -> Outcome {
    rows(database, "DELETE FROM behaviour_counters", []).await?;
    let sql = "INSERT INTO behaviour_counters (id, n) VALUES (?1, ?2)
        ON CONFLICT (id) DO UPDATE SET n = n + ?2 WHERE n + ?2 <= ?3 RETURNING n";
    let mut answers = Vec::new();
    for cost in [2, 2, 2, 1] {
        let found = rows(database, sql, ["a".into(), cost.into(), 5.into()]).await?;
        answers.push(found.first().map(|row| row.integer(0)).transpose().map_err(text)?);
    }
    equal(&answers, &vec![Some(2), Some(4), None, Some(5)])
}

async fn insert_select(database: &dyn Database) -> Outcome {
    rows(database, "DELETE FROM behaviour_counters", []).await?;
    let sql = "INSERT INTO behaviour_counters (id, n) SELECT ?1, 1
        WHERE (SELECT count(*) FROM behaviour_counters) < ?2 RETURNING id";
    let mut written = 0;
    for id in ["a", "b", "c"] {
        written += rows(database, sql, [id.into(), 2.into()]).await?.len();
    }
    equal(&written, &2)
}

async fn recursive(database: &dyn Database) -> Outcome {
    let sql = "WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < ?1) SELECT sum(n) FROM up";
    equal(&number(database, sql, [1000.into()]).await?, &500_500)
}

async fn json(database: &dyn Database) -> Outcome {
    let document = r#"{"a": [1, {"b": "ü"}], "n": null}"#;
    let found = word(database, "SELECT ?1 ->> '$.a[1].b'", [document.into()]).await?;
    equal(&found.as_str(), &"ü")?;
    let sql = "SELECT json_group_array(value) FROM (SELECT value FROM json_each(?1) ORDER BY value DESC)";
    equal(&word(database, sql, ["[1, 3, 2]".into()]).await?.as_str(), &"[3,2,1]")?;
    let sql = "SELECT json_extract(json_set(?1, '$.n', json('[true]')), '$.n[0]')";
    equal(&number(database, sql, [document.into()]).await?, &1)
}

async fn search(database: &dyn Database) -> Outcome {
    let insert = "INSERT INTO behaviour_search (rowid, body) VALUES (?1, ?2)";
    let batch = vec![
        Statement::new("DELETE FROM behaviour_search", []),
        Statement::new(insert, [1.into(), "The sea has tides, and a long text has many other words besides".into()]),
        Statement::new(insert, [2.into(), "tide tide tide".into()]),
        Statement::new(insert, [3.into(), "tides".into()]),
        Statement::new(insert, [4.into(), "Übermut".into()]),
    ];
    database.batch(batch).await.map_err(text)?;
    let sql = "SELECT rowid FROM behaviour_search WHERE behaviour_search MATCH ?1 ORDER BY rank";
    for (words, wanted) in [("tides", vec![3, 1]), ("ubermut", vec![4]), ("ti* AND other", vec![1]), ("ocean", vec![])]
    {
        let found: Result<Vec<_>, _> =
            rows(database, sql, [words.into()]).await?.iter().map(|row| row.integer(0)).collect();
        equal(&found.map_err(text)?, &wanted)?;
    }
    Ok(())
}

async fn windows(database: &dyn Database) -> Outcome {
    let sql = "SELECT max(place) FROM (
        SELECT row_number() OVER (ORDER BY value) AS place, value FROM json_each('[10, 20, 30]')
    ) WHERE (value, place) < (?1, ?2)";
    equal(&number(database, sql, [30.into(), 3.into()]).await?, &2)
}

async fn limits(database: &dyn Database) -> Outcome {
    let sql = "SELECT value FROM json_each('[\"apple\", \"apricot\", \"pear\", \"ape\"]')
        WHERE value LIKE ?1 || '%' ORDER BY value LIMIT ?2";
    let found: Result<Vec<_>, _> =
        rows(database, sql, ["ap".into(), 2.into()]).await?.iter().map(|row| row.text(0).map(str::to_owned)).collect();
    equal(&found.map_err(text)?, &vec!["ape".to_owned(), "apple".to_owned()])
}
