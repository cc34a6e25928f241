//! Bad input: a 4xx that names what is wrong, nothing echoed, nothing stored, nobody called, and the server lives on.

mod bodies;
mod fields;
mod targets;
mod unknown;

use http::Method;
use serde_json::{Value, json};
use testkit::upstream::Script;
use tests::{Api, User};

/// What no answer may repeat.
const CANARY: &str = "canary-bad-input";

/// A user with a conversation, and what must not change while bad input is tried on them.
struct Victim {
    api: Api,
    user: User,
    conversation: String,
    /// A model whose provider counts its calls.
    model: String,
    before: Value,
}

impl Victim {
    async fn new() -> Self {
        let api = Api::start().await;
        let user = api.user().await;
        let (_, created) = user.post("/api/v1/chat/conversations", &json!({ "title": "kept" })).await.json().await;
        let conversation = created["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/chat/conversations/{conversation}/messages");
        let said = user.post(&path, &json!({ "content": "kept", "model": "littoral-offline" })).await;
        assert_eq!(said.status, 200);
        let model = api.provider.script(Script::reply(&["never"])).await;
        let mut victim = Self { api, user, conversation, model, before: Value::Null };
        victim.before = victim.stored().await;
        victim
    }

    /// Everything that the user can see.
    async fn stored(&self) -> Value {
        let list = self.user.get("/api/v1/chat/conversations?limit=100").await.json().await.1;
        json!({ "list": list, "messages": self.user.messages(&self.conversation).await })
    }

    /// Nothing was stored, nobody was called, and the server answers as before.
    async fn unharmed(self) {
        assert_eq!(self.stored().await, self.before);
        assert_eq!(self.api.provider.count(&self.model).await, 0, "the provider was called");
        assert_eq!(self.api.get("/api/v1/health/ready").await.status, 200);
    }

    /// Sends raw bytes as the user and checks the refusal. Returns its body.
    async fn refused(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8], status: u16) -> Value {
        let bearer = format!("Bearer {}", self.user.access_token());
        let mut all = vec![("authorization", bearer.as_str())];
        if !body.is_empty() && headers.iter().all(|(name, _)| *name != "content-type") {
            all.push(("content-type", "application/json"));
        }
        all.extend_from_slice(headers);
        let answer = self.api.send(method.clone(), path, &all, body.to_vec()).await;
        let shown = || format!("{method} {path} {headers:?} {}", String::from_utf8_lossy(&body[..body.len().min(200)]));
        let kind = answer.header("content-type").map(str::to_owned);
        let (found, text) = (answer.status.as_u16(), answer.text().await);
        assert_eq!((found, kind.as_deref()), (status, Some("application/problem+json")), "{}: {text}", shown());
        let problem: Value = serde_json::from_str(&text).expect("a JSON body");
        assert_eq!((&problem["status"], problem["request_id"].is_string()), (&json!(status), true), "{}", shown());
        assert!(!text.contains(CANARY), "{}: echoed in {text}", shown());
        assert!(text.len() < 2_000, "{}: {} bytes of error", shown(), text.len());
        problem
    }

    /// Like [`Victim::refused`], with 422 and exactly these pointers.
    async fn invalid(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8], pointers: &[&str]) {
        let problem = self.refused(method.clone(), path, headers, body, 422).await;
        let found: Vec<_> = problem["errors"]
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| entry["pointer"].as_str().unwrap())
            .collect();
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert_eq!(found, pointers, "{method} {path} {headers:?} {shown}: {problem}");
        assert_eq!(problem["code"], "validation_failed");
    }

    fn conversation_path(&self) -> String {
        format!("/api/v1/chat/conversations/{}", self.conversation)
    }

    fn messages_path(&self) -> String {
        format!("{}/messages", self.conversation_path())
    }

    /// Every operation that takes a body, with one that would be right.
    fn operations(&self) -> Vec<(Method, String, Value)> {
        let credentials = json!({ "email": Api::fresh_email(), "password": "canary-Passw0rd-7" });
        let run = "/api/v1/runs/01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e/stop".to_owned();
        vec![
            (Method::POST, "/api/v1/auth/register".into(), credentials.clone()),
            (Method::POST, "/api/v1/auth/login".into(), credentials.clone()),
            (Method::POST, "/api/v1/auth/refresh".into(), json!({ "refresh_token": "x" })),
            (Method::POST, "/api/v1/auth/guest/upgrade".into(), credentials),
            (Method::POST, "/api/v1/auth/oidc/test".into(), json!({ "id_token": "x" })),
            (Method::POST, "/api/v1/auth/identities/test".into(), json!({ "id_token": "x" })),
            (
                Method::POST,
                "/api/v1/auth/password/change".into(),
                json!({ "current_password": "x", "new_password": "canary-Passw0rd-8" }),
            ),
            (Method::POST, "/api/v1/auth/password/forgot".into(), json!({ "email": Api::fresh_email() })),
            (
                Method::POST,
                "/api/v1/auth/password/reset".into(),
                json!({ "token": "x", "new_password": "canary-Passw0rd-8" }),
            ),
            (Method::POST, "/api/v1/auth/email/verify".into(), json!({ "token": "x" })),
            (Method::POST, "/api/v1/auth/email/resend".into(), json!({ "email": Api::fresh_email() })),
            (
                Method::POST,
                "/api/v1/auth/email/change".into(),
                json!({ "new_email": Api::fresh_email(), "password": "x" }),
            ),
            (Method::POST, "/api/v1/auth/email/confirm".into(), json!({ "token": "x" })),
            (Method::POST, "/api/v1/auth/email/restore".into(), json!({ "token": "x" })),
            (Method::POST, "/api/v1/chat/conversations".into(), json!({ "title": "x" })),
            (Method::PATCH, self.conversation_path(), json!({ "title": "x" })),
            (Method::POST, self.messages_path(), json!({ "content": "x", "model": self.model })),
            (Method::POST, "/api/v1/ai/complete".into(), json!({ "prompt": "x", "model": self.model })),
            (Method::POST, run, json!({ "seen": 1 })),
        ]
    }
}
