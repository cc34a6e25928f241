//! The last step of every way to sign in: whether the account may be used, the session, the event.

use domain::{
    Secret, SessionId, Timestamp, UserId,
    account::{Device, Standing, User},
    permission::Role,
};
use ports::{DatabaseErrorKind, Platform, Statement};

use super::{
    audit::{self, Action, Event},
    first_admin, known_devices,
    second_factors::{
        self, Asked,
        challenges::{self, Challenge},
    },
    sessions::{self, Tokens},
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// How a user proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a new account's password.
    Registration,
    /// By their password.
    Password,
    /// By another provider's ID token, for the first time: the account is new.
    FirstIdToken,
    /// By another provider's ID token.
    IdToken,
    /// By nothing: a new guest.
    Guest,
}

impl Method {
    /// The word of the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Password => "password",
            Self::FirstIdToken | Self::IdToken => "id_token",
            Self::Guest => "guest",
        }
    }

    /// Whether it made the account.
    const fn is_first(self) -> bool {
        matches!(self, Self::Registration | Self::FirstIdToken | Self::Guest)
    }
}

/// What signing in came to.
#[derive(Debug)]
pub enum SignIn {
    /// The user is signed in.
    Done(Tokens),
    /// A second factor is asked for.
    SecondFactor(Challenge),
}

/// Signs in a user who has proved who they are, at `proved_at`, or asks for a second factor.
pub async fn finish(
    platform: &Platform,
    config: &Config,
    user: &User,
    method: Method,
    proved_at: Timestamp,
    device: &Device,
) -> Result<SignIn> {
    go_on(platform, config, user, (method, proved_at), device, None).await
}

/// Signs in a user who has just proved who they are, or asks for a second factor, unless the device shows that it is trusted.
pub async fn finish_trusting(
    platform: &Platform,
    config: &Config,
    user: &User,
    method: Method,
    device: &Device,
    trusted: Option<&Secret<String>>,
) -> Result<SignIn> {
    go_on(platform, config, user, (method, platform.clock.now()), device, trusted).await
}

async fn go_on(
    platform: &Platform,
    config: &Config,
    user: &User,
    (method, proved_at): (Method, Timestamp),
    device: &Device,
    trusted: Option<&Secret<String>>,
) -> Result<SignIn> {
    require_usable(platform, user, method.as_str(), device).await?;
    let proved_at = match second_factors::asked_of(platform, user.id, trusted).await? {
        Asked::Nothing => proved_at,
        // A device is no proof that its owner is there: what is sensitive asks for the factor.
        Asked::TrustedDevice => Timestamp::default(),
        Asked::OneOf(methods) => {
            let challenge = challenges::pose(platform, config, user.id, method.as_str(), methods).await?;
            return Ok(SignIn::SecondFactor(challenge));
        }
    };
    complete(platform, config, user, method.as_str(), proved_at, device, Vec::new()).await.map(SignIn::Done)
}

/// Opens the session of a user who has proved all that is asked for, at `proved_at`: `by` names it. `besides` is done in the same
/// batch. What was proved to an account that has changed since it was read counts for nothing.
pub async fn complete(
    platform: &Platform,
    config: &Config,
    user: &User,
    by: &str,
    proved_at: Timestamp,
    device: &Device,
    besides: Vec<Statement>,
) -> Result<Tokens> {
    let role = first_admin::role(platform, config, user, device).await?;
    let verified = user.email_verified_at.is_some();
    let (open, tokens) = open_by(platform, config, user.id, role, verified, Action::SignedIn, by, proved_at, device)?;
    let mut batch = sessions::make_room(platform, config, user.id).to_vec();
    let asked = batch.len();
    batch.push(known_devices::places(platform, user.id, device));
    batch.extend(open);
    batch.extend(besides);
    batch.push(store::users::demand_unchanged(user.id, user.credential_generation));
    let outcomes = platform.accounts.batch(batch).await.map_err(|error| {
        if error.kind != DatabaseErrorKind::Check {
            return error.into();
        }
        Error::unauthenticated("account_changed", "The account was changed meanwhile. Sign in again.")
    })?;
    sessions::made_room(platform, config, user.id, outcomes.first(), device).await?;
    known_devices::tell_unless_known(platform, config, user, outcomes.get(asked), device)?;
    Ok(tokens)
}

/// Refuses an account that may not be used, or not by who signed in in this way, and notes that somebody with a right proof tried.
pub async fn require_usable(platform: &Platform, user: &User, method: &str, device: &Device) -> Result<()> {
    let refusal = if user.standing != Standing::Active {
        suspended()
    } else if user.must_change_password && method == Method::Password.as_str() {
        Error::new(
            ErrorKind::Forbidden,
            "password_change_required",
            "This password is no longer accepted. Set another one: POST your address to /api/v1/auth/password/forgot and follow the mail.",
        )
    } else {
        return Ok(());
    };
    let event =
        Event { succeeded: false, detail: Some(&refusal.code), ..Event::by_user(user.id, Action::SignedIn, device) };
    audit::record(platform, &event).await;
    Err(refusal)
}

/// A sign-in that did not work, at the account of somebody or of nobody known.
pub fn failed(user: Option<UserId>, method: Method, device: &Device) -> Event<'_> {
    let detail = Some(method.as_str());
    Event { user, succeeded: false, detail, ..Event::by_nobody(Action::SignedIn, device) }
}

/// What the owner of a suspended account hears.
pub fn suspended() -> Error {
    Error::new(
        ErrorKind::Forbidden,
        "account_suspended",
        "This account is suspended. Ask the operator of this service.",
    )
}

/// The statements that open a session and tell of it, and what the client gets when they have run. `email_verified`: whether the
/// user's address is proved.
pub fn open(
    platform: &Platform,
    config: &Config,
    user: UserId,
    role: Role,
    email_verified: bool,
    method: Method,
    device: &Device,
) -> Result<(Vec<Statement>, Tokens)> {
    let action = if method.is_first() { Action::Registered } else { Action::SignedIn };
    open_by(platform, config, user, role, email_verified, action, method.as_str(), platform.clock.now(), device)
}

#[expect(clippy::too_many_arguments, reason = "all of it is told to the client or to the audit log")]
fn open_by(
    platform: &Platform,
    config: &Config,
    user: UserId,
    role: Role,
    email_verified: bool,
    action: Action,
    by: &str,
    proved_at: Timestamp,
    device: &Device,
) -> Result<(Vec<Statement>, Tokens)> {
    let session = platform.entropy.id(platform.clock.now(), SessionId::new);
    let event = Event { detail: Some(by), session: Some(session), ..Event::by_user(user, action, device) };
    let batch = vec![
        sessions::insert(platform, config, session, user, device, proved_at),
        audit::statement(platform, &event),
        audit::expire(platform, config),
    ];
    Ok((batch, sessions::first_tokens(platform, config, user, role, email_verified, session, proved_at)?))
}
