//! The last step of every way to sign in: whether the account may be used, the session, the event.

use domain::{
    Secret, SessionId, UserId,
    account::{Device, Standing, User},
    permission::Role,
};
use ports::{Platform, Statement};

use super::{
    audit::{self, Action, Event},
    first_admin,
    second_factors::{
        self,
        challenges::{self, Challenge},
    },
    sessions::{self, Tokens},
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
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

/// Signs in a user who has proved who they are, or asks for a second factor.
pub async fn finish(
    platform: &Platform,
    config: &Config,
    user: &User,
    method: Method,
    device: &Device,
) -> Result<SignIn> {
    finish_trusting(platform, config, user, method, device, None).await
}

/// The same where the device may show that it is trusted, so that no second factor is asked for.
pub async fn finish_trusting(
    platform: &Platform,
    config: &Config,
    user: &User,
    method: Method,
    device: &Device,
    trusted: Option<&Secret<String>>,
) -> Result<SignIn> {
    require_usable(user, method.as_str())?;
    if let Some(methods) = second_factors::asked_of(platform, user.id, trusted).await? {
        let challenge = challenges::pose(platform, config, user.id, method.as_str(), methods).await?;
        return Ok(SignIn::SecondFactor(challenge));
    }
    complete(platform, config, user, method.as_str(), device, Vec::new()).await.map(SignIn::Done)
}

/// Opens the session of a user who has proved all that is asked for: `by` names it. `besides` is done in the same batch.
pub async fn complete(
    platform: &Platform,
    config: &Config,
    user: &User,
    by: &str,
    device: &Device,
    besides: Vec<Statement>,
) -> Result<Tokens> {
    let role = first_admin::role(platform, config, user, device).await?;
    let (open, tokens) = open_by(platform, config, user.id, role, Action::SignedIn, by, device)?;
    let batch = sessions::make_room(platform, config, user.id).into_iter().chain(open).chain(besides).collect();
    let outcomes = platform.accounts.batch(batch).await?;
    sessions::made_room(platform, config, user.id, outcomes.first(), device).await?;
    Ok(tokens)
}

/// Refuses an account that may not be used, or not by who signed in in this way.
pub fn require_usable(user: &User, method: &str) -> Result<()> {
    if user.standing != Standing::Active {
        return Err(suspended());
    }
    if user.must_change_password && method == Method::Password.as_str() {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "password_change_required",
            "This password is no longer accepted. Set another one: POST your address to /api/v1/auth/password/forgot and follow the mail.",
        ));
    }
    Ok(())
}

/// What the owner of a suspended account hears.
pub fn suspended() -> Error {
    Error::new(
        ErrorKind::Forbidden,
        "account_suspended",
        "This account is suspended. Ask the operator of this service.",
    )
}

/// The statements that open a session and tell of it, and what the client gets when they have run.
pub fn open(
    platform: &Platform,
    config: &Config,
    user: UserId,
    role: Role,
    method: Method,
    device: &Device,
) -> Result<(Vec<Statement>, Tokens)> {
    let action = if method.is_first() { Action::Registered } else { Action::SignedIn };
    open_by(platform, config, user, role, action, method.as_str(), device)
}

fn open_by(
    platform: &Platform,
    config: &Config,
    user: UserId,
    role: Role,
    action: Action,
    by: &str,
    device: &Device,
) -> Result<(Vec<Statement>, Tokens)> {
    let session = platform.entropy.id(platform.clock.now(), SessionId::new);
    let event = Event { detail: Some(by), session: Some(session), ..Event::by_user(user, action, device) };
    let batch = vec![
        sessions::insert(platform, config, session, user, device),
        audit::statement(platform, &event),
        audit::expire(platform, config),
    ];
    Ok((batch, sessions::first_tokens(platform, config, user, role, session)?))
}
