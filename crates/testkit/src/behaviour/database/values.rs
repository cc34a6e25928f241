//! Values go in and come out as they are.

use std::sync::LazyLock;

use super::{Answer, Database, Outcome, Report, Statement, Value, ensure, equal, number, rows, text, word};

pub(super) async fn run(database: &dyn Database, report: &mut Report) {
    for (name, column, value) in samples() {
        let outcome = round_trip(database, column, &value).await;
        report.add(&format!("“a value bound to a statement or read from a row”: {name}"), outcome);
    }
    report.add("“a value bound to a statement”: its type is not guessed from its looks", types(database).await);
    report.add("“parameters are numbered”: one may appear twice, and in any order", numbered(database).await);
    report.add("“at most 100”: 100 parameters", hundred(database).await);
    report.add("“text”: quotes, percent signs and question marks are data", harmless(database).await);
    report.add("“the rows of a `SELECT`, in order”", in_order(database).await);
    report.add("“the rows of a `RETURNING` clause”: of INSERT, UPDATE and DELETE", returning(database).await);
    report.add("“the rows …; empty otherwise”: a write and a `SELECT` that finds nothing", no_rows(database).await);
}

fn samples() -> Vec<(&'static str, &'static str, Value)> {
    const LARGEST: i64 = 1 << 53;
    let mut samples = vec![("NULL", "t", Value::Null)];
    for (name, n) in [
        ("the integer 0", 0),
        ("the integer -1", -1),
        ("an integer beyond 32 bits", 1_700_000_000_123),
        ("the integer 2^53", LARGEST),
        ("the integer -2^53", -LARGEST),
    ] {
        samples.push((name, "i", Value::Integer(n)));
    }
    for (name, x) in [
        ("a real", 0.1),
        ("a negative real", -2.5),
        ("a real that needs all its digits", 0.1 + 0.2),
        ("a whole real", 3.0),
        ("a large real", 1.797e308),
        ("a small real", 5e-324),
    ] {
        samples.push((name, "r", Value::Real(x)));
    }
    for (name, words) in [
        ("the empty text", String::new()),
        ("text beyond ASCII", "Zoë 漢字 עברית 👩‍👩‍👧 \u{10ffff}".into()),
        ("text with line ends, tabs, quotes and backslashes", "a\r\nb\tc\"d'e\\f\u{1}\u{7f}".into()),
        ("a text of 1.5 MB", "ümlaut …".repeat(150_000)),
    ] {
        samples.push((name, "t", Value::Text(words)));
    }
    for (name, bytes) in [
        ("the empty blob", Vec::new()),
        ("a blob of every byte", (0..=255).collect()),
        ("a blob of 1 MB", vec![0xfe; 1_000_000]),
    ] {
        samples.push((name, "b", Value::Blob(bytes)));
    }
    samples
}

/// Whether both are the same, where a whole real and an integer are (JavaScript has one kind of number).
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        #[expect(clippy::cast_precision_loss, reason = "the samples lie within 2^53")]
        #[expect(clippy::float_cmp, reason = "exactly this value went in")]
        (Value::Integer(n), Value::Real(x)) | (Value::Real(x), Value::Integer(n)) => *n as f64 == *x,
        (found, wanted) => found == wanted,
    }
}

/// A value for a message: long ones are not printed.
fn show(value: &Value) -> String {
    match value {
        Value::Text(words) if words.len() > 100 => format!("a text of {} bytes", words.len()),
        Value::Blob(bytes) if bytes.len() > 100 => format!("a blob of {} bytes", bytes.len()),
        short => format!("{short:?}"),
    }
}

async fn round_trip(database: &dyn Database, column: &str, value: &Value) -> Outcome {
    let (write, read) = match column {
        "i" => ("INSERT INTO behaviour_values (id, i) VALUES (1, ?1)", "SELECT i FROM behaviour_values WHERE i IS ?1"),
        "r" => ("INSERT INTO behaviour_values (id, r) VALUES (1, ?1)", "SELECT r FROM behaviour_values WHERE r IS ?1"),
        "t" => ("INSERT INTO behaviour_values (id, t) VALUES (1, ?1)", "SELECT t FROM behaviour_values WHERE t IS ?1"),
        _ => ("INSERT INTO behaviour_values (id, b) VALUES (1, ?1)", "SELECT b FROM behaviour_values WHERE b IS ?1"),
    };
    let batch = vec![
        Statement::new("DELETE FROM behaviour_values", []),
        Statement::new(write, [value.clone()]),
        Statement::new(read, [value.clone()]),
    ];
    let answers = database.batch(batch).await.map_err(text)?;
    let found = answers.get(2).and_then(|answer| answer.rows.first()).and_then(|row| row.0.first());
    match found {
        Some(found) if same(found, value) => Ok(()),
        Some(found) => Err(format!("put {}, got {}", show(value), show(found))),
        None => Err(format!("put {}, and it was not found again", show(value))),
    }
}

async fn types(database: &dyn Database) -> Outcome {
    let sql = "SELECT typeof(?1)";
    for (value, wanted) in [
        (Value::from("1"), "text"),
        (Value::from("1.5"), "text"),
        (Value::from(""), "text"),
        (Value::from("null"), "text"),
        (Value::from(vec![0x31]), "blob"),
        (Value::from(Vec::new()), "blob"),
        (Value::Real(1.5), "real"),
        (Value::Null, "null"),
    ] {
        let shown = show(&value);
        let found = word(database, sql, [value]).await?;
        ensure(found == wanted, || format!("{shown} arrived as {found}"))?;
    }
    // Where JavaScript carries the number, it arrives as a real without a fraction.
    let found = word(database, sql, [Value::Integer(1)]).await?;
    ensure(found == "integer" || found == "real", || format!("an integer arrived as {found}"))
}

async fn numbered(database: &dyn Database) -> Outcome {
    let found = word(database, "SELECT ?2 || ?1 || ?2", ["b".into(), "a".into()]).await?;
    equal(&found.as_str(), &"aba")
}

async fn hundred(database: &dyn Database) -> Outcome {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let list: Vec<_> = (1..=100).map(|n| format!("?{n}")).collect();
        format!(
            "SELECT count(*) FROM json_each('[\"p1\", \"p57\", \"p100\", \"p101\"]') WHERE value IN ({})",
            list.join(", ")
        )
    });
    let params = (1..=100).map(|n| Value::Text(format!("p{n}"))).collect();
    let answer = database.run(Statement { sql: SQL.as_str(), params }).await.map_err(text)?;
    equal(&answer.rows.first().map(|row| row.integer(0)), &Some(Ok(3)))
}

async fn harmless(database: &dyn Database) -> Outcome {
    let words = "'; DROP TABLE behaviour_values; -- %d ?1 :a $b \"";
    equal(&word(database, "SELECT ?1", [words.into()]).await?.as_str(), &words)
}

async fn in_order(database: &dyn Database) -> Outcome {
    let sql = "SELECT value FROM json_each('[3, 1, 2, 5, 4]') ORDER BY value DESC";
    let found: Result<Vec<_>, _> = rows(database, sql, []).await?.iter().map(|row| row.integer(0)).collect();
    equal(&found.map_err(text)?, &vec![5, 4, 3, 2, 1])
}

async fn returning(database: &dyn Database) -> Outcome {
    rows(database, "DELETE FROM behaviour_values", []).await?;
    let sql = "INSERT INTO behaviour_values (id, i) VALUES (1, 10), (2, 20) RETURNING id, i + ?1";
    let inserted = rows(database, sql, [1.into()]).await?;
    let inserted: Result<Vec<_>, _> = inserted.iter().map(|row| Ok((row.integer(0)?, row.integer(1)?))).collect();
    equal(&inserted.map_err(|error: ports::DatabaseError| text(error))?, &vec![(1, 11), (2, 21)])?;
    let updated =
        number(database, "UPDATE behaviour_values SET i = i * 2 WHERE id = ?1 RETURNING i", [2.into()]).await?;
    equal(&updated, &40)?;
    equal(&number(database, "DELETE FROM behaviour_values WHERE id = ?1 RETURNING i", [1.into()]).await?, &10)
}

async fn no_rows(database: &dyn Database) -> Outcome {
    let batch = vec![
        Statement::new("DELETE FROM behaviour_values", []),
        Statement::new("INSERT INTO behaviour_values (id) VALUES (1)", []),
        Statement::new("UPDATE behaviour_values SET i = 1 WHERE id = 9 RETURNING i", []),
        Statement::new("SELECT id FROM behaviour_values WHERE id = 9", []),
    ];
    equal(&database.batch(batch).await.map_err(text)?, &vec![Answer::default(); 4])
}
