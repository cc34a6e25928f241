//! What is over is deleted after its retention, on hosts without a clock of their own too: by those who sign in. In process,
//! where time passes at will and the tables can be counted.

use std::time::Duration;

use ports::{Database as _, Statement};
use serde_json::json;
use testkit::Faulty;
use tests::{Api, PASSWORD};

const DAY: Duration = Duration::from_hours(24);

async fn login(api: &Api, email: &str, password: &str) {
    let body = json!({ "email": email, "password": password });
    let (status, _) = api.post("/api/v1/auth/login", &body).await.json().await;
    assert!(matches!(status, 200 | 401));
}

async fn count(database: &Faulty, sql: &'static str) -> i64 {
    database.run(Statement::new(sql, [])).await.unwrap().rows[0].integer(0).unwrap()
}

async fn events(database: &Faulty) -> i64 {
    count(database, "SELECT count(*) AS n FROM audit_events").await
}

async fn sessions(database: &Faulty) -> i64 {
    count(database, "SELECT count(*) AS n FROM sessions").await
}

#[tokio::test]
async fn events_of_everybody_go_when_anybody_signs_in() {
    let (api, _, database) = Api::two(&[("LITTORAL_LOCKOUT_FAILURES", "0")]).await;
    let (gone, user) = (api.user().await, api.user().await);
    for _ in 0..60 {
        login(&api, &gone.email, "a wrong password").await;
    }
    // Of nobody's account.
    login(&api, &Api::fresh_email(), "a wrong password").await;
    assert_eq!(events(&database).await, 63);
    api.pass(91 * DAY);
    // A bounded number at a time.
    login(&api, &user.email, PASSWORD).await;
    assert_eq!(events(&database).await, 63 + 1 - 50);
    login(&api, &user.email, PASSWORD).await;
    assert_eq!(events(&database).await, 2);
}

#[tokio::test]
async fn sessions_that_are_over_go_when_their_user_signs_in() {
    let (api, _, database) = Api::two(&[]).await;
    let user = api.user().await;
    login(&api, &user.email, PASSWORD).await;
    assert_eq!(user.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    api.pass(89 * DAY);
    login(&api, &user.email, PASSWORD).await;
    assert_eq!(sessions(&database).await, 3);
    api.pass(32 * DAY);
    login(&api, &user.email, PASSWORD).await;
    assert_eq!(sessions(&database).await, 2);
}

#[tokio::test]
async fn of_the_sessions_that_are_over_only_the_latest_are_kept() {
    let (api, _, database) = Api::two(&[]).await;
    let user = api.user().await;
    // As many sign-ins and sign-outs would leave, and as many sessions that ran out.
    for sql in [
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 505)
         INSERT INTO sessions (id, user_id, counter, rotated_at, created_at, last_used_at, idle_at, expires_at, ended_at)
         SELECT 'over-' || i, user_id, 1, created_at, created_at, created_at, idle_at, expires_at, created_at + i
         FROM sessions, n",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
         INSERT INTO sessions (id, user_id, counter, rotated_at, created_at, last_used_at, idle_at, expires_at)
         SELECT 'out-' || i, user_id, 1, created_at, created_at - 9, created_at - 9, created_at - i, expires_at
         FROM sessions, n WHERE ended_at IS NULL",
    ] {
        database.run(Statement::new(sql, [])).await.unwrap();
    }
    assert_eq!(sessions(&database).await, 511);
    login(&api, &user.email, PASSWORD).await;
    let over = "SELECT count(*) AS n FROM sessions WHERE ended_at IS NOT NULL";
    assert_eq!((count(&database, over).await, sessions(&database).await), (500, 502));
    let gone = "SELECT count(*) AS n FROM sessions WHERE id LIKE 'out-%'";
    assert_eq!(count(&database, gone).await, 0, "those that ended first go first");
}

#[tokio::test]
async fn logs_of_everybody_go_in_one_sweep_however_many_they_are() {
    let (api, _, database) = Api::two(&[]).await;
    let user = api.user().await;
    for sql in [
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
         INSERT INTO runs (id, user_id, model, status, epoch, lease_expires_at, fingerprint, created_at, ended_at, kept)
         SELECT 'run-' || i, 'user-' || (i % 7), 'm', 'completed', 1, 0, '', 0, i, i % 2 FROM n",
        "INSERT INTO run_events (run_id, first_seq, last_seq, events) SELECT id, 1, 1, '[]' FROM runs",
    ] {
        database.run(Statement::new(sql, [])).await.unwrap();
    }
    // On a host without a timer, a sign-in does it.
    api.pass(Duration::from_mins(11));
    login(&api, &user.email, PASSWORD).await;
    api.settle().await;
    assert_eq!(count(&database, "SELECT count(*) AS n FROM run_events").await, 0);
    assert_eq!(count(&database, "SELECT count(*) AS n FROM runs").await, 501);
}
