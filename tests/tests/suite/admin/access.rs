//! Who gets in: admins, and nobody else by any credential.

use http::Method;
use serde_json::json;
use tests::{Api, User};

use super::{USERS, change, refused, view};

/// Calls every operation under `/api/v1/admin` about an account and expects 403; those that it `may` are left out.
async fn shut_out(user: &User, id: &str, may: &[&str]) {
    let mut tried = 0;
    for route in gateway::routes().into_iter().filter(|route| route.path.starts_with("/api/v1/admin/")) {
        let name = format!("{} {}", route.method, route.path);
        if may.contains(&name.as_str()) {
            continue;
        }
        tried += 1;
        let body = (route.method != Method::GET).then(|| json!({ "standing": "suspended", "email": "x@example.com" }));
        let answer = user
            .send(route.method, &route.path.replace("{id}", id).replace("{message_id}", id), &[], body.as_ref())
            .await;
        let body = refused(answer, 403, "permission_denied").await;
        assert!(!body.to_string().contains(&user.email), "{name}: {body}");
    }
    assert!(tried + may.len() >= 8, "the list of routes is too short: {tried}");
}

#[tokio::test]
async fn nobody_but_an_admin_gets_in() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = api.user().await.id().await;
    shut_out(&user, &id, &[]).await;
    shut_out(&user.with_key(&["chat", "account:read"]).await, &id, &[]).await;
    shut_out(&admin.with_key(&["chat", "account:read"]).await, &id, &[]).await;
    let (status, tokens) = api.post("/api/v1/auth/guest", &json!({})).await.json().await;
    assert_eq!(status, 201, "{tokens}");
    shut_out(&User { api: api.clone(), email: "guest:".into(), tokens }, &id, &[]).await;
    let seen = view(&admin, &id).await;
    assert_eq!((&seen["standing"], &seen["sessions"]), (&json!("active"), &json!(1)), "{seen}");
}

#[tokio::test]
async fn an_admins_key_reads_what_its_scopes_say_and_changes_nothing() {
    let api = Api::start().await;
    let (admin, id) = (api.admin().await, api.user().await.id().await);
    let users = ["GET /api/v1/admin/users", "GET /api/v1/admin/users/{id}"];
    let reader = admin.with_key(&["users:read"]).await;
    shut_out(&reader, &id, &users).await;
    assert_eq!(view(&reader, &id).await["user_id"], json!(id));
    assert_eq!(reader.get(USERS).await.status, 200);
    let auditor = admin.with_key(&["audit:read"]).await;
    shut_out(&auditor, &id, &["GET /api/v1/admin/audit"]).await;
    assert_eq!(auditor.get("/api/v1/admin/audit").await.status, 200);
}

#[tokio::test]
async fn who_is_no_admin_any_more_is_out_with_every_credential() {
    let api = Api::start().await;
    let (admin, other) = (api.admin().await, api.admin().await);
    let (id, key) = (other.id().await, other.with_key(&["users:read"]).await);
    assert_eq!(other.get(USERS).await.status, 200);
    assert_eq!(key.get(USERS).await.status, 200);
    change(&admin, &id, &json!({ "role": "user" })).await;
    refused(other.get(USERS).await, 401, "token_outdated").await;
    refused(key.get(USERS).await, 403, "permission_denied").await;
    let user = other.refreshed().await;
    refused(user.get(USERS).await, 403, "permission_denied").await;
    assert_eq!(user.get("/api/v1/auth/me").await.json().await.1["role"], "user");
}
