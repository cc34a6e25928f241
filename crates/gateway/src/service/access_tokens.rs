//! Access tokens: JWT (RFC 9068) with the id of the key that signed them. Which algorithm a token is verified with is said by
//! that key, never by the token. Adding a key in front of the ring rotates without signing anyone out, also from a shared
//! secret to a pair of keys whose public part others can verify with.

use domain::{SessionId, Timestamp, UserId, permission::Role};
use jsonwebtoken::{Header, Validation, jwk::JwkSet};
use ports::Platform;
use serde::{Deserialize, Serialize};

use crate::{
    Config,
    config::SigningKey,
    error::{Error, Result},
};

/// `typ` of the header: an access token and nothing else.
const TYPE: &str = "at+jwt";
/// `aud`: this API.
const AUDIENCE: &str = "littoral";

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    role: String,
    /// Missing in tokens of older servers.
    #[serde(default)]
    email_verified: bool,
    /// The session's generation when the token was made.
    r#gen: i64,
    auth_time: i64,
    iat: i64,
    /// Never in a token of ours; who holds the key may say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
}

/// What a valid token says.
#[derive(Clone, Copy, Debug)]
pub struct Claims {
    /// Whose token.
    pub user: UserId,
    /// Of which session.
    pub session: SessionId,
    /// What the user was when it was made.
    pub role: Role,
    /// Whether the user's address was proved when it was made.
    pub email_verified: bool,
    /// The session's generation when it was made.
    pub generation: i64,
    /// When the user last proved to be there, in whole seconds.
    pub authenticated_at: Timestamp,
}

/// Signs a token.
pub fn issue(config: &Config, claims: Claims, now: Timestamp) -> Result<String> {
    let key = config.jwt_keys.first().ok_or_else(|| Error::internal("no key to sign with"))?;
    let wire = Wire {
        iss: config.public_url.clone(),
        aud: AUDIENCE.into(),
        sub: claims.user.to_string(),
        sid: claims.session.to_string(),
        role: claims.role.as_str().into(),
        email_verified: claims.email_verified,
        r#gen: claims.generation,
        auth_time: claims.authenticated_at.seconds(),
        iat: now.seconds(),
        nbf: None,
        exp: now.plus(config.access_token).seconds(),
    };
    jsonwebtoken::encode(&header(key), &wire, &key.signs).map_err(|error| Error::internal(error.to_string()))
}

/// The header of every token that a key signs.
fn header(key: &SigningKey) -> Header {
    Header { typ: Some(TYPE.into()), kid: Some(key.id.clone()), ..Header::new(key.algorithm) }
}

/// What others can verify our tokens with (RFC 7517): nothing where the keys are shared secrets.
pub fn public_keys(config: &Config) -> JwkSet {
    JwkSet { keys: config.jwt_keys.iter().filter_map(|key| key.public.clone()).collect() }
}

/// The claims of a token that is ours, unexpired, and of a session that has not ended.
pub async fn verify(platform: &Platform, config: &Config, token: &str) -> Result<Claims> {
    let claims = match check(config, token, platform.clock.now()) {
        Checked::Good(claims) => claims,
        Checked::Expired => {
            return Err(Error::bad_bearer("token_expired", "This access token has expired. Refresh and try again."));
        }
        Checked::Refused => {
            let detail = "This access token is not valid. Refresh, or sign in again.";
            return Err(Error::bad_bearer("invalid_token", detail));
        }
    };
    match platform.keys.get(&ended_key(claims.session)).await? {
        None => Ok(claims),
        Some(word) => match std::str::from_utf8(&word).ok().and_then(|word| word.parse::<i64>().ok()) {
            Some(generation) if claims.generation >= generation => Ok(claims),
            Some(_) => {
                Err(Error::bad_bearer("token_outdated", "This access token is outdated. Refresh and try again."))
            }
            None => Err(Error::bad_bearer("session_ended", "This session has ended. Sign in again.")),
        },
    }
}

/// Where the end of a session is cached for as long as its access tokens live: [`ENDED`], or the oldest generation whose tokens
/// are worth something.
pub fn ended_key(session: SessionId) -> String {
    format!("session-ended/{session}")
}

/// What the cache says of a session that has ended.
pub const ENDED: &str = "ended";

/// A longer token is none of ours, in bytes.
const MAX_BYTES: usize = 4096;

/// What a token is.
#[derive(Clone, Copy, Debug)]
enum Checked {
    /// Ours, and of now.
    Good(Claims),
    /// Ours, and its time is over.
    Expired,
    /// Not ours, or not yet valid.
    Refused,
}

fn check(config: &Config, token: &str, now: Timestamp) -> Checked {
    match read(config, token, now) {
        Some((_, expires)) if expires <= now.seconds() => Checked::Expired,
        Some((claims, _)) => Checked::Good(claims),
        None => Checked::Refused,
    }
}

/// The claims of a token that is ours, and the second from which on it has expired.
fn read(config: &Config, token: &str, now: Timestamp) -> Option<(Claims, i64)> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let given = jsonwebtoken::decode_header(token).ok()?;
    let key = config.jwt_keys.iter().find(|key| given.kid.as_ref() == Some(&key.id))?;
    // Whatever else a header may bring along (`jwk`, `jku`, `x5u`, `crit`, another algorithm), ours does not.
    if given != header(key) {
        return None;
    }
    let mut validation = Validation::new(key.algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[&config.public_url]);
    // The library would ask the system's clock; ours is a port.
    validation.validate_exp = false;
    let wire = jsonwebtoken::decode::<Wire>(token, &key.verifies, &validation).ok()?.claims;
    let begins = wire.nbf.map_or(wire.iat, |nbf| nbf.max(wire.iat));
    (begins <= now.seconds() + CLOCK_SKEW_SECONDS).then_some(())?;
    let claims = Claims {
        user: UserId::parse(&wire.sub)?,
        session: SessionId::parse(&wire.sid)?,
        role: Role::parse(&wire.role)?,
        email_verified: wire.email_verified,
        generation: wire.r#gen,
        authenticated_at: Timestamp::from_millis(wire.auth_time.checked_mul(1000)?),
    };
    Some((claims, wire.exp))
}

/// How far the clocks of two isolates may lie apart.
const CLOCK_SKEW_SECONDS: i64 = 60;

#[cfg(test)]
mod tests;
