//! What is sensitive has limits of its own: of each user, for each operation.

use futures_util::future::join_all;
use gateway::Access;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api, PASSWORD, User};

use super::SOME_ID;

/// Where a limit is looked for on every host.
const CONFIRM: &str = "/api/v1/auth/factors/totp/confirm";

/// No body that is taken: that it was asked is what counts.
fn body() -> Value {
    json!({ "mode": "canary", "name": 7 })
}

/// When to come back, in seconds.
async fn refused(answer: Answer) -> u64 {
    let wait = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    let (status, problem) = answer.json().await;
    assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")), "{problem}");
    wait
}

#[tokio::test]
async fn who_asks_too_often_waits_and_nobody_else() {
    let api = Api::start().await;
    let (user, other) = (api.verified_user().await, api.user().await);
    // 300 a minute, and those that come back while they are asked for.
    let (mut sent, wrong) = (0, body());
    let answer = loop {
        let answers = join_all((0..20).map(|_| user.post(CONFIRM, &wrong))).await;
        sent += answers.len();
        match answers.into_iter().find(|answer| answer.status == 429) {
            Some(answer) => break answer,
            None => assert!(sent < 1_000, "no limit"),
        }
    };
    assert!(sent >= 300, "refused after {sent}");
    assert_eq!(refused(answer).await, 1);
    assert_eq!(other.post(CONFIRM, &body()).await.status, 422);
    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);
    assert_eq!(
        user.post("/api/v1/auth/factors/totp", &json!({ "password": PASSWORD })).await.status,
        201,
        "another operation"
    );
}

async fn send(user: &User, method: &Method, path: &str) -> Answer {
    user.send(method.clone(), path, &[], Some(&body())).await
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn every_sensitive_operation_is_limited_for_each_user() {
        let api = Api::with_profile("tight").await;
        let routes: Vec<_> =
            gateway::routes().into_iter().filter(|route| matches!(route.access, Access::Sensitive(_))).collect();
        assert!(routes.len() >= 12, "the list of sensitive routes is too short: {}", routes.len());
        let (user, other) = (api.user().await, api.user().await);
        for route in routes {
            let path = &route.path.replace("{id}", SOME_ID).replace("{provider}", "test");
            for _ in 0..3 {
                assert_ne!(send(&user, &route.method, path).await.status, 429, "{path}");
            }
            assert!((1..=20).contains(&refused(send(&user, &route.method, path).await).await), "{path}");
            assert_ne!(send(&other, &route.method, path).await.status, 429, "{path}");
        }
    }
}
