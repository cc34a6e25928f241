//! Step-up: who is signed in proves again to be there, before something sensitive.

use std::time::Duration;

use domain::{Secret, Timestamp, UserId, account::Device, permission::Role};
use ports::Platform;

use super::{
    accounts,
    audit::{self, Action, Event},
    id_tokens, identities,
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
    /// An ID token of a provider that signs in to the account: the same.
    IdToken(String, id_tokens::Proof),
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
    let (event, proved_at) = prove(platform, config, caller, evidence, device).await?;
    let authenticate = store::sessions::authenticate(session, user, proved_at, platform.clock.now());
    let outcomes = platform.accounts.batch(vec![authenticate, audit::statement_if_changed(platform, &event)]).await?;
    let renewed = outcomes.first().map(store::sessions::decode).transpose()?.flatten();
    let ended = || Error::bad_bearer("session_ended", "This session has ended. Sign in again.");
    let tokens = sessions::tokens(platform, config, &renewed.ok_or_else(ended)?)?;
    // Without the refresh token: who holds a stolen access token must not get one for it.
    Ok(Renewed { access: tokens.access, expires_in: tokens.expires_in })
}

/// Refuses whoever does not prove with this very request to be there. Returns the event that tells of it, and when the proof
/// is of.
pub async fn prove<'a>(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    evidence: Evidence,
    device: &'a Device,
) -> Result<(Event<'a>, Timestamp)> {
    let (session, user) = (caller.session()?, caller.user);
    let just_now = |right: bool| right.then(|| platform.clock.now()).ok_or_else(wrong);
    let (word, checked) = match evidence {
        Evidence::Password(password) => {
            ("password", just_now(check_password(platform, config, user, password, device).await?))
        }
        Evidence::IdToken(provider, proof) => {
            ("id_token", check_id_token(platform, config, user, &provider, &proof).await?)
        }
        Evidence::Factor(proof) => {
            (proof.as_str(), just_now(proof::take(platform, config, user, &proof, device).await?))
        }
    };
    let event = Event { detail: Some(word), session: Some(session), ..Event::by_user(user, Action::SteppedUp, device) };
    match checked {
        Ok(at) => Ok((event, at)),
        Err(refusal) => {
            audit::record(platform, &Event { succeeded: false, ..event }).await;
            Err(refusal)
        }
    }
}

/// Whether it is the password. An account that has none is told so, and nothing is counted: there is nothing to guess.
async fn check_password(
    platform: &Platform,
    config: &Config,
    user: UserId,
    password: Secret<String>,
    device: &Device,
) -> Result<bool> {
    require_no_factor(platform, user).await?;
    let account = accounts::find(platform, user).await?;
    let Some(hash) = account.password_hash else { return Err(no_password(account.role)) };
    let now = platform.clock.now();
    let counted = guesses::taken(&platform.accounts.batch(guesses::take(user, now)).await?, now)?;
    let right = passwords::verify(platform, config, password, Some(hash)).await?;
    if right {
        platform.accounts.run(guesses::forget(user)).await?;
    } else {
        guesses::failed(platform, config, user, counted, device).await;
    }
    Ok(right)
}

/// When an ID token proves that the user was there, or why it does not. One that was shown before, here or to sign in, is taken
/// again: it says the same time again, so that it counts no longer than it would have, and nothing is gained by repeating it. It
/// cannot be guessed, so that nothing is counted.
async fn check_id_token(
    platform: &Platform,
    config: &Config,
    user: UserId,
    provider: &str,
    proof: &id_tokens::Proof,
) -> Result<Result<Timestamp>> {
    require_no_factor(platform, user).await?;
    let found = match identities::proved_at(platform, config, user, provider, proof).await {
        Err(error) if error.kind == ErrorKind::Unauthenticated => {
            return Ok(Err(Error { kind: ErrorKind::Forbidden, ..error }));
        }
        found => found?,
    };
    Ok(match found {
        None => Err(refused(
            "step_up_failed",
            "This ID token is of nobody who is linked to your account. Sign in at the provider as who is.",
        )),
        Some(at) if platform.clock.now().since(at) > config.second_factors.step_up => Err(refused(
            "id_token_too_old",
            "This ID token is too old to prove that you are there. Sign in at the provider anew and send the new one.",
        )),
        Some(at) => Ok(at),
    })
}

/// What proves a first factor must not take a second one away.
async fn require_no_factor(platform: &Platform, user: UserId) -> Result<()> {
    if platform.accounts.run(store::factors::of_user(user)).await?.rows.is_empty() {
        return Ok(());
    }
    Err(refused(
        "second_factor_required",
        "This account has a second factor: show a code of it, or a recovery code, instead.",
    ))
}

fn wrong() -> Error {
    refused(
        "step_up_failed",
        "That is not right, or was used before. Try again with the password, or with the next code.",
    )
}

/// Who has no password cannot show one.
pub fn no_password(role: Role) -> Error {
    if role == Role::Guest {
        return refused(
            "no_password",
            "A guest has nothing to prove itself with. Upgrade the account first: POST an address and a password to /api/v1/auth/guest/upgrade.",
        );
    }
    refused(
        "no_password",
        "This account has no password. Sign in at its provider anew and send that id_token with the provider's name, or set a password by mail: POST your address to /api/v1/auth/password/forgot.",
    )
}

/// Not 401: the access token is good, and a client that refreshed and repeated this would only guess once more.
fn refused(code: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Forbidden, code, detail)
}
