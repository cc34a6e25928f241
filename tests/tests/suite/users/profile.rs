//! What users say of themselves.

use serde_json::{Value, json};
use tests::{Api, PASSWORD, User};

use super::ME;

/// A user name that nobody has.
fn fresh_username() -> String {
    Api::fresh_email().split('@').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_fresh_profile_says_who_and_nothing_else() {
    let api = Api::start().await;
    let user = api.user().await;
    let (status, profile) = user.get(ME).await.json().await;
    assert_eq!((status, &profile["email"], &profile["role"]), (200, &json!(user.email), &json!("user")));
    for field in [
        "username",
        "display_name",
        "first_name",
        "last_name",
        "avatar_url",
        "bio",
        "date_of_birth",
        "profession",
        "heard_from",
        "locale",
        "time_zone",
        "deletion_requested_at",
        "deletion_scheduled_at",
    ] {
        assert_eq!(profile.get(field), Some(&Value::Null), "{field}: {profile}");
    }
    let (_, me) = user.get("/api/v1/auth/me").await.json().await;
    assert_eq!((&profile["id"], &profile["user_id"]), (&me["id"], &me["user_id"]));
    assert!(!profile.to_string().contains("argon2"), "{profile}");
}

#[tokio::test]
async fn fields_change_alone_and_null_takes_away() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let username = fresh_username();
    let said = json!({
        "username": username.to_uppercase(), "display_name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace",
        "avatar_url": "https://cdn.example.com/ada.png", "bio": "Poetical science.\nAnd tides.",
        "date_of_birth": "1990-12-10", "profession": "Analyst", "heard_from": "a friend", "locale": "en-GB",
        "time_zone": "Europe/London",
    });
    let (status, profile) = user.patch(ME, &said).await.json().await;
    assert_eq!(status, 200, "{profile}");
    for (field, value) in said.as_object().unwrap().iter().filter(|(field, _)| *field != "username") {
        assert_eq!(&profile[field], value, "{field}");
    }
    assert_eq!(profile["username"], json!(username));

    let (_, profile) = user.patch(ME, &json!({ "bio": null, "first_name": "Augusta" })).await.json().await;
    assert_eq!((&profile["bio"], &profile["first_name"]), (&Value::Null, &json!("Augusta")));
    assert_eq!((&profile["last_name"], &profile["username"]), (&json!("Lovelace"), &json!(username)));
    let (_, same) = user.patch(ME, &json!({})).await.json().await;
    assert_eq!(same, profile);
    assert_eq!(user.get(ME).await.json().await.1, profile);
    let (_, others) = other.get(ME).await.json().await;
    assert_eq!(others["first_name"], Value::Null);
}

#[tokio::test]
async fn a_user_name_is_one_users_until_it_is_given_up() {
    let api = Api::start().await;
    let (one, two) = (api.user().await, api.user().await);
    let username = fresh_username();
    assert_eq!(one.patch(ME, &json!({ "username": username })).await.status, 200);
    assert_eq!(one.patch(ME, &json!({ "username": username })).await.status, 200, "it is one's own");
    let taken = json!({ "username": username.to_uppercase(), "display_name": "Two" });
    let (status, refused) = two.patch(ME, &taken).await.json().await;
    assert_eq!((status, &refused["code"]), (409, &json!("username_taken")));
    assert_eq!(two.get(ME).await.json().await.1["display_name"], Value::Null, "all or nothing");
    assert_eq!(one.patch(ME, &json!({ "username": null })).await.status, 200);
    assert_eq!(two.patch(ME, &taken).await.status, 200);
}

#[tokio::test]
async fn every_wrong_field_is_named_and_none_repeated() {
    let api = Api::start().await;
    let user = api.user().await;
    for (field, value) in [
        ("username", json!("ab")),
        ("username", json!("hunter two")),
        ("display_name", json!("")),
        ("display_name", json!("two\nlines")),
        ("first_name", json!("x".repeat(51))),
        ("avatar_url", json!("http://example.com/a.png")),
        ("avatar_url", json!("https://127.0.0.1/a.png")),
        ("avatar_url", json!("https://metadata.internal/a.png")),
        ("bio", json!(7)),
        ("date_of_birth", json!("2001-02-29")),
        ("date_of_birth", json!("2999-01-01")),
        ("locale", json!("de_DE")),
        ("time_zone", json!("../../etc/passwd")),
    ] {
        let (status, body) = user.patch(ME, &json!({ field: value, "profession": "kept out" })).await.json().await;
        assert_eq!(status, 422, "{field} {value}");
        let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, [&json!(format!("/{field}"))], "{value}");
        if let Some(text) = value.as_str().filter(|text| text.len() > 5) {
            assert!(!body.to_string().contains(text), "{body}");
        }
    }
    assert_eq!(user.get(ME).await.json().await.1["profession"], Value::Null);
}

#[tokio::test]
async fn a_user_name_signs_in_as_the_address_does() {
    let api = Api::start().await;
    let (user, name) = (api.user().await, fresh_username());
    assert_eq!(user.patch(ME, &json!({ "username": name })).await.status, 200);
    let login = async |name: &str, password: &str| {
        api.post("/api/v1/auth/login", &json!({ "email": name, "password": password })).await.json().await
    };
    assert_eq!(login(&name, "canary-Wrong-Passw0rd-7").await.0, 401);
    let (status, tokens) = login(&name.to_uppercase(), PASSWORD).await;
    assert_eq!(status, 200, "{tokens}");
    let signed_in = User { tokens, ..user.clone() };
    assert_eq!(signed_in.id().await, user.id().await);
    assert_eq!(user.patch(ME, &json!({ "username": null })).await.status, 200);
    assert_eq!(login(&name, PASSWORD).await.0, 401, "a name that nobody has");
}
