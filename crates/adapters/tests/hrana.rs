//! libSQL over HTTP, against a real server. `cargo xtask setup` installs it.

use std::{sync::Arc, time::Duration};

use adapters::{Hrana, SqlKeys, SqlRateLimiter};
use domain::Timestamp;
use ports::{Database, Statement};
use testkit::{FixedClock, PlainHttp, Sqld, TokioTasks, behaviour};

#[tokio::test]
async fn a_libsql_server_behaves() {
    let server = match Sqld::start() {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    };
    let tasks = Arc::new(TokioTasks::default());
    let database = Hrana::new(&server.url(), None, Arc::new(PlainHttp), tasks, Duration::from_mins(1)).unwrap();
    behaviour::database(&database).await.assert_passed();

    let database: Arc<dyn Database> = Arc::new(database);
    for sql in [
        "CREATE TABLE rate_limits (bucket TEXT PRIMARY KEY, tat INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE key_values (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires_at INTEGER) STRICT, WITHOUT ROWID",
    ] {
        database.run(Statement::new(sql, [])).await.unwrap();
    }
    let now = Timestamp::from_millis(1_800_000_000_000);
    behaviour::rate_limiter(&SqlRateLimiter(database.clone()), now).await.assert_passed();
    let clock = Arc::new(FixedClock::new(now));
    behaviour::key_value(&SqlKeys::new(database, clock)).await.assert_passed();
}
