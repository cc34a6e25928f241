//! Making tokens: genuine ones and forgeries. The keys are those of the settings, so that every forgery but one thing is right.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::rust_crypto::DEFAULT_PROVIDER};
use serde_json::Value;
use sha2::Sha256;
use tests::{User, settings::SETTINGS};

/// The bytes of a key of the host under test.
pub fn key(id: &str) -> Vec<u8> {
    let (_, ring) = SETTINGS.iter().find(|(name, _)| *name == "LITTORAL_JWT_KEYS").expect("a ring");
    let mut keys = ring.split(',').filter_map(|item| item.trim().split_once(':'));
    let (_, key) = keys.find(|(known, _)| *known == id).expect("its id");
    URL_SAFE_NO_PAD.decode(key.rsplit(':').next().expect("a key")).expect("base64url")
}

/// The public part of a key of the host under test: `x`, and `y` if it has one.
pub fn public(id: &str) -> (&'static str, Option<&'static str>) {
    match id {
        "ed" => ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", None),
        "es" => ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", Some("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")),
        _ => panic!("{id} has no public part"),
    }
}

/// A part of a token as JSON.
pub fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// What is signed.
pub fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// A token with an HMAC-SHA256 signature, whatever its header says.
pub fn sign(header: &Value, claims: &Value, key: &[u8]) -> String {
    let text = message(&header.to_string(), &claims.to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A token with the signature of a key pair of the host under test, whatever its header says.
pub fn sign_with(id: &str, header: &Value, claims: &Value) -> String {
    let text = message(&header.to_string(), &claims.to_string());
    format!("{text}.{}", signature(id, &key(id), &text))
}

/// A signature by a key pair of this kind.
pub fn signature(id: &str, key: &[u8], text: &str) -> String {
    let (before, algorithm) = match id {
        "ed" => ("302e020100300506032b657004220420", Algorithm::EdDSA),
        "es" => ("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", Algorithm::ES256),
        _ => panic!("{id} is no key pair"),
    };
    let before = (0..before.len()).step_by(2).map(|at| u8::from_str_radix(&before[at..at + 2], 16).expect("hex"));
    let der: Vec<u8> = before.chain(key.iter().copied()).collect();
    let key = if id == "ed" { EncodingKey::from_ed_der(&der) } else { EncodingKey::from_ec_der(&der) };
    signed(text, &key, algorithm)
}

/// A signature by what `jsonwebtoken` brings, whatever the product has put in its place.
pub fn signed(text: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, key).expect("a signer");
    URL_SAFE_NO_PAD.encode(signer.try_sign(text.as_bytes()).expect("a signature"))
}

/// A copy of an object with some members replaced; null takes a member away.
pub fn with(object: &Value, changes: &Value) -> Value {
    let mut object = object.as_object().expect("an object").clone();
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    object.into()
}

/// A genuine token, taken apart.
pub struct Genuine {
    /// All of it.
    pub token: String,
    /// Its first part.
    pub header: Value,
    /// Its second part.
    pub claims: Value,
    /// The key that signed it.
    pub key: Vec<u8>,
    /// The refresh token that came with it.
    pub refresh: String,
}

impl Genuine {
    /// A user's.
    pub fn of(user: &User) -> Self {
        let token = user.access_token().to_owned();
        let refresh = user.tokens["refresh_token"].as_str().expect("a refresh token").to_owned();
        Self { header: part(&token, 0), claims: part(&token, 1), key: key("test"), token, refresh }
    }

    /// With another header, rightly signed.
    pub fn with_header(&self, changes: &Value) -> String {
        sign(&with(&self.header, changes), &self.claims, &self.key)
    }

    /// With other claims, rightly signed.
    pub fn with_claims(&self, changes: &Value) -> String {
        sign(&self.header, &with(&self.claims, changes), &self.key)
    }

    /// One of its three parts.
    pub fn text(&self, at: usize) -> &str {
        self.token.split('.').nth(at).expect("three parts")
    }

    /// With another text for one part.
    pub fn replace(&self, at: usize, text: &str) -> String {
        let parts: Vec<_> = (0..3).map(|n| if n == at { text } else { self.text(n) }).collect();
        parts.join(".")
    }

    /// When it was issued, in seconds.
    pub fn issued(&self) -> i64 {
        self.claims["iat"].as_i64().expect("a time")
    }
}

/// What an access token says.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The same token with other claims, signed as the host under test would.
pub fn resigned(token: &str, changes: &Value) -> String {
    sign(&part(token, 0), &with(&part(token, 1), changes), &key("test"))
}
