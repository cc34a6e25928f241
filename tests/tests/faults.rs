//! Faults of a host's own store, which only a build for tests has: on Workers and Spin in that build, in process here. Natively
//! they are in `crates/host-native/tests`.

use tests::{Api, renewals};

#[tokio::test]
async fn renewals_that_fail_for_three_leases_end_no_reply() {
    let api = Api::start().await;
    renewals::are_outlived(&api, &api).await;
}
