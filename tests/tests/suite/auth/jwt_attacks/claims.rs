//! Claims, rightly signed, that do not fit.

use serde_json::json;

use super::{EXPIRED, refuse, refuse_as};

#[tokio::test]
async fn expired() {
    refuse_as("token_expired", EXPIRED, |real| {
        let now = real.issued();
        vec![
            real.with_claims(&json!({ "iat": now - 901, "exp": now - 1 })),
            real.with_claims(&json!({ "iat": now - 900, "exp": now })),
            real.with_claims(&json!({ "iat": 0, "exp": 1 })),
        ]
    })
    .await;
}

#[tokio::test]
async fn no_expiry() {
    refuse(|real| {
        vec![
            real.with_claims(&json!({ "exp": null })),
            real.with_claims(&json!({ "exp": -1 })),
            real.with_claims(&json!({ "exp": "9999999999" })),
            real.with_claims(&json!({ "exp": 1e300 })),
        ]
    })
    .await;
}

#[tokio::test]
async fn not_yet_valid() {
    refuse(|real| {
        let now = real.issued();
        vec![
            real.with_claims(&json!({ "nbf": now + 3600, "exp": now + 7200 })),
            real.with_claims(&json!({ "nbf": "soon" })),
        ]
    })
    .await;
}

#[tokio::test]
async fn issued_in_the_future() {
    refuse(|real| {
        let now = real.issued();
        vec![
            real.with_claims(&json!({ "iat": now + 3600, "exp": now + 7200 })),
            real.with_claims(&json!({ "iat": null })),
        ]
    })
    .await;
}

#[tokio::test]
async fn another_audience() {
    refuse(|real| {
        vec![
            real.with_claims(&json!({ "aud": "somebody-else" })),
            real.with_claims(&json!({ "aud": ["somebody-else", "littoral"] })),
            real.with_claims(&json!({ "aud": "" })),
            real.with_claims(&json!({ "aud": null })),
        ]
    })
    .await;
}

#[tokio::test]
async fn another_issuer() {
    refuse(|real| {
        let ours = real.claims["iss"].as_str().unwrap();
        vec![
            real.with_claims(&json!({ "iss": "https://evil.example.com" })),
            real.with_claims(&json!({ "iss": format!("{ours}/") })),
            real.with_claims(&json!({ "iss": [ours, "https://evil.example.com"] })),
            real.with_claims(&json!({ "iss": null })),
        ]
    })
    .await;
}

#[tokio::test]
async fn claims_that_name_nobody() {
    refuse(|real| {
        [
            json!({ "sub": null }),
            json!({ "sub": "1" }),
            json!({ "sub": 1 }),
            json!({ "sid": null }),
            json!({ "sid": "1" }),
            json!({ "sid": "../sessions" }),
        ]
        .map(|changes| real.with_claims(&changes))
        .into()
    })
    .await;
}

#[tokio::test]
async fn a_role_that_is_none() {
    refuse(|real| {
        [json!({ "role": "root" }), json!({ "role": null }), json!({ "role": ["admin"] }), json!({ "gen": null })]
            .map(|changes| real.with_claims(&changes))
            .into()
    })
    .await;
}
