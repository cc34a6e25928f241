//! Who may make an account, and how many.

pub mod private;

use serde_json::json;
use tests::Api;

use super::{PASSWORD, login, register};

#[tokio::test]
async fn where_sign_up_is_closed_nobody_gets_an_account() {
    let Some(api) = Api::with_settings(&[("LITTORAL_SIGN_UP", "closed")]).await else {
        return println!("not here: a running host has its own settings");
    };
    let (status, body) = register(&api, &Api::fresh_email()).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("sign_up_closed")), "{body}");
}

#[tokio::test]
async fn what_stands_for_no_address_is_none() {
    let api = Api::start().await;
    let email = Api::fresh_email();
    for bad in [format!("guest:{email}"), format!("guest:7{email}"), format!("{email}:25")] {
        let (status, body) = register(&api, &bad).await.json().await;
        assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/email")), "{bad}: {body}");
    }
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn accounts_from_one_address_of_the_network_are_limited() {
        let api = Api::with_profile("tight").await;
        for _ in 0..2 {
            assert_eq!(register(&api, &Api::fresh_email()).await.status, 201);
        }
        let (status, body) = register(&api, &Api::fresh_email()).await.json().await;
        assert_eq!((status, &body["code"]), (429, &json!("rate_limited")), "{body}");
    }

    #[tokio::test]
    async fn requests_about_accounts_have_a_limit_of_their_own() {
        let api = Api::with_profile("tight").await;
        let email = Api::fresh_email();
        for path in ["password/forgot", "email/resend"] {
            assert_eq!(api.post(&format!("/api/v1/auth/{path}"), &json!({ "email": email })).await.status, 202);
        }
        for (path, body) in [
            ("password/forgot", json!({ "email": email })),
            ("password/reset", json!({ "token": "x", "new_password": "canary-Passw0rd-8" })),
            ("email/verify", json!({ "token": "x" })),
            ("email/resend", json!({ "email": email })),
            ("email/restore", json!({ "token": "x" })),
        ] {
            let (status, body) = api.post(&format!("/api/v1/auth/{path}"), &body).await.json().await;
            assert_eq!((status, &body["code"]), (429, &json!("rate_limited")), "{path}");
        }
        assert_eq!(login(&api, &email, PASSWORD).await.status, 401);
    }
}
