//! Sessions: opening, refreshing, ending.

use std::time::Duration;

use domain::{
    SessionId, UserId,
    account::{Device, Session},
    permission::Role,
};
use ports::{Platform, Statement};

use super::{
    access_tokens,
    audit::{self, Action, Event},
    refresh_tokens::{self, RefreshToken},
};
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

/// The statement that opens a session.
pub fn insert(platform: &Platform, config: &Config, id: SessionId, user: UserId, device: &Device) -> Statement {
    let now = platform.clock.now();
    store::sessions::insert(id, user, device, now, now.plus(config.session_idle), now.plus(config.session_max))
}

/// What the client of a new session gets.
pub fn first_tokens(platform: &Platform, config: &Config, user: UserId, role: Role, id: SessionId) -> Result<Tokens> {
    tokens(
        platform,
        config,
        &Session { id, user, counter: 1, role, generation: 0, authenticated_at: platform.clock.now() },
    )
}

/// Exchanges a refresh token. The token before the newest is answered with the newest again; an older one ends the session.
pub async fn refresh(platform: &Platform, config: &Config, text: &str, device: &Device) -> Result<Tokens> {
    let refused = || Error::unauthenticated("invalid_refresh_token", "Invalid or expired refresh token");
    let token = refresh_tokens::parse(config, text).ok_or_else(refused)?;
    let now = platform.clock.now();
    let idle = now.plus(config.session_idle);
    let advance = store::sessions::advance(token.session, token.number, now, idle, now.minus(REPEAT_CAP));
    if let Some(session) = store::sessions::decode(&platform.accounts.run(advance).await?)? {
        return tokens(platform, config, &session);
    }
    // Used twice: somebody else may hold it. The family ends, for both.
    let ended = platform.accounts.run(store::sessions::end_if_reused(token.session, token.number, now)).await?;
    if let Some(row) = ended.rows.first() {
        remember_end(platform, config, token.session).await?;
        let user = UserId::parse(row.text(1)?);
        let event = Event {
            user,
            actor: None,
            action: Action::RefreshTokenReused,
            succeeded: false,
            detail: None,
            session: Some(token.session),
            device,
        };
        audit::record(platform, &event).await;
        return Err(Error::unauthenticated(
            "refresh_token_reused",
            "This refresh token was used before; the session has been ended. Sign in again.",
        ));
    }
    Err(refused())
}

/// Ends a session by its user: no refresh from now on, and its access tokens die within the bound of the key-value store.
pub async fn end(
    platform: &Platform,
    config: &Config,
    user: UserId,
    session: SessionId,
    device: &Device,
) -> Result<()> {
    let event = Event { session: Some(session), ..Event::by_user(user, Action::SignedOut, device) };
    let end = store::sessions::end(session, user, "logout", platform.clock.now());
    platform.accounts.batch(vec![end, audit::statement(platform, &event)]).await?;
    remember_end(platform, config, session).await
}

/// Ends every session of a user, but for one that may stay. Returns how many.
pub async fn end_all(
    platform: &Platform,
    config: &Config,
    user: UserId,
    except: Option<SessionId>,
    reason: &'static str,
) -> Result<usize> {
    let end = store::sessions::end_all(user, except, reason, platform.clock.now());
    let ended = store::sessions::ids(&platform.accounts.run(end).await?)?;
    for session in &ended {
        remember_end(platform, config, *session).await?;
    }
    Ok(ended.len())
}

/// Makes a user's access tokens worthless, within the bound of the key-value store, without ending a session: the next refresh
/// brings tokens that tell what the user is now.
pub async fn outdate_all(platform: &Platform, config: &Config, user: UserId) -> Result<()> {
    let outcome = platform.accounts.run(store::sessions::outdate_all(user)).await?;
    for (session, row) in store::sessions::ids(&outcome)?.into_iter().zip(&outcome.rows) {
        remember(platform, config, session, &row.integer(1)?.to_string()).await?;
    }
    Ok(())
}

async fn remember_end(platform: &Platform, config: &Config, session: SessionId) -> Result<()> {
    remember(platform, config, session, access_tokens::ENDED).await
}

async fn remember(platform: &Platform, config: &Config, session: SessionId, word: &str) -> Result<()> {
    let life = config.access_token.max(Duration::from_mins(1));
    Ok(platform.keys.put(&access_tokens::ended_key(session), word.as_bytes(), Some(life)).await?)
}

/// Both tokens of the caller's session as it is stored now: after [`outdate_all`], without a refresh.
pub async fn renew(platform: &Platform, config: &Config, user: UserId, id: SessionId) -> Result<Tokens> {
    let found = platform.accounts.run(store::sessions::open_one(id, user)).await?;
    let session = store::sessions::decode(&found)?
        .ok_or_else(|| Error::unauthenticated("session_ended", "This session has ended. Sign in again."))?;
    tokens(platform, config, &session)
}

/// Both tokens of a session as it stands.
pub fn tokens(platform: &Platform, config: &Config, session: &Session) -> Result<Tokens> {
    let claims = access_tokens::Claims {
        user: session.user,
        session: session.id,
        role: session.role,
        generation: session.generation,
        authenticated_at: session.authenticated_at,
    };
    Ok(Tokens {
        access: access_tokens::issue(config, claims, platform.clock.now())?,
        refresh: refresh_tokens::issue(config, RefreshToken { session: session.id, number: session.counter })?,
        expires_in: config.access_token,
    })
}
