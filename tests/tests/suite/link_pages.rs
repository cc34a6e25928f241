//! The pages that links in letters lead to: there for every letter, harmless to fetch, and what their script calls works.

use serde_json::json;
use tests::{Answer, Api, PASSWORD, authenticator::Protected, token_in};

/// Fetches the page that a letter links to, wherever the letter believes it to be. Returns the token.
async fn open(api: &Api, mail: &serde_json::Value, page: &str) -> String {
    let text = mail["text"].as_str().expect("a text");
    let link = text.split_whitespace().find(|word| word.contains("?token=")).expect("a link");
    let path = format!("/{page}?token=");
    assert!(link.contains(&path), "{link}");
    let path = &link[link.find(&path).unwrap()..];
    for _ in 0..2 {
        check(api.get(path).await).await;
    }
    token_in(mail)
}

/// It is a page, and nothing of it is kept, told on, framed or loaded from elsewhere.
async fn check(answer: Answer) {
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
    for directive in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = answer.text().await;
    assert!(page.len() < 16_000 && page.contains("name=\"viewport\""), "{} bytes", page.len());
    assert!(!page.contains("{{"), "an unfilled name");
}

#[tokio::test]
async fn the_link_of_every_letter_leads_to_a_page_that_spends_nothing_by_itself() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = open(&api, &api.provider.mail_about(&user.email, "Confirm your").await, "verify-email").await;
    assert_eq!(api.post("/api/v1/auth/email/verify", &json!({ "token": token })).await.status, 204);

    assert_eq!(api.post("/api/v1/auth/password/forgot", &json!({ "email": user.email })).await.status, 202);
    let token = open(&api, &api.provider.mail_about(&user.email, "Reset your").await, "reset-password").await;
    let body = json!({ "token": token, "new_password": "canary-Passw0rd-8" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &body).await.status, 204);

    let protected = Protected::new(&api).await;
    let mail = api.provider.mail_about(&protected.user.email, "two-step").await;
    let token = open(&api, &mail, "remove-second-factor").await;
    assert_eq!(api.post("/api/v1/auth/factors/undo", &json!({ "token": token })).await.status, 204);
}

#[tokio::test]
async fn a_change_of_address_is_confirmed_by_who_signs_in_on_the_page_and_taken_back_on_another() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let new_email = Api::fresh_email();
    let body = json!({ "new_email": new_email, "password": PASSWORD });
    assert_eq!(user.post("/api/v1/auth/email/change", &body).await.status, 202);
    let token = open(&api, &api.provider.mail_about(&new_email, "Confirm your new").await, "confirm-email").await;
    // As the page does: sign in, confirm, sign out.
    let login = json!({ "email": user.email, "password": PASSWORD });
    let (status, tokens) = api.post("/api/v1/auth/login", &login).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let page = tests::User { tokens, ..user.clone() };
    assert_eq!(page.post("/api/v1/auth/email/confirm", &json!({ "token": token })).await.status, 204);
    assert_eq!(page.post("/api/v1/auth/logout", &json!({})).await.status, 204);

    let token = open(&api, &api.provider.mail_about(&user.email, "was changed").await, "restore-email").await;
    assert_eq!(api.post("/api/v1/auth/email/restore", &json!({ "token": token })).await.status, 204);
}

#[tokio::test]
async fn a_page_without_a_token_or_behind_a_slash_is_the_same() {
    let api = Api::start().await;
    for page in ["verify-email", "confirm-email", "reset-password", "restore-email", "remove-second-factor"] {
        check(api.get(&format!("/{page}")).await).await;
        check(api.get(&format!("/{page}/?token=x&utm_source=mail")).await).await;
    }
}
