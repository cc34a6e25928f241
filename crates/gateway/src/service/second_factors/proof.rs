//! Checks what somebody shows as a second factor. Whatever is right counts once.

use domain::{Secret, UserId, account::Device};
use ports::Platform;

use super::{guesses, recovery_codes, tell_change, totp};
use crate::{
    Config,
    error::{Error, Result},
    service::{
        audit::{self, Action, Event},
        sealing,
    },
    store::{self, factors::App},
};

/// The longest code that is looked at, in characters.
pub const MAX_CODE: usize = 32;

/// What is shown.
#[derive(Debug)]
pub enum Proof {
    /// The code of an authenticator app.
    Code(Secret<String>),
    /// A recovery code.
    RecoveryCode(Secret<String>),
}

impl Proof {
    /// The word of the API and of the audit log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Code(_) => "totp",
            Self::RecoveryCode(_) => "recovery_code",
        }
    }
}

/// Takes a proof; the answer says whether it was right. An error for who tried too often.
pub async fn take(platform: &Platform, config: &Config, user: UserId, proof: &Proof, device: &Device) -> Result<bool> {
    let now = platform.clock.now();
    let mut batch = guesses::take(user, now);
    batch.push(store::factors::apps(user));
    let outcomes = platform.accounts.batch(batch).await?;
    let counted = guesses::taken(&outcomes, now)?;
    let right = match proof {
        Proof::Code(code) => {
            let apps = outcomes.get(2).map(store::factors::decode_apps).transpose()?.unwrap_or_default();
            take_code(platform, config, user, &apps, code).await?
        }
        Proof::RecoveryCode(code) => take_recovery_code(platform, config, user, code, device).await?,
    };
    if !right {
        guesses::failed(platform, config, user, counted, device).await;
    }
    Ok(right)
}

async fn take_code(
    platform: &Platform,
    config: &Config,
    user: UserId,
    apps: &[App],
    code: &Secret<String>,
) -> Result<bool> {
    let now = platform.clock.now();
    for app in apps {
        let thing = app.id.to_string();
        let opened = sealing::open(config, user, &thing, &app.secret)?;
        let Some(step) = totp::check(&opened.secret, code.expose(), now, app.step) else { continue };
        let resealed =
            opened.outdated.then(|| sealing::seal(platform, config, user, &thing, &opened.secret)).transpose()?;
        let take = store::factors::take_step(app.id, user, step, resealed.as_deref(), now);
        // Of two requests with one code, one gets a row.
        if !platform.accounts.run(take).await?.rows.is_empty() {
            platform.accounts.run(guesses::forget(user)).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

async fn take_recovery_code(
    platform: &Platform,
    config: &Config,
    user: UserId,
    code: &Secret<String>,
    device: &Device,
) -> Result<bool> {
    for key in &config.data_keys {
        let Some(hash) = recovery_codes::hash(key, user, code.expose()) else { return Ok(false) };
        let take = store::recovery_codes::take(user, &hash, platform.clock.now());
        if platform.accounts.run(take).await?.rows.is_empty() {
            continue;
        }
        let event = audit::statement(platform, &Event::by_user(user, Action::RecoveryCodeUsed, device));
        let outcomes =
            platform.accounts.batch(vec![guesses::forget(user), event, store::recovery_codes::left(user)]).await?;
        let left = outcomes.last().map_or(Ok(0), store::recovery_codes::decode_left)?;
        tell_change(platform, config, user, &format!("a recovery code was used, {left} are left"), device).await;
        return Ok(true);
    }
    Ok(false)
}

/// The error for a proof that was wrong.
pub fn wrong() -> Error {
    Error::unauthenticated("invalid_code", "The code is wrong, too old, or was used before.")
}
