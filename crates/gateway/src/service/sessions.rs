//! Sessions: opening, refreshing, listing, ending.

use std::time::Duration;

use domain::{
    SessionId, Timestamp, UserId,
    account::{Device, Session},
    permission::Role,
    user_agent,
};
use futures_util::future::try_join_all;
use ports::{Outcome, Platform, Statement};

use super::{
    access_tokens,
    audit::{self, Action, Event},
    known_devices,
    refresh_tokens::{self, RefreshToken},
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store::{self, sessions::RepeatLimits},
};

pub use store::sessions::OpenSession;

/// How long after a rotation the token before is still answered with the same successor, used or not: a cap on top of
/// "while the successor is unused".
const REPEAT_CAP: Duration = Duration::from_hours(7 * 24);

/// At which rotation in a row whose token comes again a session ends: nobody loses so many answers, so that two hold its tokens and
/// refresh in turns. A rotation whose token does not come again begins the row anew.
const REPEATS: i64 = 10;
/// The same where the token comes again from another network or program than the one that had it first.
const REPEATS_APART: i64 = 4;
/// How long after a rotation a repeat from the same network and program is not counted: apps refresh several times at once.
const AT_ONCE: Duration = Duration::from_secs(10);

/// How many sessions that are over are noted or deleted when their user signs in: more than come with one sign-in, so that it ends.
const FORGOTTEN_AT_ONCE: i64 = 20;

/// How many sessions that are over are kept of a user, however young they are.
const KEPT_AFTER_THEIR_END: i64 = 500;

/// Which sessions signing out ends, as `GoTrue` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Scope {
    /// This one.
    #[default]
    Local,
    /// All of the user's.
    Global,
    /// All but this one.
    Others,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Local, Self::Global, Self::Others];

    /// The word of the API and of the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Global => "global",
            Self::Others => "others",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

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
pub fn insert(
    platform: &Platform,
    config: &Config,
    id: SessionId,
    user: UserId,
    device: &Device,
    authenticated_at: Timestamp,
) -> Statement {
    let now = platform.clock.now();
    let (idle_at, expires_at) = (now.plus(config.session_idle), now.plus(config.session_max));
    store::sessions::insert(id, user, device, authenticated_at, now, idle_at, expires_at)
}

/// The statements that make room for one more session of a user: for the batch that opens it, before it does.
pub fn make_room(platform: &Platform, config: &Config, user: UserId) -> [Statement; 3] {
    let now = platform.clock.now();
    [
        store::sessions::end_beyond(user, config.sessions.most.saturating_sub(1), now),
        store::sessions::end_expired(user, now, FORGOTTEN_AT_ONCE),
        store::sessions::forget(
            user,
            now.minus(config.sessions.audit_retention),
            KEPT_AFTER_THEIR_END,
            FORGOTTEN_AT_ONCE,
        ),
    ]
}

/// What is left to do when the batch has run: `ended` is the outcome of the first statement of [`make_room`].
pub async fn made_room(
    platform: &Platform,
    config: &Config,
    user: UserId,
    ended: Option<&Outcome>,
    device: &Device,
) -> Result<()> {
    let ended = ended.map(store::sessions::ids).transpose()?.unwrap_or_default();
    remember_ends(platform, config, &ended).await?;
    for session in ended {
        let event = Event::by_user(user, Action::SessionEnded, device);
        let event = Event { detail: Some("too_many_sessions"), session: Some(session), ..event };
        audit::record(platform, &event).await;
    }
    Ok(())
}

/// What the client of a new session gets.
pub fn first_tokens(
    platform: &Platform,
    config: &Config,
    user: UserId,
    role: Role,
    email_verified: bool,
    id: SessionId,
    authenticated_at: Timestamp,
) -> Result<Tokens> {
    let session = Session { id, user, counter: 1, role, email_verified, generation: 0, authenticated_at };
    tokens(platform, config, &session)
}

/// Exchanges a refresh token. The token before the newest is answered with the newest again; an older one ends the session, and so
/// does one that comes again too often in a row.
pub async fn refresh(platform: &Platform, config: &Config, text: &str, device: &Device) -> Result<Tokens> {
    let refused = || Error::unauthenticated("invalid_refresh_token", "Invalid or expired refresh token");
    let token = refresh_tokens::parse(config, text).ok_or_else(refused)?;
    let now = platform.clock.now();
    let idle = now.plus(config.session_idle);
    let from = known_devices::place(device);
    let repeats = RepeatLimits {
        since: now.minus(REPEAT_CAP),
        counts_since: now.minus(AT_ONCE),
        most: REPEATS,
        most_apart: REPEATS_APART,
        from: &from,
    };
    let advance = store::sessions::advance(token.session, token.number, now, idle, repeats, device);
    if let Some(session) = store::sessions::decode(&platform.accounts.run(advance).await?)? {
        return tokens(platform, config, &session);
    }
    // Used twice: somebody else may hold it. The family ends, for both.
    let end = store::sessions::end_if_reused(token.session, token.number, now, repeats);
    let Some(ended) = store::sessions::decode_open(&platform.accounts.run(end).await?)?.pop() else {
        return Err(refused());
    };
    let name = name(&ended);
    let event = Event::by_user(ended.user, Action::RefreshTokenReused, device);
    let event = Event { succeeded: false, detail: Some(&name), session: Some(ended.id), ..event };
    audit::record(platform, &event).await;
    remember_end(platform, config, ended.id).await?;
    let detail = format!(
        "This refresh token was used before, so the session on {name} (last used {}) has been ended. Sign in again.",
        ended.last_used_at
    );
    Err(Error::new(ErrorKind::Unauthenticated, "refresh_token_reused", detail))
}

/// What a person knows the device of a session by.
fn name(session: &OpenSession) -> String {
    let device = &session.device;
    let program = device.user_agent.as_deref().and_then(user_agent::program);
    match (&device.name, &device.platform, program) {
        (Some(name), ..) => format!("“{name}”"),
        (None, Some(platform), Some(program)) => format!("{program} on {platform}"),
        (None, Some(word), None) => format!("a device with {word}"),
        (None, None, Some(program)) => program,
        (None, None, None) => "an unknown device".into(),
    }
}

/// The open sessions of a user, the one that was used last first.
pub async fn list(platform: &Platform, user: UserId) -> Result<Vec<OpenSession>> {
    let open = store::sessions::open_of(user, platform.clock.now());
    Ok(store::sessions::decode_open(&platform.accounts.run(open).await?)?)
}

/// Ends sessions by their user: no refresh from now on, and their access tokens die within the bound of the key-value store.
pub async fn sign_out(
    platform: &Platform,
    config: &Config,
    user: UserId,
    session: SessionId,
    scope: Scope,
    device: &Device,
) -> Result<()> {
    let now = platform.clock.now();
    let end = match scope {
        Scope::Local => store::sessions::end(session, user, "logout", now),
        Scope::Global => store::sessions::end_all(user, None, "logout", now),
        Scope::Others => store::sessions::end_all(user, Some(session), "ended_by_user", now),
    };
    let event = Event::by_user(user, Action::SignedOut, device);
    let event = Event { detail: Some(scope.as_str()), session: Some(session), ..event };
    let outcomes = platform.accounts.batch(vec![end, audit::statement_if_changed(platform, &event)]).await?;
    let mut ended = outcomes.first().map(store::sessions::ids).transpose()?.unwrap_or_default();
    // Somebody else may have ended it in the meantime; its token has to die all the same.
    if scope != Scope::Others && !ended.contains(&session) {
        ended.push(session);
    }
    remember_ends(platform, config, &ended).await
}

/// Ends one session by its user.
pub async fn end(
    platform: &Platform,
    config: &Config,
    user: UserId,
    session: SessionId,
    device: &Device,
) -> Result<()> {
    let now = platform.clock.now();
    let event = Event { session: Some(session), ..Event::by_user(user, Action::SessionEnded, device) };
    let batch = vec![
        store::sessions::end(session, user, "ended_by_user", now),
        audit::statement_if_changed(platform, &event),
        store::sessions::ended_since(user, now.minus(config.access_token)),
    ];
    let outcomes = platform.accounts.batch(batch).await?;
    let [ended, _, lately] = outcomes.as_slice() else { return Err(Error::internal("a batch lost an outcome")) };
    // Also when it was ended before: who asks again may do so because this failed the first time.
    if !ended.rows.is_empty() || store::sessions::ids(lately)?.contains(&session) {
        remember_end(platform, config, session).await?;
    }
    if ended.rows.is_empty() { Err(missing()) } else { Ok(()) }
}

/// What a caller hears of a session that is not theirs, or not open.
pub fn missing() -> Error {
    Error::not_found("Session")
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
    remember_ends(platform, config, &ended).await?;
    Ok(ended.len())
}

/// Makes a user's access tokens worthless, within the bound of the key-value store, without ending a session: the next refresh
/// brings tokens that tell what the user is now.
pub async fn outdate_all(platform: &Platform, config: &Config, user: UserId) -> Result<()> {
    remember_generations(platform, config, &platform.accounts.run(store::sessions::outdate_all(user)).await?).await
}

/// What is left to do when [`store::sessions::outdate_all`] was part of a batch.
pub async fn remember_generations(platform: &Platform, config: &Config, outcome: &Outcome) -> Result<()> {
    for (session, row) in store::sessions::ids(outcome)?.into_iter().zip(&outcome.rows) {
        remember_generation(platform, config, session, Some(row.integer(1)?)).await?;
    }
    Ok(())
}

/// Remembers a session's generation; `None`: it has ended. What is written late may overwrite something newer, so the session is
/// looked at again afterwards, until what is remembered is what it is.
async fn remember_generation(
    platform: &Platform,
    config: &Config,
    session: SessionId,
    mut generation: Option<i64>,
) -> Result<()> {
    while let Some(written) = generation {
        remember(platform, config, session, &written.to_string()).await?;
        generation =
            store::sessions::decode_generation(&platform.accounts.run(store::sessions::generation(session)).await?)?;
        if generation == Some(written) {
            return Ok(());
        }
    }
    remember_end(platform, config, session).await
}

/// Makes the access tokens of every ended session of a user worthless once more, within the bound of the key-value store: for
/// who crashed between ending them and that.
pub async fn repeat_ends(platform: &Platform, config: &Config, user: UserId) -> Result<()> {
    let since = platform.clock.now().minus(config.access_token);
    let ended = platform.accounts.run(store::sessions::ended_since(user, since)).await?;
    remember_ends(platform, config, &store::sessions::ids(&ended)?).await
}

/// What is left to do when [`store::sessions::end_all`] was part of a batch: makes the access tokens of these sessions worthless,
/// within the bound of the key-value store.
pub async fn remember_ends(platform: &Platform, config: &Config, sessions: &[SessionId]) -> Result<()> {
    try_join_all(sessions.iter().map(|session| remember_end(platform, config, *session))).await.map(drop)
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
        .ok_or_else(|| Error::bad_bearer("session_ended", "This session has ended. Sign in again."))?;
    tokens(platform, config, &session)
}

/// Both tokens of a session as it stands.
pub fn tokens(platform: &Platform, config: &Config, session: &Session) -> Result<Tokens> {
    let claims = access_tokens::Claims {
        user: session.user,
        session: session.id,
        role: session.role,
        email_verified: session.email_verified,
        generation: session.generation,
        authenticated_at: session.authenticated_at,
    };
    Ok(Tokens {
        access: access_tokens::issue(config, claims, platform.clock.now())?,
        refresh: refresh_tokens::issue(config, RefreshToken { session: session.id, number: session.counter })?,
        expires_in: config.access_token,
    })
}
