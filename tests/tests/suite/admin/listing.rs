//! Lists and views.

use http::Method;
use serde_json::{Value, json};
use tests::{Api, PASSWORD, User};

use super::{NOBODY, USERS, change, refused, view};

async fn emails(admin: &User, query: &str) -> (Vec<String>, Value) {
    let (status, body) = admin.get(&format!("{USERS}?{query}")).await.json().await;
    assert_eq!(status, 200, "{query}: {body}");
    let users = body["users"].as_array().unwrap().iter();
    (users.map(|user| user["email"].as_str().unwrap_or_default().to_owned()).collect(), body)
}

async fn register(api: &Api, email: &str) {
    let answer = api.post("/api/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(answer.status, 201);
}

/// A word that no other address has.
fn marker() -> String {
    Api::fresh_email().replace("@example.com", "")
}

#[tokio::test]
async fn a_list_goes_on_where_it_stopped_whoever_registers_meanwhile() {
    let api = Api::start().await;
    let (admin, marker) = (api.admin().await, marker());
    let address = |number: u32| format!("{marker}-{number}@example.com");
    for number in 1..=3 {
        register(&api, &address(number)).await;
    }
    let (first, body) = emails(&admin, &format!("query={marker}&limit=2")).await;
    assert_eq!((first, &body["has_more"]), (vec![address(3), address(2)], &json!(true)));
    register(&api, &address(4)).await;
    let cursor = body["next_cursor"].as_str().unwrap();
    let (second, body) = emails(&admin, &format!("query={marker}&limit=2&cursor={cursor}")).await;
    assert_eq!(second, [address(1)]);
    assert_eq!((&body["has_more"], &body["next_cursor"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn accounts_are_found_by_a_part_of_the_address_an_id_a_role_and_a_standing() {
    let api = Api::start().await;
    let (admin, marker) = (api.admin().await, marker());
    let email = format!("{marker}-x@example.com");
    register(&api, &email).await;
    let id = emails(&admin, &format!("query={marker}")).await.1["users"][0]["user_id"].as_str().unwrap().to_owned();
    let upper = marker.to_uppercase();
    for query in [
        format!("query={email}"),
        format!("query={upper}"),
        format!("query={}", &marker[5..]),
        format!("query={id}"),
        format!("query={marker}&role=user"),
        format!("query={marker}&standing=active"),
    ] {
        assert_eq!(emails(&admin, &query).await.0, [email.as_str()], "{query}");
    }
    for query in [
        format!("query={marker}&role=admin"),
        format!("query={marker}&standing=suspended"),
        format!("query={marker}%25"),
        format!("query={NOBODY}"),
    ] {
        assert_eq!(emails(&admin, &query).await.0, [""; 0], "{query}");
    }
    change(&admin, &id, &json!({ "standing": "suspended" })).await;
    assert_eq!(emails(&admin, &format!("query={marker}&standing=active")).await.0, [""; 0]);
    assert_eq!(emails(&admin, &format!("query={marker}")).await.0, [email.as_str()]);
}

#[tokio::test]
async fn wrong_parameters_are_named_and_nothing_echoed() {
    let api = Api::start().await;
    let admin = api.admin().await;
    let long = "a".repeat(300);
    for (path, pointer) in [
        (format!("{USERS}?role=canary"), "?role"),
        (format!("{USERS}?standing=canary"), "?standing"),
        (format!("{USERS}?limit=canary"), "?limit"),
        (format!("{USERS}?cursor=canary"), "?cursor"),
        (format!("{USERS}?query={long}"), "?query"),
        (format!("{USERS}?query=a%00"), "?query"),
        ("/api/v1/admin/audit?user=canary".into(), "?user"),
        (format!("/api/v1/admin/audit?action={long}"), "?action"),
        ("/api/v1/admin/audit?cursor=canary".into(), "?cursor"),
    ] {
        let body = refused(admin.get(&path).await, 422, "validation_failed").await;
        assert_eq!(body["errors"][0]["pointer"], pointer, "{path}");
        assert!(!body.to_string().contains("canary"), "{path}: {body}");
    }
}

#[tokio::test]
async fn parameters_that_are_not_known_are_refused_and_no_value_is_repeated() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = user.id().await;
    let users = "There are: `query`, `role`, `standing`, `limit`, `cursor`.";
    for (path, pointer, known) in [
        (format!("{USERS}?q=canary"), "?q", users),
        (format!("{USERS}?canary@example.com"), "?", users),
        (format!("{USERS}?query={id}&user=1"), "?user", users),
        (format!("{USERS}?Role=admin"), "?Role", users),
        ("/api/v1/admin/audit?user_id=canary".into(), "?user_id", "There are: `user`, `action`, `limit`, `cursor`."),
        (super::path(&format!("{id}?verbose=canary")), "?verbose", "This operation has none."),
    ] {
        let body = refused(admin.get(&path).await, 422, "validation_failed").await;
        let detail = format!("This parameter is not known. {known}");
        assert_eq!(body["errors"], json!([{ "pointer": pointer, "detail": detail }]), "{path}");
        assert!(!body.to_string().contains("canary"), "{path}: {body}");
    }
    // What a script takes for a rehearsal is none, and does nothing.
    let factors = (Method::DELETE, format!("{}/factors", super::path(&id)), None);
    for (method, path, body) in super::operations(&id).into_iter().chain([factors]) {
        refused(admin.send(method, &format!("{path}?dry_run=1"), &[], body.as_ref()).await, 422, "validation_failed")
            .await;
    }
    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);
    for harmless in [format!("{USERS}?"), format!("{USERS}?&"), format!("{USERS}?query={id}&role=")] {
        assert_eq!(admin.get(&harmless).await.status, 200, "{harmless}");
    }
}

#[tokio::test]
async fn an_account_shows_what_it_is_and_no_secret() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    api.sign_in(&user.email, PASSWORD).await;
    user.with_key(&["chat"]).await;
    let me = user.get("/api/v1/auth/me").await.json().await.1;
    let seen = view(&admin, me["user_id"].as_str().unwrap()).await;
    for (name, expected) in [
        ("id", me["id"].clone()),
        ("user_id", me["user_id"].clone()),
        ("email", json!(user.email)),
        ("email_verified", json!(false)),
        ("role", json!("user")),
        ("standing", json!("active")),
        ("has_password", json!(true)),
        ("must_change_password", json!(false)),
        ("sessions", json!(2)),
        ("api_keys", json!(1)),
        ("identities", json!([])),
        ("created_at", me["created_at"].clone()),
    ] {
        assert_eq!(seen[name], expected, "{name}");
    }
    let times = ["created_at", "last_sign_in_at", "last_seen_at"].map(|name| seen[name].as_str().unwrap());
    assert!(times[0] <= times[1] && times[1] <= times[2], "{seen}");
    assert_eq!(seen.as_object().unwrap().len(), 14, "{seen}");
    assert!(!seen.to_string().contains("argon2"), "{seen}");
}

#[tokio::test]
async fn what_is_no_account_is_not_found() {
    let api = Api::start().await;
    let admin = api.admin().await;
    for id in [NOBODY, "x", "%00", "0"] {
        refused(admin.get(&super::path(id)).await, 404, "not_found").await;
        for (method, path, body) in super::operations(id) {
            refused(admin.send(method, &path, &[], body.as_ref()).await, 404, "not_found").await;
        }
    }
}
