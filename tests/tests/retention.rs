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
