//! The audit log as admins read it.

use http::Method;
use serde_json::{Value, json};
use tests::{
    Api, PASSWORD, User,
    authenticator::{Protected, answer},
};

use super::{USERS, change, login, path};

const AUDIT: &str = "/api/v1/admin/audit";

async fn events(admin: &User, query: &str) -> (Vec<Value>, Value) {
    let (status, body) = admin.get(&format!("{AUDIT}?{query}")).await.json().await;
    assert_eq!(status, 200, "{query}: {body}");
    (body["events"].as_array().unwrap().clone(), body)
}

#[tokio::test]
async fn everything_that_an_admin_does_is_told_with_who_did_it() {
    let api = Api::start().await;
    let (admin, email) = (api.admin().await, Api::fresh_email());
    let (_, made) = admin.post(USERS, &json!({ "email": email, "password": PASSWORD })).await.json().await;
    let id = made["user_id"].as_str().unwrap();
    for wish in [
        json!({ "role": "admin", "email_verified": true }),
        json!({ "role": "user" }),
        json!({ "standing": "suspended" }),
        json!({ "standing": "active", "must_change_password": true }),
        json!({ "must_change_password": false }),
        // Nothing happens, so nothing is told.
        json!({ "must_change_password": false }),
    ] {
        change(&admin, id, &wish).await;
    }
    let user = api.sign_in(&email, PASSWORD).await;
    user.with_key(&["chat"]).await;
    // The second time there is nothing to end.
    for what in ["/sessions", "/api-keys", "/sessions", "/api-keys"] {
        assert_eq!(admin.delete(&format!("{}{what}", path(id))).await.status, 200);
    }

    let (mut found, _) = events(&admin, &format!("user={id}&limit=100")).await;
    found.retain(|event| !["signed_in", "api_key_created"].contains(&event["action"].as_str().unwrap()));
    let mut told: Vec<_> =
        found.iter().map(|event| (event["action"].as_str().unwrap(), event["detail"].as_str())).collect();
    // Of two events in one millisecond either may be the later one.
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("account_created", Some("user")),
            ("api_keys_revoked", None),
            ("email_verified", None),
            ("password_change_demanded", None),
            ("password_change_waived", None),
            ("restored", None),
            ("role_changed", Some("admin")),
            ("role_changed", Some("user")),
            ("sessions_ended", None),
            ("suspended", None),
        ]
    );
    let actor = json!(admin.id().await);
    for event in &found {
        assert_eq!((&event["actor_id"], &event["user_id"], &event["outcome"]), (&actor, &json!(id), &json!("success")));
    }
    assert!(!found.iter().any(|event| event.to_string().contains(&email)), "{found:?}");

    // Erasing begins at once, and with it the events become nobody's; who deleted the account stays known.
    assert_eq!(admin.delete(&path(id)).await.status, 204);
    let (found, _) = events(&admin, "action=account_deleted&limit=100").await;
    assert!(found.iter().any(|event| event["actor_id"] == actor && event["outcome"] == "success"), "{found:?}");
}

#[tokio::test]
async fn users_hear_what_an_admin_did_and_not_from_where() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let headers = [("x-device-name", "canary-of-an-admin"), ("user-agent", "canary-of-an-admin")];
    let wish = json!({ "email_verified": true });
    let answer = admin.send(Method::PATCH, &path(&user.id().await), &headers, Some(&wish)).await;
    assert_eq!(answer.status, 200);
    let (status, body) = user.refreshed().await.get("/api/v1/auth/events").await.json().await;
    assert_eq!(status, 200, "{body}");
    let text = body.to_string();
    assert!(text.contains("email_verified") && !text.contains("canary") && !text.contains(&admin.id().await), "{text}");
}

#[tokio::test]
async fn refused_changes_are_not_told() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = user.id().await;
    assert_eq!(admin.patch(&path(&id), &json!({ "role": "admin" })).await.status, 409);
    let (found, _) = events(&admin, &format!("user={id}")).await;
    let by_admin: Vec<_> = found.iter().filter(|event| !event["actor_id"].is_null()).collect();
    assert!(by_admin.is_empty(), "{by_admin:?}");
}

#[tokio::test]
async fn the_log_is_read_by_user_by_action_and_page_by_page() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = user.id().await;
    for standing in ["suspended", "active", "suspended"] {
        change(&admin, &id, &json!({ "standing": standing })).await;
    }
    let (found, _) = events(&admin, &format!("user={id}&action=suspended")).await;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|event| event["action"] == "suspended" && event["user_id"] == json!(id)), "{found:?}");
    assert_eq!(events(&admin, &format!("user={id}&action=nothing")).await.0, [Value::Null; 0]);
    assert!(events(&admin, "action=suspended&limit=100").await.0.iter().any(|event| event["user_id"] == json!(id)));

    let all: Vec<_> = events(&admin, &format!("user={id}")).await.0.iter().map(|event| event["id"].clone()).collect();
    let (mut read, mut query) = (Vec::new(), format!("user={id}&limit=1"));
    loop {
        let (page, body) = events(&admin, &query).await;
        assert_eq!(page.len(), 1);
        read.push(page[0]["id"].clone());
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        query = format!("user={id}&limit=1&cursor={cursor}");
    }
    assert!(read == all && read.len() >= 4, "{read:?} {all:?}");
}

#[tokio::test]
async fn a_right_password_that_opens_nothing_is_told_with_the_reason() {
    let api = Api::start().await;
    let (admin, protected) = (api.admin().await, Protected::new(&api).await);
    let id = protected.user.id().await;
    let challenge = protected.challenge().await;
    for wish in [json!({ "must_change_password": true }), json!({ "standing": "suspended" })] {
        change(&admin, &id, &wish).await;
        assert_eq!(login(&api, &protected.user.email).await.status, 403, "{wish}");
    }
    let proof = json!({ "code": protected.app.next() });
    assert_eq!(answer(&api, &challenge, &proof).await.status, 403);

    let (found, _) = events(&admin, &format!("user={id}&action=signed_in")).await;
    let mut told: Vec<_> =
        found.iter().map(|event| (event["outcome"].as_str().unwrap(), event["detail"].as_str().unwrap())).collect();
    told.sort_unstable();
    let failed = |why| ("failure", why);
    assert_eq!(
        told,
        [failed("account_suspended"), failed("account_suspended"), failed("password_change_required")],
        "{found:?}"
    );
}
