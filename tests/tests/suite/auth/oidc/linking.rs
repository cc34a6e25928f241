//! Whose account an identity signs in to: joining, linking and unlinking.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{Api, PASSWORD, User, token_in};

use super::{
    super::{
        login,
        passwords::{reset, reset_token},
        tokens::{self, part},
    },
    fresh_subject, identities, me, present, signed_in, start, token, unlink, verified,
};

async fn link(user: &User, provider: &str, token: &str) -> (u16, Value) {
    user.post(&format!("/api/v1/auth/identities/{provider}"), &json!({ "id_token": token })).await.json().await
}

#[tokio::test]
async fn an_address_that_was_proved_on_both_sides_joins_the_account() {
    let api = start().await;
    let email = Api::fresh_email();
    let one = signed_in(&api, "test", &token("test", &fresh_subject(), &verified(&email)), 201).await;
    let two = signed_in(&api, "other", &token("other", &fresh_subject(), &verified(&email)), 200).await;
    assert_eq!(me(&one).await, me(&two).await);
    let linked: Vec<_> = identities(&one).await.into_iter().map(|identity| identity["provider"].clone()).collect();
    assert_eq!(linked, ["test", "other"]);
    assert_eq!(told(&api, &email).await, "signing in with other was added, on an unnamed device.");
}

/// What the next letter about a changed way to sign in says.
async fn told(api: &Api, email: &str) -> String {
    let mail = api.provider.mail_about(email, "How you sign in was changed").await;
    let (_, what) = mail["text"].as_str().unwrap().split_once("changed: ").unwrap();
    what.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn who_links_and_unlinks_is_told_by_mail_once_each() {
    let api = start().await;
    let user = api.verified_user().await;
    let mine = token("test", &fresh_subject(), &verified(&Api::fresh_email()));
    assert_eq!(link(&user, "test", &mine).await.0, 201);
    assert_eq!(told(&api, &user.email).await, "signing in with test was added, on an unnamed device.");
    // Nothing is told of what changes nothing.
    assert_eq!(link(&user, "test", &mine).await.0, 200);
    assert_eq!(unlink(&user, "other").await.0, 404);
    assert_eq!(unlink(&user, "test").await.0, 204);
    assert_eq!(told(&api, &user.email).await, "signing in with test was removed, on an unnamed device.");
    let all = api.provider.mails_to(&user.email).await;
    assert_eq!(all.iter().filter(|mail| mail["subject"] == "How you sign in was changed").count(), 2, "{all:?}");
}

#[tokio::test]
async fn an_address_that_the_provider_does_not_vouch_for_joins_nothing_and_is_nobodys() {
    let api = start().await;
    let email = Api::fresh_email();
    let owner = signed_in(&api, "test", &token("test", &fresh_subject(), &verified(&email)), 201).await;
    for said in [json!(false), json!("false"), json!(null), json!(1), json!("yes")] {
        let said = json!({ "email": email, "email_verified": said });
        let stranger = signed_in(&api, "other", &token("other", &fresh_subject(), &said), 201).await;
        let me = me(&stranger).await;
        assert_eq!((&me["email"], &me["email_verified"]), (&Value::Null, &json!(false)), "{said}");
        assert_eq!(identities(&stranger).await[0]["email"], json!(email));
    }
    assert_eq!(identities(&owner).await.len(), 1);
    // Nor does it take an address away from who comes later.
    let free = Api::fresh_email();
    let said = json!({ "email": free, "email_verified": false });
    signed_in(&api, "other", &token("other", &fresh_subject(), &said), 201).await;
    let body = json!({ "email": free, "password": "canary-Passw0rd-7" });
    assert_eq!(api.post("/api/v1/auth/register", &body).await.status, 201);
}

#[tokio::test]
async fn an_account_whose_address_was_never_proved_is_not_joined() {
    let api = start().await;
    // Whoever registered it may have squatted on the address.
    let squatter = api.user().await;
    let subject = fresh_subject();
    let first = token("test", &subject, &verified(&squatter.email));
    let (status, problem) = present(&api, "test", &first).await.json().await;
    assert_eq!((status, &problem["code"]), (409, &json!("email_in_use")), "{problem}");
    assert!(!problem.to_string().contains(&squatter.email), "{problem}");
    assert!(identities(&squatter).await.is_empty());
    // Nor may it be linked from within.
    let (status, problem) = link(&squatter, "test", &first).await;
    assert_eq!((status, &problem["code"]), (403, &json!("email_not_verified")), "{problem}");
    // Who proves the address links it.
    let proof = reset_token(&api, &squatter.email).await;
    assert_eq!(reset(&api, &proof, "canary-Passw0rd-8").await.status, 204);
    let owner = api.sign_in(&squatter.email, "canary-Passw0rd-8").await;
    let (status, linked) = link(&owner, "test", &first).await;
    assert_eq!((status, &linked["provider"]), (201, &json!("test")), "{linked}");
    let again = signed_in(&api, "test", &first, 200).await;
    assert_eq!(me(&again).await["user_id"], me(&owner).await["user_id"]);
}

#[tokio::test]
async fn joining_ends_what_is_older_than_the_proof_of_the_address() {
    let api = start().await;
    // Somebody makes an account with an address that is not theirs; its owner follows the link of the letter.
    let squatter = api.user().await;
    let with_key = squatter.with_key(&["chat"]).await;
    let proof = token_in(&api.provider.mail_about(&squatter.email, "Confirm your e-mail address").await);
    assert_eq!(api.post("/api/v1/auth/email/verify", &json!({ "token": proof })).await.status, 204);
    let squatter = squatter.refreshed().await;
    let later = api.sign_in(&squatter.email, PASSWORD).await;
    assert_eq!(with_key.get("/api/v1/chat/conversations").await.status, 200);

    let first = token("test", &fresh_subject(), &verified(&squatter.email));
    let owner = signed_in(&api, "test", &first, 200).await;
    assert_eq!(owner.id().await, me(&owner).await["user_id"]);
    for ended in [&squatter, &later, &with_key] {
        assert_eq!(ended.get("/api/v1/chat/conversations").await.status, 401);
    }
    assert_eq!(login(&api, &squatter.email, PASSWORD).await.status, 401);
    let what = told(&api, &squatter.email).await;
    assert!(what.contains("signing in with test was added, and the password was removed"), "{what}");
    // What is newer stays when another provider joins: a password that who reads the mail has chosen, and its sessions.
    let proof = reset_token(&api, &squatter.email).await;
    assert_eq!(reset(&api, &proof, "canary-Passw0rd-8").await.status, 204);
    let owner = api.sign_in(&squatter.email, "canary-Passw0rd-8").await;
    let second = token("other", &fresh_subject(), &verified(&squatter.email));
    signed_in(&api, "other", &second, 200).await;
    assert_eq!(identities(&owner).await.len(), 2);
    assert_eq!(login(&api, &squatter.email, "canary-Passw0rd-8").await.status, 200);
}

#[tokio::test]
async fn an_account_without_address_and_password_gets_both() {
    let api = start().await;
    let user = signed_in(&api, "test", &token("test", &fresh_subject(), &json!({})), 201).await;
    let email = Api::fresh_email();
    let change = async || user.post("/api/v1/auth/email/change", &json!({ "new_email": email })).await;
    assert_eq!(change().await.status, 202);
    let token = token_in(&api.provider.mail_about(&email, "Confirm your new e-mail address").await);
    assert_eq!(api.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await.status, 401);
    assert_eq!(user.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await.status, 204);
    let proof = reset_token(&api, &email).await;
    assert_eq!(reset(&api, &proof, "canary-Passw0rd-8").await.status, 204);
    let (status, tokens) = login(&api, &email, "canary-Passw0rd-8").await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let user = User { tokens, ..user };
    assert_eq!((identities(&user).await.len(), &me(&user).await["email_verified"]), (1, &json!(true)));
    // From here on the password is asked for.
    let (status, problem) =
        user.post("/api/v1/auth/email/change", &json!({ "new_email": Api::fresh_email() })).await.json().await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/password")), "{problem}");
}

#[tokio::test]
async fn linking_again_changes_nothing_and_what_is_anothers_is_refused() {
    let api = start().await;
    let (one, two) = (api.verified_user().await, api.verified_user().await);
    let mine = token("test", &fresh_subject(), &json!({ "email": "ada@example.com", "name": "Ada" }));
    let (status, linked) = link(&one, "test", &mine).await;
    assert_eq!((status, &linked["email"], &linked["name"]), (201, &json!("ada@example.com"), &json!("Ada")));
    assert_eq!(link(&one, "test", &mine).await, (200, linked));
    let (status, problem) = link(&one, "test", &token("test", &fresh_subject(), &json!({}))).await;
    assert_eq!((status, &problem["code"]), (409, &json!("provider_already_linked")), "{problem}");
    let (status, problem) = link(&two, "test", &mine).await;
    assert_eq!((status, &problem["code"]), (409, &json!("identity_in_use")), "{problem}");
    assert!(identities(&two).await.is_empty());
    // The address of a user stays what it was.
    assert_eq!(me(&one).await["email"], json!(one.email));
}

#[tokio::test]
async fn of_two_who_link_one_identity_at_once_one_gets_it() {
    let api = start().await;
    let (one, two) = (api.verified_user().await, api.verified_user().await);
    let token = token("test", &fresh_subject(), &json!({}));
    let answers = join_all([&one, &two].map(|user| link(user, "test", &token))).await;
    let mut statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{answers:?}");
}

#[tokio::test]
async fn only_a_token_that_is_good_links() {
    let api = start().await;
    let user = api.verified_user().await;
    for bad in ["x".to_owned(), token("test", &fresh_subject(), &json!({ "aud": "another-app" }))] {
        let (status, problem) = link(&user, "test", &bad).await;
        assert_eq!((status, &problem["code"]), (401, &json!("invalid_id_token")), "{problem}");
    }
    let (status, problem) = link(&user, "nobody", &token("test", &fresh_subject(), &json!({}))).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{problem}");
    assert!(identities(&user).await.is_empty());
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let api = start().await;
    let subject = fresh_subject();
    let first = token("test", &subject, &json!({}));
    let user = signed_in(&api, "test", &first, 201).await;
    let (status, problem) = unlink(&user, "test").await;
    assert_eq!((status, &problem["code"]), (409, &json!("last_sign_in_method")), "{problem}");
    // With another one it may go; then that one is the last.
    assert_eq!(link(&user, "other", &token("other", &fresh_subject(), &json!({}))).await.0, 201);
    assert_eq!(unlink(&user, "test").await.0, 204);
    assert_eq!(unlink(&user, "other").await.1["code"], "last_sign_in_method");
    let (status, problem) = unlink(&user, "test").await;
    assert_eq!((status, &problem["detail"]), (404, &json!("Identity not found")), "{problem}");
    // What was unlinked is free: it makes an account of its own.
    let other = signed_in(&api, "test", &first, 201).await;
    assert_ne!(me(&other).await["user_id"], me(&user).await["user_id"]);
    // With a password no identity is needed.
    let user = api.verified_user().await;
    assert_eq!(link(&user, "test", &token("test", &fresh_subject(), &json!({}))).await.0, 201);
    assert_eq!(unlink(&user, "test").await.0, 204);
    assert!(identities(&user).await.is_empty());
}

#[tokio::test]
async fn of_two_that_are_unlinked_at_once_one_stays() {
    let api = start().await;
    let user = signed_in(&api, "test", &token("test", &fresh_subject(), &json!({})), 201).await;
    assert_eq!(link(&user, "other", &token("other", &fresh_subject(), &json!({}))).await.0, 201);
    let answers = join_all([unlink(&user, "test"), unlink(&user, "other")]).await;
    let mut statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{answers:?}");
    assert_eq!(identities(&user).await.len(), 1);
}

#[tokio::test]
async fn who_signed_in_long_ago_changes_no_way_to_sign_in() {
    let api = start().await;
    let user = api.verified_user().await;
    let access = user.access_token();
    let (header, claims) = (part(access, 0), part(access, 1));
    let old = tokens::with(&claims, &json!({ "auth_time": claims["auth_time"].as_i64().unwrap() - 3_600 }));
    let mut stale = user.clone();
    stale.tokens["access_token"] = json!(tokens::sign(&header, &old, &tokens::key("test")));
    let mine = token("test", &fresh_subject(), &json!({}));
    let refused = |answer: (u16, Value)| assert_eq!((answer.0, &answer.1["code"]), (403, &json!("step_up_required")));
    refused(link(&stale, "test", &mine).await);
    assert_eq!(link(&user, "test", &mine).await.0, 201);
    refused(unlink(&stale, "test").await);
    assert_eq!(identities(&stale).await.len(), 1);
}

#[tokio::test]
async fn identities_are_nobody_elses() {
    let api = start().await;
    let (owner, stranger) = (api.verified_user().await, api.verified_user().await);
    assert_eq!(link(&owner, "test", &token("test", &fresh_subject(), &json!({}))).await.0, 201);
    assert!(identities(&stranger).await.is_empty());
    assert_eq!(unlink(&stranger, "test").await.0, 404);
    assert_eq!(identities(&owner).await.len(), 1);
}

async fn guest(api: &Api) -> User {
    let (status, tokens) = api.post("/api/v1/auth/guest", &json!({})).await.json().await;
    assert_eq!(status, 201, "{tokens}");
    User { api: api.clone(), email: String::new(), tokens }
}

#[tokio::test]
async fn a_guest_who_links_an_identity_is_a_user_and_keeps_everything() {
    let api = start().await;
    let guest = guest(&api).await;
    let (id, conversation) = (me(&guest).await["user_id"].clone(), guest.conversation().await);
    let (email, subject) = (Api::fresh_email(), fresh_subject());
    let mine = token("test", &subject, &verified(&email));
    assert_eq!(link(&guest, "test", &mine).await.0, 201);
    // The guest's access token says what is true no more.
    let (status, problem) = guest.get("/api/v1/auth/me").await.json().await;
    assert_eq!((status, &problem["code"]), (401, &json!("token_outdated")), "{problem}");
    let body = json!({ "refresh_token": guest.tokens["refresh_token"] });
    let (status, tokens) = api.post("/api/v1/auth/refresh", &body).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let user = User { tokens, ..guest };
    let found = me(&user).await;
    assert_eq!((&found["user_id"], &found["role"]), (&id, &json!("user")));
    assert_eq!((&found["email"], &found["email_verified"]), (&json!(email), &json!(true)));
    let again = signed_in(&api, "test", &mine, 200).await;
    assert!(again.messages(&conversation).await.is_empty());
    assert_eq!(unlink(&user, "test").await.1["code"], "last_sign_in_method");
}

#[tokio::test]
async fn a_guest_gets_no_address_that_is_anothers_and_no_identity_that_is() {
    let api = start().await;
    let (owner, one, two) = (api.verified_user().await, guest(&api).await, guest(&api).await);
    let mine = token("test", &fresh_subject(), &verified(&owner.email));
    assert_eq!(link(&one, "test", &mine).await.0, 201);
    let one = signed_in(&api, "test", &mine, 200).await;
    let found = me(&one).await;
    assert_eq!((&found["role"], &found["email"]), (&json!("user"), &Value::Null));
    let (status, problem) = link(&two, "test", &mine).await;
    assert_eq!((status, &problem["code"]), (409, &json!("identity_in_use")), "{problem}");
    assert_eq!(me(&two).await["role"], "guest");
    assert_eq!(me(&owner).await["email"], json!(owner.email));
}
