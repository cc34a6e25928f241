//! An authenticator app of the tests: RFC 6238 computed anew, so that the server is not held against itself. And a user who has one.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{Answer, Api, PASSWORD, User};

/// An app with one secret.
#[derive(Clone)]
pub struct Authenticator {
    base32: String,
    secret: Vec<u8>,
}

impl Authenticator {
    /// From the secret in base32.
    pub fn new(base32: &str) -> Self {
        let (mut bits, mut count, mut secret) = (0_u32, 0, Vec::new());
        for letter in base32.bytes() {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => panic!("no base32: {base32}"),
            };
            bits = (bits << 5) | u32::from(value);
            count += 5;
            if count >= 8 {
                count -= 8;
                secret.push((bits >> count).to_be_bytes()[3]);
                bits &= (1 << count) - 1;
            }
        }
        Self { base32: base32.to_owned(), secret }
    }

    /// The secret.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The secret, as people type it.
    pub fn base32(&self) -> String {
        self.base32.clone()
    }

    /// The code of now.
    pub fn now(&self) -> String {
        self.code(step())
    }

    /// The code of the next step, which counts already: the one after [`Self::now`], also when that was a moment ago.
    pub fn next(&self) -> String {
        self.code(step() + 1)
    }

    /// The code of when so many minutes will have passed.
    pub fn in_minutes(&self, minutes: u64) -> String {
        self.code(step() + 2 * minutes)
    }

    /// A code that is right at no time near now.
    pub fn wrong(&self) -> String {
        let near: Vec<_> = (step() - 3..step() + 4).map(|step| self.code(step)).collect();
        (0..10).map(|digit| digit.to_string().repeat(6)).find(|code| !near.contains(code)).expect("seven are not ten")
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("any length");
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = usize::from(digest[19] & 15);
        let number = u32::from_be_bytes(digest[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// The step of now.
pub fn step() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs() / 30
}

/// A user with an authenticator app and recovery codes. The code of the present step is used up.
pub struct Protected {
    /// The user.
    pub user: User,
    /// The app.
    pub app: Authenticator,
    /// The code that confirmed it.
    pub used: String,
    /// The recovery codes.
    pub codes: Vec<String>,
}

impl Protected {
    /// A fresh one.
    pub async fn new(api: &Api) -> Self {
        Self::of(api.verified_user().await).await
    }

    /// A user who has none yet.
    pub async fn of(user: User) -> Self {
        Self::by(user, &json!({ "password": PASSWORD })).await
    }

    /// A user who has none yet, and proves with this to be there.
    pub async fn by(user: User, evidence: &Value) -> Self {
        let app = begin_by(&user, evidence).await;
        let used = app.now();
        let (status, body) = confirm(&user, &used).await.json().await;
        assert_eq!(status, 200, "{body}");
        let codes = codes(&body);
        assert_eq!(codes.len(), 10, "{body}");
        Self { user, app, used, codes }
    }

    /// Signs in up to the challenge.
    pub async fn challenge(&self) -> String {
        let (status, body) = self.login(&json!({})).await.json().await;
        assert_eq!((status, &body["second_factor_required"]), (200, &json!(true)), "{body}");
        body["challenge_token"].as_str().expect("a token").to_owned()
    }

    /// Signs in with the password and further fields.
    pub async fn login(&self, more: &Value) -> Answer {
        let mut body = json!({ "email": self.user.email, "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.user.api.post("/api/v1/auth/login", &body).await
    }

    /// Signs in with a further proof. Returns the tokens.
    pub async fn sign_in(&self, proof: &Value) -> Value {
        let (status, tokens) = answer(&self.user.api, &self.challenge().await, proof).await.json().await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }
}

/// Begins to add an app.
pub async fn begin(user: &User) -> Authenticator {
    begin_by(user, &json!({ "password": PASSWORD })).await
}

async fn begin_by(user: &User, evidence: &Value) -> Authenticator {
    let (status, body) = user.post("/api/v1/auth/factors/totp", evidence).await.json().await;
    assert_eq!(status, 201, "{body}");
    Authenticator::new(body["secret"].as_str().expect("a secret"))
}

/// Confirms an app.
pub async fn confirm(user: &User, code: &str) -> Answer {
    user.post("/api/v1/auth/factors/totp/confirm", &json!({ "code": code })).await
}

/// Answers a challenge.
pub async fn answer(api: &Api, challenge: &str, proof: &Value) -> Answer {
    let mut body = json!({ "challenge_token": challenge });
    body.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
    api.post("/api/v1/auth/login/second-factor", &body).await
}

/// The factors of a user.
pub async fn factors(user: &User) -> Value {
    let (status, body) = user.get("/api/v1/auth/factors").await.json().await;
    assert_eq!(status, 200, "{body}");
    body
}

/// The recovery codes in a body.
pub fn codes(body: &Value) -> Vec<String> {
    let list = body["recovery_codes"].as_array().unwrap_or_else(|| panic!("no codes: {body}"));
    list.iter().map(|code| code.as_str().expect("a text").to_owned()).collect()
}

/// `POST` without a body.
pub async fn post_nothing(user: &User, path: &str) -> Answer {
    user.send(Method::POST, path, &[], None).await
}
