//! The second step of signing in: what somebody gets who has shown the first factor, and how it is answered.
//!
//! A challenge token is a JWT of its own type and audience, so that nothing else takes it, and names a row that the answer
//! takes away.

use std::time::Duration;

use domain::{ChallengeId, Secret, Timestamp, UserId, account::Device};
use jsonwebtoken::{Header, Validation};
use ports::Platform;
use serde::{Deserialize, Serialize};

use super::{
    proof::{self, Proof},
    trusted_devices,
};
use crate::{
    Config,
    config::SigningKey,
    error::{Error, Result},
    service::{
        audit::{self, Action, Event},
        sessions::Tokens,
        sign_in,
    },
    store,
};

/// The longest challenge token that is looked at, in characters.
pub const MAX_TOKEN: usize = 1024;

const TYPE: &str = "second-factor+jwt";
const AUDIENCE: &str = "littoral/second-factor";
/// How long it can be answered.
const LIFE: Duration = Duration::from_mins(5);
/// Tries at one challenge.
const TRIES: i64 = 5;

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: i64,
    exp: i64,
}

/// What is asked of somebody.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// For the answer.
    pub token: String,
    /// What can be shown.
    pub methods: Vec<&'static str>,
    /// How long.
    pub expires_in: Duration,
}

/// What a right answer brings.
#[derive(Debug)]
pub struct Answered {
    /// The user is signed in.
    pub tokens: Tokens,
    /// The device need not prove it again for a while.
    pub trusted_device: Option<Secret<String>>,
}

/// Asks a user, who has signed in by `method`, for a second factor.
pub async fn pose(
    platform: &Platform,
    config: &Config,
    user: UserId,
    method: &str,
    methods: Vec<&'static str>,
) -> Result<Challenge> {
    let now = platform.clock.now();
    let id = platform.entropy.id(now, ChallengeId::new);
    let batch =
        vec![store::challenges::delete_expired(now), store::challenges::insert(id, user, method, now.plus(LIFE))];
    platform.accounts.batch(batch).await?;
    Ok(Challenge { token: token(config, id, user, now)?, methods, expires_in: LIFE })
}

/// Answers a challenge and signs in.
pub async fn answer(
    platform: &Platform,
    config: &Config,
    token: &str,
    proof: &Proof,
    trust: bool,
    device: &Device,
) -> Result<Answered> {
    let now = platform.clock.now();
    let (id, user) = read(config, token, now).ok_or_else(stale)?;
    let outcomes =
        platform.accounts.batch(vec![store::challenges::take_try(id, TRIES, now), store::users::by_id(user)]).await?;
    let [challenge, users] = outcomes.as_slice() else { return Err(Error::internal("a batch lost an outcome")) };
    let challenge = store::challenges::decode(challenge)?.filter(|challenge| challenge.user == user);
    let user = store::users::decode(users)?.pop();
    let (challenge, user) = challenge.zip(user).ok_or_else(stale)?;
    sign_in::require_usable(platform, &user, &challenge.method, device).await?;
    if !proof::take(platform, config, user.id, proof, device).await? {
        let event = Event {
            succeeded: false,
            detail: Some(proof.as_str()),
            ..Event::by_user(user.id, Action::SignedIn, device)
        };
        audit::record(platform, &event).await;
        return Err(proof::wrong());
    }
    // Of two right answers at once, one gets a row.
    if platform.accounts.run(store::challenges::end(id)).await?.rows.is_empty() {
        return Err(stale());
    }
    let by = format!("{}+{}", challenge.method, proof.as_str());
    let (besides, trusted_device) = if trust && !config.second_factors.trusted_device.is_zero() {
        let (statements, token) = trusted_devices::trust(platform, config, user.id, device);
        (statements, Some(token))
    } else {
        (Vec::new(), None)
    };
    let tokens = sign_in::complete(platform, config, &user, &by, platform.clock.now(), device, besides).await?;
    Ok(Answered { tokens, trusted_device })
}

fn stale() -> Error {
    Error::unauthenticated(
        "invalid_challenge",
        "The challenge has expired, was answered, or was tried too often. Sign in again.",
    )
}

fn token(config: &Config, id: ChallengeId, user: UserId, now: Timestamp) -> Result<String> {
    let key = config.jwt_keys.first().ok_or_else(|| Error::internal("no key to sign with"))?;
    let wire = Wire {
        iss: config.public_url.clone(),
        aud: AUDIENCE.into(),
        sub: user.to_string(),
        jti: id.to_string(),
        iat: now.seconds(),
        exp: now.plus(LIFE).seconds(),
    };
    jsonwebtoken::encode(&header(key), &wire, &key.signs).map_err(|error| Error::internal(error.to_string()))
}

/// The header of every token that a key signs.
fn header(key: &SigningKey) -> Header {
    Header { typ: Some(TYPE.into()), kid: Some(key.id.clone()), ..Header::new(key.algorithm) }
}

fn read(config: &Config, token: &str, now: Timestamp) -> Option<(ChallengeId, UserId)> {
    let given = jsonwebtoken::decode_header(token).ok()?;
    let key = config.jwt_keys.iter().find(|key| given.kid.as_ref() == Some(&key.id))?;
    if given != header(key) {
        return None;
    }
    let mut validation = Validation::new(key.algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[&config.public_url]);
    // The library would ask the system's clock; ours is a port.
    validation.validate_exp = false;
    let wire = jsonwebtoken::decode::<Wire>(token, &key.verifies, &validation).ok()?.claims;
    (now.seconds() < wire.exp).then_some(())?;
    Some((ChallengeId::parse(&wire.jti)?, UserId::parse(&wire.sub)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::tests::sample, service::access_tokens};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn ids() -> (ChallengeId, UserId) {
        (ChallengeId::new(NOW, [1; 10]), UserId::new(NOW, [2; 10]))
    }

    #[test]
    fn a_token_says_which_challenge_until_it_expires() {
        let config = sample(&[]);
        let (id, user) = ids();
        let token = token(&config, id, user, NOW).unwrap();
        assert_eq!(read(&config, &token, NOW), Some((id, user)));
        assert_eq!(read(&config, &token, NOW.plus(LIFE)), None);
        assert!(token.len() < MAX_TOKEN);
    }

    #[test]
    fn nothing_else_is_taken_for_one() {
        let config = sample(&[]);
        let (id, user) = ids();
        let good = token(&config, id, user, NOW).unwrap();
        let other = sample(&[("LITTORAL_JWT_KEYS", "k1:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA")]);
        assert_eq!(read(&other, &good, NOW), None, "another key");
        let moved = sample(&[("LITTORAL_PUBLIC_URL", "https://elsewhere.example")]);
        assert_eq!(read(&moved, &good, NOW), None, "another issuer");
        let claims = access_tokens::Claims {
            user,
            session: domain::SessionId::new(NOW, [3; 10]),
            role: domain::permission::Role::User,
            email_verified: true,
            generation: 0,
            authenticated_at: NOW,
        };
        assert_eq!(read(&config, &access_tokens::issue(&config, claims, NOW).unwrap(), NOW), None, "an access token");
        for bad in [format!("{good}x"), good[..good.len() - 2].to_owned(), String::new(), "a.b.c".into()] {
            assert_eq!(read(&config, &bad, NOW), None);
        }
    }
}
