//! Second factors: what a user proves besides the password. Which there are and whether one is asked for is said here; how one
//! comes and goes in [`enrolment`] and [`revocation`], how one is proved in [`proof`] and [`challenges`].

pub mod challenges;
pub mod enrolment;
pub mod guesses;
pub mod proof;
pub mod qr;
pub mod recovery_codes;
pub mod revocation;
pub mod totp;
pub mod trusted_devices;

use domain::{Secret, UserId, account::Device, factor::Factor};
use ports::Platform;

use super::{
    accounts,
    identity::Identity,
    letters::{self, Letter},
};
use crate::{Config, error::Result, log::Line, store};

/// What a user has.
#[derive(Debug)]
pub struct Overview {
    /// The factors that count, oldest first.
    pub factors: Vec<Factor>,
    /// Recovery codes that were not used.
    pub recovery_codes: i64,
    /// Devices that are trusted.
    pub trusted_devices: i64,
}

/// Reads what a user has.
pub async fn overview(platform: &Platform, user: UserId) -> Result<Overview> {
    let outcomes = platform
        .accounts
        .batch(vec![
            store::factors::of_user(user),
            store::recovery_codes::left(user),
            store::trusted_devices::count(user, platform.clock.now()),
        ])
        .await?;
    let outcome = |at: usize| outcomes.get(at).cloned().unwrap_or_default();
    Ok(Overview {
        factors: store::factors::decode(&outcome(0))?,
        recovery_codes: store::recovery_codes::decode_left(&outcome(1))?,
        trusted_devices: store::trusted_devices::decode_count(&outcome(2))?,
    })
}

/// What a user who signs in has to prove besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: there is no factor.
    Nothing,
    /// Nothing: the device is trusted.
    TrustedDevice,
    /// One of these, by their words, the usual first.
    OneOf(Vec<&'static str>),
}

/// Looks at the factors of a user who signs in, perhaps from a device that is trusted.
pub async fn asked_of(platform: &Platform, user: UserId, trusted: Option<&Secret<String>>) -> Result<Asked> {
    let mut batch = vec![store::factors::of_user(user), store::recovery_codes::left(user)];
    batch.extend(trusted.and_then(|token| trusted_devices::recognise(platform, user, token)));
    let outcomes = platform.accounts.batch(batch).await?;
    let [factors, codes, rest @ ..] = outcomes.as_slice() else { return Ok(Asked::Nothing) };
    let factors = store::factors::decode(factors)?;
    if factors.is_empty() {
        return Ok(Asked::Nothing);
    }
    if rest.iter().any(|recognised| !recognised.rows.is_empty()) {
        return Ok(Asked::TrustedDevice);
    }
    let mut words: Vec<&'static str> = Vec::new();
    for factor in &factors {
        if !words.contains(&factor.kind.as_str()) {
            words.push(factor.kind.as_str());
        }
    }
    if store::recovery_codes::decode_left(codes)? > 0 {
        words.push("recovery_code");
    }
    Ok(Asked::OneOf(words))
}

/// Where a password is asked for: who has a second factor must have shown it not long ago as well.
pub async fn require_if_any(platform: &Platform, config: &Config, caller: &Identity) -> Result<()> {
    match asked_of(platform, caller.user, None).await? {
        Asked::Nothing => Ok(()),
        Asked::TrustedDevice | Asked::OneOf(_) => caller.require_recent(platform, config).await,
    }
}

/// Tells a user by mail, if there is an address. What it tells of is done: that it could not be told is a line in the log.
async fn tell(platform: &Platform, config: &Config, user: UserId, letter: Letter) {
    match accounts::find(platform, user).await {
        Ok(user) => letters::tell(platform, config, &user, letter),
        Err(error) => Line::new(platform.clock.now(), "error", "a user could not be told of a change")
            .show("cause", &error)
            .write(&*platform.log),
    }
}

/// Tells a user that something changed.
async fn tell_change(platform: &Platform, config: &Config, user: UserId, what: &str, device: &Device) {
    tell(platform, config, user, Letter::access_changed("Your two-step sign-in was changed", what, device)).await;
}
