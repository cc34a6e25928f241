//! The behaviour suites of ports that exist only inside a host (D1, Workers KV and Durable Objects under workerd; Spin's
//! stores in the component), run there through a test-only route. Natively they run in `crates/host-native/tests`.

use std::env;

use tests::Api;

/// The host under test, if its ports are inside of it.
#[expect(clippy::disallowed_methods, reason = "the suite is pointed at a host by its environment")]
fn inner_host() -> Option<String> {
    env::var("HOST_KIND").ok().filter(|kind| matches!(kind.as_str(), "workers" | "spin"))
}

async fn passes(suite: &str, cases: u64) {
    if inner_host().is_none() {
        return;
    }
    let api = Api::start().await;
    let upstream = api.provider.url();
    let (status, report) = api.get(&format!("/__behaviour?suite={suite}&upstream={upstream}")).await.json().await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["failed"], 0, "{report:#}");
    let passed = report["passed"].as_u64().expect("a count");
    assert!(passed >= cases, "only {passed} cases ran");
    println!("{suite}: {passed} cases");
}

#[tokio::test]
async fn the_database_keeps_its_contract() {
    passes("database", 40).await;
}

#[tokio::test]
async fn the_key_value_store_keeps_its_contract() {
    passes("key_value", 5).await;
}

#[tokio::test]
async fn values_expire_where_expiry_is_the_adapters_own() {
    if inner_host().as_deref() == Some("spin") {
        passes("key_value_expiry", 3).await;
        passes("key_value_sweep", 2).await;
    }
}

#[tokio::test]
async fn the_rate_limiter_keeps_its_contract() {
    passes("rate_limiter", 5).await;
}

#[tokio::test]
async fn the_http_client_keeps_its_contract() {
    passes("http_client", 10).await;
}

#[tokio::test]
async fn the_mailer_keeps_its_contract() {
    passes("mailer", 3).await;
}

#[tokio::test]
async fn tasks_keep_their_contract() {
    passes("tasks", 3).await;
}

#[tokio::test]
async fn clock_and_entropy_keep_theirs() {
    passes("clock", 1).await;
    passes("entropy", 1).await;
}
