//! Roles, suspending, deleting, ending sessions, demanding another password.

use futures_util::future::join;
use serde_json::json;
use tests::{
    Api, PASSWORD, User,
    authenticator::{Protected, factors},
    settings::ADMIN_PASSWORD,
};

use super::{USERS, change, login, operations, path, refused, view};

const LIST: &str = "/api/v1/chat/conversations";

#[tokio::test]
async fn suspending_ends_everything_at_once_and_restoring_lets_in_again() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let (id, key) = (user.id().await, user.with_key(&["chat"]).await);
    let seen = change(&admin, &id, &json!({ "standing": "suspended" })).await;
    assert_eq!((&seen["standing"], &seen["sessions"]), (&json!("suspended"), &json!(0)));

    refused(user.get(LIST).await, 401, "session_ended").await;
    refused(key.get(LIST).await, 403, "account_suspended").await;
    refused(login(&api, &user.email).await, 403, "account_suspended").await;
    let refresh = json!({ "refresh_token": user.tokens["refresh_token"] });
    refused(api.post("/api/v1/auth/refresh", &refresh).await, 401, "invalid_refresh_token").await;
    let wrong = json!({ "email": user.email, "password": "another-Passw0rd-9" });
    refused(api.post("/api/v1/auth/login", &wrong).await, 401, "invalid_credentials").await;

    assert_eq!(change(&admin, &id, &json!({ "standing": "active" })).await["standing"], "active");
    assert_eq!(key.get(LIST).await.status, 200);
    assert_eq!(api.sign_in(&user.email, PASSWORD).await.get(LIST).await.status, 200);
    refused(user.get(LIST).await, 401, "session_ended").await;
}

#[tokio::test]
async fn a_password_that_must_be_changed_no_longer_signs_in() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = user.id().await;
    let seen = change(&admin, &id, &json!({ "must_change_password": true })).await;
    assert_eq!((&seen["must_change_password"], &seen["sessions"]), (&json!(true), &json!(0)));
    refused(user.get(LIST).await, 401, "session_ended").await;
    refused(login(&api, &user.email).await, 403, "password_change_required").await;
    // Who does not know the password does not hear of it.
    let wrong = json!({ "email": user.email, "password": "another-Passw0rd-9" });
    refused(api.post("/api/v1/auth/login", &wrong).await, 401, "invalid_credentials").await;
    change(&admin, &id, &json!({ "must_change_password": false })).await;
    assert_eq!(login(&api, &user.email).await.status, 200);
}

#[tokio::test]
async fn who_has_lost_the_second_factor_gets_in_again_by_an_admin() {
    let api = Api::start().await;
    let (admin, protected) = (api.admin().await, Protected::new(&api).await);
    let path = format!("{}/factors", path(&protected.user.id().await));
    let trust = json!({ "recovery_code": protected.codes[0], "trust_device": true });
    assert!(protected.sign_in(&trust).await["trusted_device_token"].is_string());
    refused(protected.user.delete(&path).await, 403, "permission_denied").await;
    assert_eq!(admin.delete(&path).await.json().await, (200, json!({ "ended": 1 })));
    let left = factors(&protected.user).await;
    assert_eq!(left, json!({ "factors": [], "recovery_codes_left": 0, "trusted_devices": 0 }));
    let tokens = login(&api, &protected.user.email).await.json().await.1;
    assert!(tokens["access_token"].is_string(), "{tokens}");
    let mut mails = String::new();
    for _ in 0..3 {
        mails.push_str(api.provider.mail_about(&protected.user.email, "two-step").await["text"].as_str().unwrap());
    }
    assert!(mails.contains("an admin removed your second factor"), "{mails}");
    // Once more there is nothing to do and nothing to tell.
    assert_eq!(admin.delete(&path).await.json().await, (200, json!({ "ended": 0 })));
    let (_, events) = protected.user.get("/api/v1/auth/events").await.json().await;
    let told = |event: &&serde_json::Value| event["action"] == "second_factor_removed";
    let told: Vec<_> = events["events"].as_array().unwrap().iter().filter(told).collect();
    assert_eq!(told.len(), 1, "{events}");
}

#[tokio::test]
async fn who_becomes_an_admin_must_have_a_proved_address_and_is_one_from_the_next_refresh() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = user.id().await;
    refused(admin.patch(&path(&id), &json!({ "role": "admin" })).await, 409, "email_not_verified").await;
    refused(user.get(USERS).await, 403, "permission_denied").await;
    let seen = change(&admin, &id, &json!({ "role": "admin", "email_verified": true })).await;
    assert_eq!((&seen["role"], &seen["email_verified"]), (&json!("admin"), &json!(true)));
    refused(user.get(USERS).await, 401, "token_outdated").await;
    assert_eq!(user.refreshed().await.get(USERS).await.status, 200);
}

#[tokio::test]
async fn nobody_changes_their_own_account_here() {
    let api = Api::start().await;
    let admin = api.admin().await;
    let id = admin.id().await;
    for (method, path, body) in operations(&id) {
        refused(admin.send(method, &path, &[], body.as_ref()).await, 409, "own_account").await;
    }
    refused(admin.patch(&path(&id), &json!({ "role": "user" })).await, 409, "own_account").await;
    assert_eq!(view(&admin, &id).await["role"], "admin");
}

#[tokio::test]
async fn of_two_admins_who_undo_each_other_at_once_one_stays_where_there_is_no_third() {
    for wish in [Some(json!({ "role": "user" })), Some(json!({ "standing": "suspended" })), None] {
        let Some(api) = Api::with_settings(&[("LITTORAL_ADMIN_EMAIL", "one@example.com")]).await else {
            return println!("not here: a running host has other admins");
        };
        let one = api.sign_in("one@example.com", ADMIN_PASSWORD).await;
        let account =
            json!({ "email": "two@example.com", "password": PASSWORD, "role": "admin", "email_verified": true });
        assert_eq!(one.post(USERS, &account).await.status, 201);
        let two = api.sign_in("two@example.com", PASSWORD).await;
        let (first, second) = (path(&one.id().await), path(&two.id().await));
        let undo = async |admin: &User, path: &str| match &wish {
            Some(wish) => admin.patch(path, wish).await.status.as_u16(),
            None => admin.delete(path).await.status.as_u16(),
        };
        let (a, b) = join(undo(&one, &second), undo(&two, &first)).await;
        // The later one met a guard that leaves an admin, or came with a token that was worth nothing any more.
        let (winner, later) = if a < 300 { (&one, b) } else { (&two, a) };
        assert!(a.min(b) < 300 && [401, 409].contains(&later), "{wish:?}: {a} {b}");
        assert_eq!(winner.get(USERS).await.status, 200, "{wish:?}");
    }
}

#[tokio::test]
async fn a_deleted_account_is_gone_for_everybody_but_the_list_of_deleted_ones() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let (id, key) = (user.id().await, user.with_key(&["chat"]).await);
    let answer = admin.delete(&path(&id)).await;
    assert_eq!(answer.status, 204);
    assert!(answer.bytes().await.is_empty());
    refused(user.get(LIST).await, 401, "session_ended").await;
    refused(key.get(LIST).await, 401, "invalid_api_key").await;
    refused(login(&api, &user.email).await, 401, "invalid_credentials").await;
    for (method, path, body) in operations(&id) {
        refused(admin.send(method, &path, &[], body.as_ref()).await, 404, "not_found").await;
    }
    let listed = async |query: &str| {
        let (_, body) = admin.get(&format!("{USERS}?query={id}{query}")).await.json().await;
        body["users"].as_array().unwrap().len()
    };
    assert_eq!((listed("").await, listed("&standing=active").await, listed("&standing=deleted").await), (0, 0, 1));
    let left = view(&admin, &id).await;
    assert_eq!(
        (&left["standing"], &left["email"], &left["has_password"]),
        (&json!("deleted"), &json!(null), &json!(false))
    );
    // The address is free.
    let again = json!({ "email": user.email, "password": PASSWORD });
    assert_eq!(api.post("/api/v1/auth/register", &again).await.status, 201);
}

#[tokio::test]
async fn sessions_and_keys_end_apart_from_each_other() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let (id, other, key) = (user.id().await, api.sign_in(&user.email, PASSWORD).await, user.with_key(&["chat"]).await);
    let end = async |what: &str| admin.delete(&format!("{}/{what}", path(&id))).await.json().await;
    assert_eq!(end("sessions").await, (200, json!({ "ended": 2 })));
    for session in [&user, &other] {
        refused(session.get(LIST).await, 401, "session_ended").await;
    }
    assert_eq!(key.get(LIST).await.status, 200);
    assert_eq!(end("api-keys").await, (200, json!({ "ended": 1 })));
    refused(key.get(LIST).await, 401, "invalid_api_key").await;
    assert_eq!(end("sessions").await, (200, json!({ "ended": 0 })));
    assert_eq!(login(&api, &user.email).await.status, 200);
}

#[tokio::test]
async fn what_is_so_already_changes_nothing_and_wrong_fields_are_named() {
    let api = Api::start().await;
    let (admin, user) = (api.admin().await, api.user().await);
    let id = user.id().await;
    for same in [json!({}), json!({ "role": "user", "standing": "active", "must_change_password": false })] {
        change(&admin, &id, &same).await;
    }
    assert_eq!(user.get(LIST).await.status, 200);
    let wrong = json!({ "role": "root", "standing": "deleted", "email_verified": false, "must_change_password": 1 });
    let refusal = refused(admin.patch(&path(&id), &wrong).await, 422, "validation_failed").await;
    let mut pointers: Vec<_> =
        refusal["errors"].as_array().unwrap().iter().map(|entry| entry["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/email_verified", "/must_change_password", "/role", "/standing"]);
}
