//! Sessions: opening, refreshing, ending.

use std::time::Duration;

use domain::{SessionId, UserId};
use ports::Platform;

use super::{access_tokens, refresh_tokens, refresh_tokens::RefreshToken};
use crate::{
    Config,
    error::{Error, Result},
    store,
};

/// How long after a rotation the token before is still answered with the same successor, used or not: a cap on top of
/// "while the successor is unused".
const REPEAT_CAP: Duration = Duration::from_hours(7 * 24);

/// What a client needs to stay signed in.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For the `Authorization` header.
    pub access: String,
    /// For the next refresh.
    pub refresh: String,
    /// Life of the access token.
    pub expires_in: Duration,
}

/// Opens a session.
pub async fn open(platform: &Platform, config: &Config, user: UserId, user_agent: Option<&str>) -> Result<Tokens> {
    let now = platform.clock.now();
    let session = platform.entropy.id(now, SessionId::new);
    platform
        .accounts
        .run(store::sessions::insert(
            session,
            user,
            user_agent,
            now,
            now.plus(config.session_idle),
            now.plus(config.session_max),
        ))
        .await?;
    tokens(platform, config, user, RefreshToken { session, number: 1 })
}

/// Exchanges a refresh token. The token before the newest is answered with the newest again; an older one ends the session.
pub async fn refresh(platform: &Platform, config: &Config, text: &str) -> Result<Tokens> {
    let refused = || Error::unauthenticated("invalid_refresh_token", "Invalid or expired refresh token");
    let token = refresh_tokens::parse(config, text).ok_or_else(refused)?;
    let now = platform.clock.now();
    let idle = now.plus(config.session_idle);
    let advance = store::sessions::advance(token.session, token.number, now, idle, now.minus(REPEAT_CAP));
    if let Some(session) = store::sessions::decode(&platform.accounts.run(advance).await?)? {
        return tokens(platform, config, session.user, RefreshToken { session: session.id, number: session.counter });
    }
    // Used twice: somebody else may hold it. The family ends, for both.
    let ended = platform.accounts.run(store::sessions::end_if_reused(token.session, token.number, now)).await?;
    if !ended.rows.is_empty() {
        remember_end(platform, config, token.session).await?;
        return Err(Error::unauthenticated(
            "refresh_token_reused",
            "This refresh token was used before; the session has been ended. Sign in again.",
        ));
    }
    Err(refused())
}

/// Ends a session: no refresh from now on, and its access tokens die within the bound of the key-value store.
pub async fn end(platform: &Platform, config: &Config, user: UserId, session: SessionId) -> Result<()> {
    platform.accounts.run(store::sessions::end(session, user, platform.clock.now())).await?;
    remember_end(platform, config, session).await
}

async fn remember_end(platform: &Platform, config: &Config, session: SessionId) -> Result<()> {
    let life = config.access_token.max(Duration::from_mins(1));
    Ok(platform.keys.put(&access_tokens::ended_key(session), b"1", Some(life)).await?)
}

fn tokens(platform: &Platform, config: &Config, user: UserId, token: RefreshToken) -> Result<Tokens> {
    let claims = access_tokens::Claims { user, session: token.session };
    Ok(Tokens {
        access: access_tokens::issue(config, claims, platform.clock.now())?,
        refresh: refresh_tokens::issue(config, token)?,
        expires_in: config.access_token,
    })
}
