//! Guests: accounts of a device, their limits, and how one becomes a user's.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Answer, Api, User};

use super::{PASSWORD, SOME_ID, check_tokens, login, refresh::refresh, refused};

const OUTDATED: &str = "This access token is outdated. Refresh and try again.";

async fn guest(api: &Api) -> User {
    let answer = api.send(Method::POST, "/api/v1/auth/guest", &[], Vec::new()).await;
    let (status, tokens) = answer.json().await;
    assert_eq!(status, 201, "{tokens}");
    check_tokens(&tokens);
    User { api: api.clone(), email: String::new(), tokens }
}

async fn me(user: &User) -> Value {
    user.get("/api/v1/auth/me").await.json().await.1
}

async fn upgrade(user: &User, email: &str) -> Answer {
    user.post("/api/v1/auth/guest/upgrade", &json!({ "email": email, "password": PASSWORD })).await
}

/// The same user with other tokens.
async fn going_on(user: &User, answer: Answer) -> User {
    let (status, tokens) = answer.json().await;
    assert_eq!(status, 200, "{tokens}");
    check_tokens(&tokens);
    User { tokens, ..user.clone() }
}

async fn say(user: &User, conversation: &str) -> u16 {
    let body = json!({ "content": "Hello", "model": "littoral-offline" });
    user.post(&format!("/api/v1/chat/conversations/{conversation}/messages"), &body).await.status.as_u16()
}

#[tokio::test]
async fn a_guest_has_an_account_and_nothing_to_sign_in_with() {
    let api = Api::start().await;
    let (one, two) = (guest(&api).await, guest(&api).await);
    let me_one = me(&one).await;
    assert_eq!((&me_one["role"], &me_one["email"]), (&json!("guest"), &Value::Null));
    assert_eq!(me_one["email_verified"], false);
    let id = me_one["user_id"].as_str().unwrap();
    assert_ne!(json!(id), me(&two).await["user_id"]);
    for email in [format!("guest:{id}"), id.to_owned(), "guest".into()] {
        for password in ["x", "guest", PASSWORD] {
            assert_eq!(login(&api, &email, password).await.status, 401, "{email}");
        }
    }
    let tokens = going_on(&one, refresh(&api, one.tokens["refresh_token"].as_str().unwrap()).await).await;
    assert_eq!(me(&tokens).await, me_one);
}

#[tokio::test]
async fn a_guest_sends_fewer_messages_and_a_user_who_was_one_starts_afresh() {
    let api = Api::start().await;
    let user = guest(&api).await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Hi"])).await;
    for _ in 0..2 {
        assert_eq!(say(&user, &conversation).await, 200);
        let body = json!({ "prompt": "Hello", "model": model });
        assert_eq!(user.post("/api/v1/ai/complete", &body).await.status, 200);
    }
    assert_eq!(say(&user, &conversation).await, 429);
    let answer = user.post("/api/v1/ai/complete", &json!({ "prompt": "Hello", "model": model })).await;
    let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=900).contains(&wait), "{wait}");
    assert_eq!(answer.json().await.1["code"], "rate_limited");
    assert_eq!(api.provider.count(&model).await, 2);
    let user = going_on(&user, upgrade(&user, &Api::fresh_email()).await).await;
    for _ in 0..5 {
        assert_eq!(say(&user, &conversation).await, 200);
    }
}

#[tokio::test]
async fn a_guest_who_is_upgraded_keeps_everything() {
    let api = Api::start().await;
    let guest = guest(&api).await;
    let conversation = guest.conversation().await;
    assert_eq!(say(&guest, &conversation).await, 200);
    let (before, said) = (me(&guest).await, guest.messages(&conversation).await);
    let email = Api::fresh_email();
    let user = going_on(&guest, upgrade(&guest, &email.to_uppercase()).await).await;
    let after = me(&user).await;
    assert_eq!((&after["role"], &after["email"]), (&json!("user"), &json!(email)));
    assert_eq!((&after["user_id"], &after["id"]), (&before["user_id"], &before["id"]));
    assert_eq!(after["email_verified"], false);
    assert_eq!(user.messages(&conversation).await, said);

    // The guest's access token says what is true no more; its refresh token goes on.
    refused(guest.get("/api/v1/auth/me").await, "token_outdated", OUTDATED).await;
    let again = going_on(&guest, refresh(&api, guest.tokens["refresh_token"].as_str().unwrap()).await).await;
    assert_eq!(me(&again).await, after);
    let signed_in = going_on(&guest, login(&api, &email, PASSWORD).await).await;
    assert_eq!(signed_in.messages(&conversation).await, said);
}

#[tokio::test]
async fn only_a_guest_is_upgraded_and_only_once() {
    let api = Api::start().await;
    let conflict = |(status, body): (u16, Value)| assert_eq!((status, &body["code"]), (409, &json!("not_a_guest")));
    let user = api.user().await;
    conflict(upgrade(&user, &Api::fresh_email()).await.json().await);
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    let guest = guest(&api).await;
    let upgraded = going_on(&guest, upgrade(&guest, &Api::fresh_email()).await).await;
    conflict(upgrade(&upgraded, &Api::fresh_email()).await.json().await);
}

#[tokio::test]
async fn an_address_that_is_taken_upgrades_nobody() {
    let api = Api::start().await;
    let (user, guest) = (api.user().await, guest(&api).await);
    for email in [user.email.clone(), user.email.to_uppercase()] {
        let (status, body) = upgrade(&guest, &email).await.json().await;
        assert_eq!((status, &body["code"]), (400, &json!("email_already_registered")), "{body}");
    }
    assert_eq!(me(&guest).await["role"], "guest");
    assert_eq!(me(&user).await["email"], json!(user.email));
    going_on(&guest, upgrade(&guest, &Api::fresh_email()).await).await;
}

#[tokio::test]
async fn of_upgrades_at_once_one_works() {
    let api = Api::start().await;
    let guest = guest(&api).await;
    let emails: Vec<_> = (0..3).map(|_| Api::fresh_email()).collect();
    let answers = join_all(emails.iter().map(|email| upgrade(&guest, email))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    // The others find a user, or their token outdated.
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401 | 409)), "{statuses:?}");
    for (email, status) in emails.iter().zip(&statuses) {
        assert_eq!(login(&api, email, PASSWORD).await.status == 200, *status == 200);
    }
}

#[tokio::test]
async fn a_guest_may_not_do_what_its_role_does_not_allow() {
    let api = Api::start().await;
    let guest = guest(&api).await;
    let allowed = domain::permission::Role::Guest.permissions();
    for route in gateway::routes() {
        let Some(permission) = route.access.permission() else { continue };
        if allowed.allow(permission) {
            continue;
        }
        let path = route.path.replace("{id}", SOME_ID).replace("{message_id}", SOME_ID).replace("{provider}", "test");
        let (status, body) = guest.send(route.method, &path, &[], Some(&json!({}))).await.json().await;
        assert_eq!((status, &body["code"]), (403, &json!("permission_denied")), "{path}");
    }
    for permission in ["users:read", "users:manage", "audit:read"] {
        let permission = domain::permission::Permission::parse(permission).expect("a permission");
        assert!(!allowed.allow(permission), "{permission}");
    }
}

#[tokio::test]
async fn a_guests_conversations_are_nobody_elses() {
    let api = Api::start().await;
    let (one, two) = (guest(&api).await, guest(&api).await);
    let conversation = one.conversation().await;
    assert_eq!(two.get(&format!("/api/v1/chat/conversations/{conversation}")).await.status, 404);
    assert_eq!(say(&two, &conversation).await, 404);
}

mod private {
    use super::*;
    use crate::auth::sign_up::private::accepted;

    #[tokio::test]
    async fn new_guests_are_limited_by_address() {
        let api = Api::with_profile("private").await;
        let first = guest(&api).await;
        guest(&api).await;
        let answer = api.post("/api/v1/auth/guest", &json!({})).await;
        let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
        assert!((60..=1_800).contains(&wait), "{wait}");
        assert_eq!((answer.status.as_u16(), &answer.json().await.1["code"]), (429, &json!("rate_limited")));
        // Who is one already goes on, and who registers too.
        assert_eq!(me(&first).await["role"], "guest");
        accepted(&api, &Api::fresh_email(), PASSWORD).await;
    }
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn guests_are_only_where_they_are_allowed() {
        let api = Api::with_profile("tight").await;
        let (status, body) = api.post("/api/v1/auth/guest", &json!({})).await.json().await;
        assert_eq!((status, &body["code"]), (403, &json!("guests_not_allowed")), "{body}");
    }
}
