//! Accounts whose time has come: what takes a clock or a look into the store. In process, where a test can change a row.

use std::sync::Arc;

use ports::{Database as _, Statement};
use serde_json::{Value, json};
use testkit::Faulty;
use tests::{Answer, Api, PASSWORD, User, authenticator::Protected, settings::ADMIN_PASSWORD, token_in};

const FIRST: &str = "the-first@example.com";
const KEYS: &str = "/api/v1/auth/api-keys";
const USERS: &str = "/api/v1/admin/users";

async fn api() -> (Api, Arc<Faulty>) {
    let (api, _, database) = Api::two(&[("LITTORAL_ADMIN_EMAIL", FIRST)]).await;
    (api, database)
}

async fn set(database: &Faulty, sql: &'static str) {
    database.run(Statement::new(sql, [])).await.expect("a change of the store");
}

async fn refused(answer: Answer, status: u16, code: &str) {
    let (found, body) = answer.json().await;
    assert_eq!((found, &body["code"]), (status, &json!(code)), "{body}");
}

async fn role(user: &User) -> Value {
    user.get("/api/v1/auth/me").await.json().await.1["role"].clone()
}

async fn register(api: &Api, email: &str) {
    let answer = api.post("/api/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(answer.status, 201);
}

async fn login(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
}

#[tokio::test]
async fn the_settings_make_the_first_admin_once() {
    let (api, _) = api().await;
    refused(login(&api, FIRST, "another-Passw0rd-9").await, 401, "invalid_credentials").await;
    refused(login(&api, "somebody@example.com", ADMIN_PASSWORD).await, 401, "invalid_credentials").await;
    let first = api.sign_in(FIRST, ADMIN_PASSWORD).await;
    let me = first.get("/api/v1/auth/me").await.json().await.1;
    assert_eq!((&me["role"], &me["email_verified"]), (&json!("admin"), &json!(true)));
    let id = first.id().await;
    assert_eq!(api.sign_in(FIRST, ADMIN_PASSWORD).await.id().await, id);
    let found = first.get(&format!("{USERS}?role=admin")).await.json().await.1;
    assert_eq!(found["users"].as_array().unwrap().len(), 1, "{found}");
}

#[tokio::test]
async fn of_many_who_come_first_at_once_one_account_is_made() {
    let (api, _) = api().await;
    let all = futures_util::future::join_all((0..5).map(|_| api.sign_in(FIRST, ADMIN_PASSWORD))).await;
    let mut ids = std::collections::BTreeSet::new();
    for one in &all {
        assert_eq!(role(one).await, "admin");
        ids.insert(one.id().await);
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn an_address_that_nobody_proved_makes_no_admin() {
    let (api, _) = api().await;
    register(&api, FIRST).await;
    assert_eq!(role(&api.sign_in(FIRST, PASSWORD).await).await, "user");
    // The password of the settings takes no account over.
    refused(login(&api, FIRST, ADMIN_PASSWORD).await, 401, "invalid_credentials").await;
    assert_eq!(role(&api.sign_in(FIRST, PASSWORD).await).await, "user");
}

#[tokio::test]
async fn a_proved_address_makes_the_first_admin_and_no_other() {
    let (api, database) = api().await;
    register(&api, FIRST).await;
    let before = api.sign_in(FIRST, PASSWORD).await;
    set(&database, "UPDATE users SET email_verified_at = 1").await;
    let first = api.sign_in(FIRST, PASSWORD).await;
    assert_eq!(role(&first).await, "admin");
    assert_eq!(role(&before.refreshed().await).await, "admin");

    // While there is an admin the settings count for nothing.
    let second =
        json!({ "email": "second@example.com", "password": PASSWORD, "role": "admin", "email_verified": true });
    assert_eq!(first.post(USERS, &second).await.status, 201);
    let second = api.sign_in("second@example.com", PASSWORD).await;
    let path = format!("{USERS}/{}", first.id().await);
    assert_eq!(second.patch(&path, &json!({ "role": "user" })).await.status, 200);
    assert_eq!(role(&api.sign_in(FIRST, PASSWORD).await).await, "user");
    assert_eq!(second.delete(&path).await.status, 204);
    refused(login(&api, FIRST, ADMIN_PASSWORD).await, 401, "invalid_credentials").await;
}

#[tokio::test]
async fn a_key_ends_when_its_time_has_come() {
    let (api, database) = api().await;
    let user = api.user().await;
    let (_, made) = user.post(KEYS, &json!({ "name": "x", "expires_in_days": 1 })).await.json().await;
    let key = User { tokens: json!({ "access_token": made["key"] }), ..user.clone() };
    assert_eq!(key.get("/api/v1/chat/conversations").await.status, 200);
    set(&database, "UPDATE api_keys SET expires_at = created_at").await;
    refused(key.get("/api/v1/chat/conversations").await, 401, "api_key_expired").await;
}

#[tokio::test]
async fn a_use_is_noted_at_most_once_a_minute() {
    let (api, database) = api().await;
    let key = api.user().await.with_key(&["chat"]).await;
    let noted = async || {
        let read = Statement::new("SELECT coalesce(max(last_used_at), 0) AS at FROM api_keys", []);
        database.run(read).await.unwrap().rows[0].integer(0).unwrap()
    };
    let used = async || {
        assert_eq!(key.get("/api/v1/chat/conversations").await.status, 200);
        // Tasks beside the request have run when this one has its turn again.
        tokio::task::yield_now().await;
    };
    set(&database, "UPDATE api_keys SET last_used_at = created_at - 59000").await;
    let before = noted().await;
    used().await;
    assert_eq!(noted().await, before);
    set(&database, "UPDATE api_keys SET last_used_at = created_at - 60000").await;
    let before = noted().await;
    while noted().await == before {
        used().await;
    }
}

#[tokio::test]
async fn keys_and_admins_are_made_by_who_proved_to_be_there_lately() {
    let (api, database) = api().await;
    let first = api.sign_in(FIRST, ADMIN_PASSWORD).await;
    let id = api.user().await.id().await;
    set(&database, "UPDATE sessions SET authenticated_at = authenticated_at - 601000").await;
    let first = first.refreshed().await;
    refused(first.post(KEYS, &json!({ "name": "x" })).await, 403, "step_up_required").await;
    let admin = json!({ "email": "x@example.com", "role": "admin", "email_verified": true });
    refused(first.post(USERS, &admin).await, 403, "step_up_required").await;
    let path = format!("{USERS}/{id}");
    let role = json!({ "role": "admin", "email_verified": true });
    refused(first.patch(&path, &role).await, 403, "step_up_required").await;
    refused(first.delete(&path).await, 403, "step_up_required").await;
    // What harms little asks for less.
    assert_eq!(first.patch(&path, &json!({ "standing": "suspended" })).await.status, 200);
}

#[tokio::test]
async fn a_reset_takes_the_factor_of_who_proved_no_address_and_tells() {
    let (api, database) = api().await;
    let protected = Protected::new(&api).await;
    // As if it came from before addresses had to be proved.
    let email = protected.user.email.clone();
    let sql = "UPDATE users SET email_verified_at = NULL WHERE email = ?1";
    database.run(Statement::new(sql, [email.as_str().into()])).await.expect("a change of the store");
    assert_eq!(api.post("/api/v1/auth/password/forgot", &json!({ "email": email })).await.status, 202);
    let token = token_in(&api.provider.mail_about(&email, "Reset your").await);
    let body = json!({ "token": token, "new_password": "canary-Passw0rd-8" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &body).await.status, 204);
    let user = api.sign_in(&email, "canary-Passw0rd-8").await;
    let (_, events) = user.get("/api/v1/auth/events").await.json().await;
    let told = events["events"].as_array().unwrap().iter().filter(|event| event["action"] == "second_factor_removed");
    assert_eq!(told.count(), 1, "{events}");
    while !api.provider.mail_about(&email, "two-step").await["text"].to_string().contains("factor was removed") {}
}

#[tokio::test]
async fn a_reset_unlinks_what_was_linked_before_the_address_was_proved() {
    let (api, database) = api().await;
    let user = api.verified_user().await;
    // From a time when linking wanted no proved address; and afterwards.
    set(
        &database,
        "INSERT INTO identities (provider, subject, user_id, created_at, last_used_at)
         SELECT 'before', id, id, email_verified_at - 1, 0 FROM users",
    )
    .await;
    set(
        &database,
        "INSERT INTO identities (provider, subject, user_id, created_at, last_used_at)
         SELECT 'after', id, id, email_verified_at, 0 FROM users",
    )
    .await;
    api.post("/api/v1/auth/password/forgot", &json!({ "email": user.email })).await;
    let token = token_in(&api.provider.mail_about(&user.email, "Reset your password").await);
    let body = json!({ "token": token, "new_password": "canary-Passw0rd-8" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &body).await.status, 204);
    let user = api.sign_in(&user.email, "canary-Passw0rd-8").await;
    let (_, list) = user.get("/api/v1/auth/identities").await.json().await;
    let left: Vec<_> = list["identities"].as_array().unwrap().iter().map(|one| one["provider"].clone()).collect();
    assert_eq!(left, ["after"]);
    let (_, told) = user.get("/api/v1/auth/events").await.json().await;
    let unlinked = told["events"].as_array().unwrap().iter().filter(|event| event["action"] == "identity_unlinked");
    assert_eq!(unlinked.count(), 1, "{told}");
}

#[tokio::test]
async fn a_change_is_one_write_and_its_limit_is_none() {
    let (api, database) = api().await;
    register(&api, "ada@example.com").await;
    let user = api.sign_in("ada@example.com", PASSWORD).await;
    api.settle().await;
    let before = database.writes();
    for name in ["Ada", "Augusta", "Ada"] {
        assert_eq!(user.patch("/api/v1/users/me", &json!({ "first_name": name })).await.status, 200);
    }
    assert_eq!(database.writes() - before, 3);
}
