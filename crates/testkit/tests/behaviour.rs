//! The suites pass on the doubles that tests stand on; so a suite that fails elsewhere has found something.

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use domain::Timestamp;
use futures_util::StreamExt as _;
use http::{Request, Response};
use ports::{
    Body, Clock, Database, DatabaseError, DatabaseErrorKind, HttpClient, HttpError, Mail, Mailer as _, Outcome, Sender,
    Statement,
};
use testkit::{
    Faulty, FixedClock, MemoryKeys, Moment, PlainHttp, RecordedMail, SeededEntropy, StrictDatabase, TokioTasks,
    behaviour, upstream::Upstream,
};

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the executor's sleeps are real")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(since.as_millis().try_into().unwrap())
    }
}

#[tokio::test]
async fn strict_database() {
    behaviour::database(&StrictDatabase::new().await.unwrap()).await.assert_passed();
}

/// Runs a batch statement by statement, as a careless adapter would.
struct Careless(StrictDatabase);

#[async_trait]
impl Database for Careless {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        let mut outcomes = Vec::new();
        for statement in statements {
            outcomes.push(self.0.run(statement).await?);
        }
        Ok(outcomes)
    }
}

#[tokio::test]
async fn a_database_without_transactions_is_found_out() {
    let report = behaviour::database(&Careless(StrictDatabase::new().await.unwrap())).await;
    let failures: Vec<_> = report.failures().map(|(name, _)| name).collect();
    assert!(failures.iter().any(|name| name.contains("a later failing statement undoes")), "{failures:?}");
    assert!(failures.iter().any(|name| name.contains("also in the middle of a batch")), "{failures:?}");
    assert!(failures.len() < report.cases.len() / 2, "{failures:?}");
}

/// Takes a body's break for its end.
struct Trusting;

#[async_trait]
impl HttpClient for Trusting {
    async fn send(&self, request: Request<bytes::Bytes>) -> Result<Response<Body>, HttpError> {
        let response = PlainHttp.send(request).await?;
        Ok(response.map(|body| Box::pin(body.take_while(|chunk| std::future::ready(chunk.is_ok()))) as Body))
    }
}

#[tokio::test]
async fn a_client_that_hides_a_cut_is_found_out() {
    let upstream = Upstream::start();
    let report = behaviour::http_client(&Trusting, &upstream.url()).await;
    let failures: Vec<_> = report.failures().map(|(name, _)| name).collect();
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(failures.iter().all(|name| name.contains("never cleanly")), "{failures:?}");
}

#[tokio::test]
async fn memory_keys() {
    let clock = Arc::new(FixedClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let keys = MemoryKeys::new(clock.clone());
    behaviour::key_value(&keys).await.assert_passed();
    behaviour::key_value_expiry(&keys, &clock).await.assert_passed();
}

#[tokio::test]
async fn recorded_mail() {
    let mail = RecordedMail::default();
    behaviour::mailer(&mail, "ann@example.org").await.assert_passed();
    assert_eq!(mail.take().len(), 3);
    mail.refuse(true);
    let from = Sender { name: "Ann".into(), address: "ann@example.org".into() };
    let refused = Mail { from, to: "ann@example.org".into(), subject: "a".into(), text: "b".into(), html: None };
    assert!(mail.send(refused).await.is_err());
    assert!(mail.take().is_empty());
}

#[tokio::test]
async fn clock_and_entropy() {
    behaviour::clock(&SystemClock).assert_passed();
    behaviour::entropy(&SeededEntropy::new(1)).assert_passed();
}

#[tokio::test]
async fn tokio_tasks() {
    behaviour::tasks(Arc::new(TokioTasks::default()), &SystemClock).await.assert_passed();
}

#[tokio::test]
async fn plain_http() {
    let upstream = Upstream::start();
    behaviour::http_client(&PlainHttp, &upstream.url()).await.assert_passed();
}

#[tokio::test]
async fn faults_strike_where_they_are_told() {
    let database = Arc::new(StrictDatabase::new().await.unwrap());
    let faulty = Faulty::new(database.clone());
    let write = || Statement::new("INSERT INTO t (n) VALUES (1)", []);
    let count = async || {
        let rows = database.run(Statement::new("SELECT count(*) FROM t", [])).await.unwrap().rows;
        rows[0].integer(0).unwrap()
    };
    faulty.run(Statement::new("CREATE TABLE t (n INTEGER) STRICT", [])).await.unwrap();

    faulty.fail_write(2, Moment::Before);
    faulty.fail_write(3, Moment::After);
    faulty.run(write()).await.unwrap();
    faulty.run(Statement::new("SELECT 1", [])).await.unwrap();
    for kept in [1, 2] {
        assert_eq!(faulty.run(write()).await.unwrap_err().kind, DatabaseErrorKind::Unavailable);
        assert_eq!(count().await, kept);
    }
    faulty.run(write()).await.unwrap();

    faulty.fail_containing("FROM t", Moment::Before);
    assert!(faulty.run(Statement::new("SELECT n FROM t", [])).await.is_err());
    faulty.heal();
    faulty.run(Statement::new("SELECT n FROM t", [])).await.unwrap();
    assert_eq!(faulty.writes(), 5);
}
