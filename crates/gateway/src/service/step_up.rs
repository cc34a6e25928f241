//! Step-up: who is signed in proves again to be there, before something sensitive.

use std::time::Duration;

use domain::{Secret, account::Device};
use ports::Platform;

use super::{
    accounts,
    audit::{self, Action, Event},
    identity::Identity,
    passwords,
    second_factors::{
        guesses,
        proof::{self, Proof},
    },
    sessions,
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// What is shown.
#[derive(Debug)]
pub enum Evidence {
    /// The password: enough for who has no second factor.
    Password(Secret<String>),
    /// A second factor.
    Factor(Proof),
}

/// A new access token that says so.
#[derive(Debug)]
pub struct Renewed {
    /// For the `Authorization` header.
    pub access: String,
    /// Its life.
    pub expires_in: Duration,
}

/// Renews the time of a session's authentication.
pub async fn step_up(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    evidence: Evidence,
    device: &Device,
) -> Result<Renewed> {
    let (session, user) = (caller.session()?, caller.user);
    let (word, right) = match evidence {
        Evidence::Password(password) => ("password", check_password(platform, config, caller, password, device).await?),
        Evidence::Factor(proof) => (proof.as_str(), proof::take(platform, config, user, &proof, device).await?),
    };
    let event = Event { detail: Some(word), session: Some(session), ..Event::by_user(user, Action::SteppedUp, device) };
    if !right {
        audit::record(platform, &Event { succeeded: false, ..event }).await;
        // Not 401: the access token is good, and a client that refreshed and repeated this would only guess once more.
        return Err(Error::new(
            ErrorKind::Forbidden,
            "step_up_failed",
            "That is not right, or was used before. Try again with the password, or with the next code.",
        ));
    }
    let now = platform.clock.now();
    let outcomes = platform
        .accounts
        .batch(vec![store::sessions::authenticate(session, user, now), audit::statement(platform, &event)])
        .await?;
    let renewed = outcomes.first().map(store::sessions::decode).transpose()?.flatten();
    let ended = || Error::unauthenticated("session_ended", "This session has ended. Sign in again.");
    let tokens = sessions::tokens(platform, config, &renewed.ok_or_else(ended)?)?;
    // Without the refresh token: who holds a stolen access token must not get one for it.
    Ok(Renewed { access: tokens.access, expires_in: tokens.expires_in })
}

async fn check_password(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    password: Secret<String>,
    device: &Device,
) -> Result<bool> {
    if !platform.accounts.run(store::factors::of_user(caller.user)).await?.rows.is_empty() {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "second_factor_required",
            "This account has a second factor: show a code of it, or a recovery code, instead of the password.",
        ));
    }
    let now = platform.clock.now();
    let counted = guesses::taken(&platform.accounts.batch(guesses::take(caller.user, now)).await?, now)?;
    let hash = accounts::find(platform, caller.user).await?.password_hash;
    let right = passwords::verify(platform, config, password, hash).await?;
    if right {
        platform.accounts.run(guesses::forget(caller.user)).await?;
    } else {
        guesses::failed(platform, config, caller.user, counted, device).await;
    }
    Ok(right)
}
