//! `/api/v1/admin`: accounts and security events, for admins.

mod access;
mod audit;
mod changes;
mod creating;
mod listing;

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api, PASSWORD, User};

const USERS: &str = "/api/v1/admin/users";
const NOBODY: &str = "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e";

fn path(id: &str) -> String {
    format!("{USERS}/{id}")
}

/// An account as an admin sees it.
async fn view(admin: &User, id: &str) -> Value {
    let (status, body) = admin.get(&path(id)).await.json().await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Changes an account, which is to work.
async fn change(admin: &User, id: &str, change: &Value) -> Value {
    let (status, body) = admin.patch(&path(id), change).await.json().await;
    assert_eq!(status, 200, "{change}: {body}");
    body
}

/// A refusal in the envelope.
async fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let (found, body) = answer.json().await;
    assert_eq!((found, &body["code"]), (status, &json!(code)), "{body}");
    body
}

async fn login(api: &Api, email: &str) -> Answer {
    api.post("/api/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await
}

/// Every operation on one account.
fn operations(id: &str) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (Method::PATCH, path(id), Some(json!({ "standing": "suspended" }))),
        (Method::DELETE, path(id), None),
        (Method::DELETE, format!("{}/sessions", path(id)), None),
        (Method::DELETE, format!("{}/api-keys", path(id)), None),
    ]
}
