//! The ports' behaviour suites on this host's real adapters.

use std::{num::NonZero, path::Path, sync::Arc, time::Duration};

use adapters::{MemoryRateLimiter, SqlKeys, SqlRateLimiter};
use domain::Timestamp;
use host_native::{
    clock::SystemClock, data_dir::DataDir, entropy::SystemEntropy, http::Reqwest, keys::KnownAbsent, libsql::LibSql,
    mail::MailFolder, tasks::TokioTasks,
};
use ports::{Clock, Database};
use testkit::{FixedClock, behaviour, upstream::Upstream};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The embedded database with the product's tables.
async fn libsql(folder: &Path) -> Arc<dyn Database> {
    let database = LibSql::open(&DataDir::open(folder).unwrap()).unwrap();
    gateway::migrate(&database, NOW).await.unwrap();
    Arc::new(database)
}

#[tokio::test(flavor = "multi_thread")]
async fn database() {
    let folder = tempfile::tempdir().unwrap();
    behaviour::database(&*libsql(folder.path()).await).await.assert_passed();
}

#[tokio::test]
async fn keys() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::new(NOW));
    let stored = Arc::new(SqlKeys::new(libsql(folder.path()).await, clock.clone()));
    for believed in [None, Some(Duration::from_secs(30))] {
        let keys = KnownAbsent::new(stored.clone(), clock.clone(), believed);
        behaviour::key_value(&keys).await.assert_passed();
        behaviour::key_value_expiry(&keys, &clock).await.assert_passed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limiter() {
    let folder = tempfile::tempdir().unwrap();
    behaviour::rate_limiter(&MemoryRateLimiter::default(), NOW).await.assert_passed();
    behaviour::rate_limiter(&SqlRateLimiter(libsql(folder.path()).await), NOW).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_client() {
    let upstream = Upstream::start();
    let client = Reqwest::new(Duration::from_secs(5)).unwrap();
    behaviour::http_client(&client, &upstream.url()).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks() {
    for computing in [NonZero::<usize>::MIN, TokioTasks::cores()] {
        behaviour::tasks(Arc::new(TokioTasks::new(computing, 256)), &SystemClock).await.assert_passed();
    }
}

#[tokio::test]
async fn mailer() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = MailFolder::open(folder.path(), Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap();
    behaviour::mailer(&mailer, "ada@example.com").await.assert_passed();
}

#[test]
fn clock() {
    behaviour::clock(&SystemClock).assert_passed();
    assert!(SystemClock.now() > NOW, "the machine's clock is right");
}

#[test]
fn entropy() {
    behaviour::entropy(&SystemEntropy).assert_passed();
}
