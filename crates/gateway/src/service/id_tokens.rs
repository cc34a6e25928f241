//! ID tokens of other providers (OIDC Core 1.0, 3.1.3.7): whether one is genuine, for this app, and of now. Who it
//! signs in is not decided here.
//!
//! Such a token is a bearer's: whoever has it can use it again while it lives. An app that sends a nonce to the provider binds
//! the token to itself; then the nonce is asked for here, too. So what a token proves is dated by the token and not by when it is
//! shown: shown once more, in a sign-in or a step-up, it proves nothing anew.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Secret, Timestamp, account::Email};
use ports::Platform;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::provider_keys;
use crate::{
    config::OidcProvider,
    error::{Error, Result},
};

/// The longest ID token that is looked at, in characters.
pub const MAX_TOKEN: usize = 8192;
/// The longest nonce, in characters.
pub const MAX_NONCE: usize = 255;
/// The longest `sub` (OIDC Core 1.0, 2), in bytes.
const MAX_SUBJECT: usize = 255;
/// How far the provider's clock may be ahead.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// What an app presents.
#[derive(Debug)]
pub struct Proof {
    /// The token.
    pub token: Secret<String>,
    /// The nonce that it began the sign-in with.
    pub nonce: Option<Secret<String>>,
}

/// What a genuine token says.
#[derive(Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who, as the provider counts.
    pub subject: String,
    /// Their address, if the provider vouches for it.
    pub email: Option<Email>,
    /// Their address as it is said, vouched for or not: to be shown.
    pub said_email: Option<Email>,
    /// Their name, as it is said.
    pub name: Option<String>,
    /// When they proved to the provider to be there; not later than now.
    pub proved_at: Timestamp,
}

const FORM: &str = "This is no ID token. Send the JWT that the provider gave to your app.";
const ISSUER: &str = "The ID token is of another issuer than this provider.";
const AUDIENCE: &str = "The ID token was made for another app. If it is yours, have the operator add its client id.";
const TIME: &str = "The ID token has expired or is not valid yet. Sign in at the provider again.";
const NONCE: &str = "The nonce is not the ID token's. Send the one that the sign-in was begun with.";
const SIGNATURE: &str = "The ID token is not signed by this provider.";

fn refused(why: &'static str) -> Error {
    Error::unauthenticated("invalid_id_token", why)
}

/// What a token says, if all of it holds.
pub async fn verify(platform: &Platform, provider: &OidcProvider, proof: &Proof) -> Result<Claims> {
    let token = proof.token.expose();
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| refused(FORM))?;
    let (header, payload) = message.split_once('.').ok_or_else(|| refused(FORM))?;
    let (header, payload) = (decode(header)?, decode(payload)?);
    // What is not for us has nobody asked for keys.
    let claims =
        check(provider, &payload, proof.nonce.as_ref().map(|nonce| nonce.expose().as_str()), platform.clock.now())?;
    let (algorithm, id) = head(&header)?;
    let key = provider_keys::find(platform, provider, id).await?.filter(|key| key.name == algorithm);
    let key = key.ok_or_else(|| refused(SIGNATURE))?;
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm) {
        Ok(true) => Ok(claims),
        _ => Err(refused(SIGNATURE)),
    }
}

fn decode(part: &str) -> Result<Value> {
    let object = URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    object.filter(Value::is_object).ok_or_else(|| refused(FORM))
}

/// The algorithm and the key's id. An access token (`at+jwt`) or a logout token (`logout+jwt`) of the same key is none of ours
/// (RFC 8725, 3.11), and `crit` names what would have to be understood.
fn head(header: &Value) -> Result<(&str, Option<&str>)> {
    let typed = match &header["typ"] {
        Value::Null => true,
        kind => kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("JWT")),
    };
    let id = match &header["kid"] {
        Value::Null => None,
        id => Some(id.as_str().ok_or_else(|| refused(FORM))?),
    };
    match header["alg"].as_str() {
        Some(algorithm) if typed && header["crit"].is_null() => Ok((algorithm, id)),
        _ => Err(refused(FORM)),
    }
}

fn check(provider: &OidcProvider, claims: &Value, nonce: Option<&str>, now: Timestamp) -> Result<Claims> {
    let text = |name: &str| claims[name].as_str();
    // A logout token has events; an ID token has none.
    let subject = text("sub").filter(|sub| (1..=MAX_SUBJECT).contains(&sub.len()) && !sub.contains('\0'));
    let subject = subject.filter(|_| claims["events"].is_null()).ok_or_else(|| refused(FORM))?;
    if !text("iss").is_some_and(|issuer| provider.issuers.iter().any(|one| one == issuer)) {
        return Err(refused(ISSUER));
    }
    let ours = |id: &Value| provider.audiences.iter().any(|one| id == one.as_str());
    let for_us = match &claims["aud"] {
        // With one audience `azp` does not count: Google's names the Android app that asked on behalf of the server.
        Value::Array(several) if several.len() > 1 => several.iter().any(ours) && ours(&claims["azp"]),
        Value::Array(one) => one.iter().any(ours),
        one => ours(one),
    };
    if !for_us {
        return Err(refused(AUDIENCE));
    }
    let soon = now.seconds() + CLOCK_SKEW_SECONDS;
    let begun = |name: &str| claims[name].as_i64().is_some_and(|at| at <= soon);
    let lives = claims["exp"].as_i64().is_some_and(|exp| now.seconds() < exp);
    if !lives || !begun("iat") || !(claims["nbf"].is_null() || begun("nbf")) {
        return Err(refused(TIME));
    }
    let bound = match (&claims["nonce"], nonce) {
        (Value::Null, None) => true,
        (Value::String(claimed), Some(given)) => is_nonce(claimed, given),
        _ => false,
    };
    if !bound {
        return Err(refused(NONCE));
    }
    let said_email = text("email").and_then(Email::parse);
    // Apple says it as a text.
    let verified = matches!(&claims["email_verified"], Value::Bool(true)) || text("email_verified") == Some("true");
    let verified = verified && said_email.as_ref().is_some_and(|email| may_vouch(claims, email));
    Ok(Claims {
        subject: subject.to_owned(),
        email: said_email.clone().filter(|_| verified),
        said_email,
        name: text("name").and_then(tidy),
        proved_at: proved_at(claims, now),
    })
}

/// The issuer of Google's tokens, in both of its forms (developers.google.com, "Verify the Google ID token").
const GOOGLE: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Whether `email_verified` of this issuer counts. Google says it also of an address that another provider hosts and that was proved
/// once, perhaps by somebody who has it no more: Google knows only of its own addresses and of those of a Workspace domain (`hd`).
fn may_vouch(claims: &Value, email: &Email) -> bool {
    let host = email.as_str().rsplit_once('@').map_or("", |(_, host)| host);
    let google = claims["iss"].as_str().is_some_and(|issuer| GOOGLE.contains(&issuer));
    !google || matches!(host, "gmail.com" | "googlemail.com") || claims["hd"].as_str().is_some_and(|hd| !hd.is_empty())
}

/// When the user was there: at `auth_time` if the token has one (OIDC Core 1.0, 2), as the provider may have made the token long
/// after; otherwise when it was made. A time that cannot be read is long ago.
fn proved_at(claims: &Value, now: Timestamp) -> Timestamp {
    let at = |name: &str| claims[name].as_i64().unwrap_or_default();
    let authenticated = if claims["auth_time"].is_null() { i64::MAX } else { at("auth_time") };
    let seconds = at("iat").min(authenticated).clamp(0, now.seconds());
    Timestamp::from_millis(seconds * 1000)
}

/// A name to be shown: one line of at most [`MAX_NAME`] characters, if anything is left of it.
pub fn tidy(name: &str) -> Option<String> {
    let plain: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    (!plain.is_empty()).then_some(plain)
}

/// The longest name, in characters.
pub const MAX_NAME: usize = 100;

/// The nonce itself, or its SHA-256 in hex: what apps hand to Apple, so that the token alone does not give the nonce away.
fn is_nonce(claimed: &str, given: &str) -> bool {
    let hashed: String = Sha256::digest(given).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    same(claimed, given) | same(claimed, &hashed)
}

/// Compares digests, so that the time tells nothing about where the texts differ.
fn same(one: &str, two: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(two)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn provider() -> OidcProvider {
        OidcProvider {
            name: "test".into(),
            issuers: vec!["https://id.example".into(), "id.example".into()],
            jwks_url: String::new(),
            audiences: vec!["app".into(), "web".into()],
        }
    }

    fn token(changes: Value) -> Value {
        let mut claims = json!({ "iss": "https://id.example", "aud": "app", "sub": "1", "iat": NOW, "exp": NOW + 600 });
        let Value::Object(changes) = changes else { panic!("no object") };
        claims.as_object_mut().unwrap().extend(changes);
        claims
    }

    fn checked(changes: Value, nonce: Option<&str>) -> Result<Claims, String> {
        let now = Timestamp::from_millis(NOW * 1000);
        check(&provider(), &token(changes), nonce, now).map_err(|error| error.detail.into_owned())
    }

    #[test]
    fn what_fits_is_taken() {
        for fits in [
            json!({}),
            json!({ "iss": "id.example" }),
            json!({ "aud": ["web"] }),
            json!({ "aud": ["app", "other"], "azp": "web" }),
            json!({ "aud": "web", "azp": "android" }),
            json!({ "iat": NOW + 60, "nbf": NOW + 60 }),
            json!({ "exp": NOW + 1 }),
        ] {
            assert!(checked(fits.clone(), None).is_ok(), "{fits}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        for (change, why) in [
            (json!({ "iss": "https://id.example/" }), ISSUER),
            (json!({ "iss": ["https://id.example"] }), ISSUER),
            (json!({ "aud": "other" }), AUDIENCE),
            (json!({ "aud": [] }), AUDIENCE),
            (json!({ "aud": null }), AUDIENCE),
            (json!({ "aud": ["app", "other"] }), AUDIENCE),
            (json!({ "aud": ["app", "other"], "azp": "other" }), AUDIENCE),
            (json!({ "exp": NOW }), TIME),
            (json!({ "exp": null }), TIME),
            (json!({ "exp": "9999999999" }), TIME),
            (json!({ "iat": NOW + 61 }), TIME),
            (json!({ "iat": null }), TIME),
            (json!({ "nbf": NOW + 61 }), TIME),
            (json!({ "nbf": "0" }), TIME),
            (json!({ "sub": "" }), FORM),
            (json!({ "sub": 1 }), FORM),
            (json!({ "sub": "x".repeat(256) }), FORM),
            (json!({ "sub": "a\0" }), FORM),
            (json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }), FORM),
            (json!({ "nonce": "n" }), NONCE),
        ] {
            assert_eq!(checked(change.clone(), None), Err(why.to_owned()), "{change}");
        }
    }

    #[test]
    fn what_a_token_proves_is_as_old_as_it_says_and_never_of_the_future() {
        for (said, at) in [
            (json!({}), NOW),
            (json!({ "iat": NOW - 500 }), NOW - 500),
            (json!({ "iat": NOW + 60 }), NOW),
            (json!({ "auth_time": NOW - 500 }), NOW - 500),
            (json!({ "auth_time": NOW + 60, "iat": NOW - 5 }), NOW - 5),
            (json!({ "auth_time": null }), NOW),
            (json!({ "auth_time": "1700000000" }), 0),
            (json!({ "auth_time": i64::MIN }), 0),
            (json!({ "iat": i64::MIN }), 0),
        ] {
            let claims = checked(said.clone(), None).unwrap();
            assert_eq!(claims.proved_at, Timestamp::from_millis(at * 1000), "{said}");
        }
    }

    #[test]
    fn a_nonce_binds_both_ways() {
        let hashed = "78377b525757b494427f89014f97d79928f3938d14eb51e20fb5dec9834eb304";
        assert!(checked(json!({ "nonce": "n" }), Some("n")).is_ok());
        assert_eq!(Sha256::digest("nonce").len(), 32);
        assert!(checked(json!({ "nonce": hashed }), Some("nonce")).is_ok());
        for (claimed, given) in [
            (json!("n"), Some("m")),
            (json!("n"), None),
            (json!(null), Some("n")),
            (json!(5), Some("5")),
            (json!("nonce"), Some(hashed)),
        ] {
            assert_eq!(checked(json!({ "nonce": claimed }), given), Err(NONCE.to_owned()), "{claimed} {given:?}");
        }
    }

    #[test]
    fn an_address_counts_if_the_provider_vouches_for_it() {
        let email = |verified: Value| {
            let claims = checked(json!({ "email": "Ada@Example.com", "email_verified": verified }), None).unwrap();
            (claims.email.is_some(), claims.said_email.unwrap().as_str().to_owned())
        };
        for (verified, counts) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("TRUE"), false),
            (json!(1), false),
            (json!(null), false),
        ] {
            assert_eq!(email(verified.clone()), (counts, "ada@example.com".into()), "{verified}");
        }
        assert_eq!(checked(json!({ "email": "nonsense", "email_verified": true }), None).unwrap().email, None);
        assert_eq!(checked(json!({ "name": " Ada\n" }), None).unwrap().name.as_deref(), Some("Ada"));
    }

    #[test]
    fn google_vouches_only_for_addresses_that_it_hosts() {
        let google = OidcProvider { issuers: GOOGLE.map(str::to_owned).to_vec(), ..provider() };
        for (email, said, counts) in [
            ("ada@gmail.com", json!({}), true),
            ("Ada@GoogleMail.com", json!({}), true),
            ("ada@example.com", json!({ "hd": "example.com" }), true),
            ("ada@example.com", json!({}), false),
            ("ada@example.com", json!({ "hd": "" }), false),
            ("ada@example.com", json!({ "hd": null }), false),
            ("ada@example.com", json!({ "hd": true }), false),
            ("ada@gmail.com.example.com", json!({}), false),
            ("ada@notgmail.com", json!({}), false),
        ] {
            for issuer in GOOGLE {
                let mut token = token(json!({ "iss": issuer, "email": email, "email_verified": true }));
                token.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
                let claims = check(&google, &token, None, Timestamp::from_millis(NOW * 1000)).unwrap();
                assert_eq!(claims.email.is_some(), counts, "{issuer} {email} {said}");
                assert!(claims.said_email.is_some(), "{email}");
            }
        }
    }

    #[test]
    fn other_kinds_of_tokens_are_none() {
        assert_eq!(head(&json!({ "alg": "RS256", "kid": "a", "typ": "jwt" })).unwrap(), ("RS256", Some("a")));
        for header in [
            json!({ "alg": "RS256", "typ": "at+jwt" }),
            json!({ "alg": "RS256", "typ": "logout+jwt" }),
            json!({ "alg": "RS256", "typ": 5 }),
            json!({ "alg": "RS256", "crit": ["b64"] }),
            json!({ "alg": "RS256", "kid": 5 }),
            json!({ "typ": "JWT" }),
        ] {
            assert!(head(&header).is_err(), "{header}");
        }
    }
}
