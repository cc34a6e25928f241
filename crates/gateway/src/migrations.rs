//! Applies `migrations/` to a store that no tool migrates: at start natively, on the first request on Spin.
//! (On D1 wrangler does it, from the same folder.)

use domain::Timestamp;
use ports::{Database, DatabaseError, Statement};

/// The folder, in order: forward only, never edited once released.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_init.sql", include_str!("../../../migrations/0001_init.sql")),
    ("0002_ledger.sql", include_str!("../../../migrations/0002_ledger.sql")),
    ("0003_accounts.sql", include_str!("../../../migrations/0003_accounts.sql")),
    ("0004_passwords.sql", include_str!("../../../migrations/0004_passwords.sql")),
    ("0006_factors.sql", include_str!("../../../migrations/0006_factors.sql")),
    ("0007_identities.sql", include_str!("../../../migrations/0007_identities.sql")),
    ("0008_admin.sql", include_str!("../../../migrations/0008_admin.sql")),
    ("0009_profile.sql", include_str!("../../../migrations/0009_profile.sql")),
    ("0010_credentials.sql", include_str!("../../../migrations/0010_credentials.sql")),
    ("0013_bounded_work.sql", include_str!("../../../migrations/0013_bounded_work.sql")),
    ("0014_proofs.sql", include_str!("../../../migrations/0014_proofs.sql")),
    ("0015_refresh_repeats.sql", include_str!("../../../migrations/0015_refresh_repeats.sql")),
];

/// Applies what is missing and returns the names of what it applied. Safe to run again, and by several at once.
pub async fn migrate(database: &dyn Database, now: Timestamp) -> Result<Vec<&'static str>, DatabaseError> {
    database
        .run(Statement::new(
            "CREATE TABLE IF NOT EXISTS littoral_migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
            [],
        ))
        .await?;
    let done = database.run(Statement::new("SELECT name FROM littoral_migrations", [])).await?;
    let mut applied = Vec::new();
    for &(name, sql) in MIGRATIONS {
        if done.rows.iter().any(|row| row.text(0) == Ok(name)) {
            continue;
        }
        // The name goes first: of two runners at once, one fails here and nothing of its batch is kept.
        let mut batch = vec![Statement::new(
            "INSERT INTO littoral_migrations (name, applied_at) VALUES (?1, ?2)",
            [name.into(), now.millis().into()],
        )];
        batch.extend(statements(sql).map(|sql| Statement::new(sql, [])));
        match database.batch(batch).await {
            Ok(_) => applied.push(name),
            Err(error) if error.is_unique("littoral_migrations.name") => {}
            Err(error) => return Err(error),
        }
    }
    Ok(applied)
}

/// The statements of a migration: each ends with a semicolon at the end of a line.
fn statements(sql: &'static str) -> impl Iterator<Item = &'static str> {
    sql.split(";\n").map(str::trim).filter(|statement| {
        statement.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| std::path::Path::new(name).extension().is_some_and(|ending| ending == "sql"))
            .collect();
        files.sort();
        assert_eq!(files, MIGRATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn comments_alone_are_no_statement() {
        assert_eq!(statements("-- a\nCREATE TABLE t (x);\n\n-- b\n").count(), 1);
    }
}
