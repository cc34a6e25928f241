//! The adapters that stand on other ports, against the behaviour suites.

use std::{sync::Arc, time::Duration};

use adapters::{MemoryRateLimiter, SqlKeys, SqlRateLimiter, SweptKeys};
use domain::Timestamp;
use ports::{Database, KeyValue as _, RateLimiter as _, Statement, Value};
use testkit::{Faulty, FixedClock, MemoryKeys, Moment, StrictDatabase, behaviour};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A strict database with all tables.
async fn database() -> Arc<dyn Database> {
    let database = StrictDatabase::new().await.unwrap();
    for sql in include_str!("../../../migrations/0001_init.sql").split(";\n").map(str::trim) {
        if sql.contains("CREATE ") {
            database.run(Statement::new(sql, [])).await.unwrap();
        }
    }
    Arc::new(database)
}

async fn count(database: &Arc<dyn Database>, sql: &'static str) -> i64 {
    database.run(Statement::new(sql, [])).await.unwrap().rows[0].integer(0).unwrap()
}

#[tokio::test]
async fn sql_rate_limiter() {
    let database = database().await;
    let limiter = SqlRateLimiter(database.clone());
    behaviour::rate_limiter(&limiter, NOW).await.assert_passed();

    let buckets = "SELECT count(*) FROM rate_limits";
    assert!(count(&database, buckets).await > 0);
    limiter.sweep(NOW).await.unwrap();
    assert!(count(&database, buckets).await > 0, "buckets in use stay");
    // More than one pass takes.
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO rate_limits (bucket, tat) SELECT 'b' || i, i FROM n";
    database.run(Statement::new(many, [])).await.unwrap();
    limiter.sweep(Timestamp::from_millis(NOW.millis() + 10_000_000)).await.unwrap();
    assert_eq!(count(&database, buckets).await, 0);
}

#[tokio::test]
async fn memory_rate_limiter() {
    behaviour::rate_limiter(&MemoryRateLimiter::default(), NOW).await.assert_passed();
}

#[tokio::test]
async fn sql_keys() {
    let clock = Arc::new(FixedClock::new(NOW));
    let database = database().await;
    let keys = SqlKeys::new(database.clone(), clock.clone());
    behaviour::key_value(&keys).await.assert_passed();
    behaviour::key_value_expiry(&keys, &clock).await.assert_passed();

    let rows = "SELECT count(*) FROM key_values";
    assert_eq!(count(&database, rows).await, 0, "what expired was deleted on the way");
    let insert = "INSERT INTO key_values (key, value, expires_at) VALUES (?1, ?2, ?3)";
    for (key, expires) in
        [("old", Value::from(1)), ("new", Value::from(clock_millis(&clock) + 1)), ("kept", Value::Null)]
    {
        database.run(Statement::new(insert, [key.into(), vec![1].into(), expires])).await.unwrap();
    }
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO key_values (key, value, expires_at) SELECT 'k' || i, x'00', i FROM n";
    database.run(Statement::new(many, [])).await.unwrap();
    keys.sweep(ports::Clock::now(&*clock)).await.unwrap();
    assert_eq!(count(&database, rows).await, 2);
    assert_eq!(keys.get("kept").await.unwrap(), Some(vec![1]));
}

fn clock_millis(clock: &FixedClock) -> i64 {
    ports::Clock::now(clock).millis()
}

#[tokio::test]
async fn an_expired_key_is_gone_though_it_cannot_be_deleted() {
    let clock = Arc::new(FixedClock::new(NOW));
    let database = Arc::new(Faulty::new(database().await));
    let keys = SqlKeys::new(database.clone(), clock.clone());
    keys.put("k", b"v", Some(std::time::Duration::from_mins(1))).await.unwrap();
    clock.advance(std::time::Duration::from_mins(2));
    database.fail_containing("DELETE", Moment::Before);
    assert_eq!(keys.get("k").await, Ok(None));
}

#[tokio::test]
async fn swept_keys() {
    let clock = Arc::new(FixedClock::new(NOW));
    let (database, store) = (database().await, Arc::new(MemoryKeys::new(clock.clone())));
    let keys = SweptKeys::new(store.clone(), database.clone(), clock.clone());
    behaviour::key_value(&keys).await.assert_passed();
    behaviour::key_value_expiry(&keys, &clock).await.assert_passed();
    behaviour::key_value_sweep(&keys, &clock, async |key| Ok(store.holds(&key))).await.assert_passed();
    clock.advance(Duration::from_hours(6));
    keys.sweep(ports::Clock::now(&*clock)).await.unwrap();
    assert_eq!(count(&database, "SELECT count(*) FROM key_values").await, 0, "no note stays");
}

#[tokio::test]
async fn a_value_is_put_though_its_end_cannot_be_noted() {
    let clock = Arc::new(FixedClock::new(NOW));
    let (database, store) = (Arc::new(Faulty::new(database().await)), Arc::new(MemoryKeys::new(clock.clone())));
    let keys = SweptKeys::new(store, database.clone(), clock);
    database.fail_write(1, Moment::Before);
    keys.put("a", b"1", Some(Duration::from_mins(1))).await.unwrap();
    assert_eq!(keys.get("a").await.unwrap(), Some(b"1".to_vec()));
}
