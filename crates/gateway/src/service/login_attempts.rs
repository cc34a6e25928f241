//! Wrong passwords: counted by address, whether or not anybody has it, so that a known and an unknown one are answered alike; and by
//! the network that they come from, so that who tries one password at many addresses is stopped as well. Devices that were seen
//! at an account before are counted apart from all others: strangers who lock its address do not lock its owner out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Secret, UserId,
    account::{Device, User},
    lockout::Verdict,
};
use ports::{Outcome, Platform, Statement};
use sha2::{Digest as _, Sha256};

use super::{
    audit::{self, Action, Event},
    known_devices,
    letters::{self, Letter},
    limits, passwords, step_up,
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// What an address or a network is counted by.
#[derive(Clone, Debug)]
pub struct Key(String);

impl Key {
    /// The key of an address, or of what was sent in its place.
    pub fn of(address: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(address.trim().to_lowercase().as_bytes())))
    }

    /// The key of an account's user name.
    pub fn of_name(user: UserId) -> Self {
        Self::apart("name", &user.to_string())
    }

    /// The same for devices that were seen before.
    fn of_familiar(&self) -> Self {
        Self(format!("familiar:{}", self.0))
    }

    /// A key that no address has, whatever is sent in the place of one: no hash has a colon.
    fn apart(kind: &str, text: &str) -> Self {
        Self(format!("{kind}:{}", Self::of(text).0))
    }

    /// The key as text, which does not show the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number that is always the same for an address: 48 bits.
    pub fn point(&self) -> i64 {
        self.0.bytes().take(8).fold(0, |point, byte| (point << 6) | i64::from(byte & 63))
    }
}

/// What a try is counted by: the address that it names, apart for devices that were seen there before; and the network that it
/// comes from, if the platform tells.
#[derive(Clone, Debug)]
pub struct Try {
    address: Key,
    familiar: Key,
    is_familiar: bool,
    network: Option<Key>,
}

impl Try {
    /// A try at an address, or at what was sent in its place.
    pub fn new(address: &str, device: &Device) -> Self {
        Self::of_key(Key::of(address), device)
    }

    /// A try at an account by its own address.
    pub fn of_user(user: &User, device: &Device) -> Self {
        Self::new(user.email.as_deref().unwrap_or(&user.id.to_string()), device)
    }

    /// A try at an account by its user name. It is counted apart from those by its address: a lock that both share would tell
    /// who knows the name which address belongs to it.
    pub fn by_name(user: UserId, device: &Device) -> Self {
        Self::of_key(Key::of_name(user), device)
    }

    fn of_key(address: Key, device: &Device) -> Self {
        Self { familiar: address.of_familiar(), address, is_familiar: false, network: network(device) }
    }

    /// Notes whether the device was seen before: `seen` are the outcomes of [`known_devices::seen`].
    pub fn recognise(&mut self, seen: &[Outcome], device: &Device) -> Result<()> {
        self.is_familiar = known_devices::is_familiar(seen, device)?;
        Ok(())
    }

    /// What it is counted by, besides the network.
    const fn own(&self) -> &Key {
        if self.is_familiar { &self.familiar } else { &self.address }
    }

    /// The key of the address.
    pub const fn address(&self) -> &Key {
        &self.address
    }

    /// Reads what is known of it.
    pub fn read(&self) -> Statement {
        let network = self.network.as_ref().map(Key::as_str);
        store::login_failures::known(&self.address.0, &self.familiar.0, network)
    }

    /// Refuses a try that comes too early. `known` is the outcome of [`Self::read`].
    pub fn check(&self, platform: &Platform, config: &Config, known: Option<&Outcome>) -> Result<()> {
        let of = |key: &Key| known.map(|known| store::login_failures::decode_known(known, &key.0)).transpose();
        let (rule, now) = (config.accounts.lockout, platform.clock.now());
        let network = self.network.as_ref().map(of).transpose()?.flatten().flatten();
        judge_network(rule.judge_network(network.as_ref(), now))?;
        judge(rule.judge(of(self.own())?.flatten().as_ref(), now))
    }
}

fn network(device: &Device) -> Option<Key> {
    device.address.map(|address| Key::apart("network", &limits::network(Some(address))))
}

fn judge_network(verdict: Verdict) -> Result<()> {
    let Verdict::Locked(retry_after) = verdict else { return Ok(()) };
    Err(Error::new(
        ErrorKind::RateLimited { retry_after },
        "network_locked",
        "Too many wrong passwords from your network: signing in from there is locked for a while. Wait, or use another network.",
    ))
}

fn judge(verdict: Verdict) -> Result<()> {
    match verdict {
        Verdict::Free => Ok(()),
        Verdict::Paused(retry_after) => Err(Error::new(
            ErrorKind::RateLimited { retry_after },
            "too_many_attempts",
            "Too many wrong passwords. Wait a moment before the next try.",
        )),
        Verdict::Locked(retry_after) => Err(Error::new(
            ErrorKind::RateLimited { retry_after },
            "account_locked",
            "Too many wrong passwords: signing in with this address is locked for a while. A password reset unlocks it.",
        )),
    }
}

/// Counts a wrong password. `user` is whose address it is, if it is anybody's; who is locked by this is told by mail.
pub async fn failed(
    platform: &Platform,
    config: &Config,
    tried: &Try,
    user: Option<&User>,
    event: &Event<'_>,
) -> Result<()> {
    let (now, rule) = (platform.clock.now(), config.accounts.lockout);
    let mut batch = vec![
        store::login_failures::fail(&tried.own().0, rule, now),
        store::login_failures::purge(rule, now),
        audit::statement(platform, event),
    ];
    let common = batch.len();
    batch.extend(tried.network.as_ref().map(|network| store::login_failures::fail_network(&network.0, rule, now)));
    let outcomes = platform.accounts.batch(batch).await?;
    let counted = |index: usize| outcomes.get(index).map(store::login_failures::decode).transpose();
    let (own, network) = (counted(0)?.flatten(), counted(common)?.flatten());
    if network.is_some_and(|record| record.locked_until.is_some()) {
        audit::record(platform, &Event::by_nobody(Action::NetworkLocked, event.device)).await;
    }
    if let Some(until) = own.and_then(|record| record.locked_until).filter(|_| rule.failures > 0) {
        let event = Event { action: Action::AccountLocked, succeeded: true, detail: None, ..*event };
        audit::record(platform, &event).await;
        if let Some(user) = user {
            let places = if tried.is_familiar { "have" } else { "have not" };
            letters::tell(platform, config, user, Letter::AccountLocked { places, until: until.to_minute() });
        }
    }
    if own.is_none() || (network.is_none() && tried.network.is_some()) {
        // Locked while this password was verified: it counts for nothing, right or wrong.
        let known = platform.accounts.run(tried.read()).await?;
        return tried.check(platform, config, Some(&known));
    }
    Ok(())
}

/// Forgets the wrong passwords before a right one. Refuses it when the address or the network was locked while it was verified: of
/// many guesses at once no more count than one after the other.
pub async fn succeeded(platform: &Platform, config: &Config, tried: &Try) -> Result<()> {
    let batch = vec![store::login_failures::forgive(&tried.own().0, platform.clock.now()), tried.read()];
    tried.check(platform, config, platform.accounts.batch(batch).await?.get(1))
}

/// Unlocks an address for every device: for the batch that gives its account a new password.
pub fn clear(key: &Key) -> Statement {
    store::login_failures::clear(&key.0, &key.of_familiar().0)
}

/// Refuses a signed-in caller who does not know the password of their account. Wrong ones count as they do when signing in.
pub async fn require_password(
    platform: &Platform,
    config: &Config,
    user: &User,
    password: Secret<String>,
    device: &Device,
) -> Result<()> {
    let Some(hash) = user.password_hash.clone() else { return Err(step_up::no_password(user.role)) };
    let mut tried = Try::of_user(user, device);
    let seen = known_devices::seen(platform, user.email.as_deref().unwrap_or_default(), device, None);
    let outcomes = platform.accounts.batch(std::iter::once(tried.read()).chain(seen).collect()).await?;
    tried.recognise(outcomes.get(1..).unwrap_or_default(), device)?;
    tried.check(platform, config, outcomes.first())?;
    if passwords::verify(platform, config, password, Some(hash)).await? {
        return succeeded(platform, config, &tried).await;
    }
    let event = Event { succeeded: false, ..Event::by_user(user.id, Action::PasswordAsked, device) };
    failed(platform, config, &tried, Some(user), &event).await?;
    Err(Error::new(ErrorKind::Forbidden, "wrong_password", "This is not the password of your account."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_address_have_one_key_and_the_key_does_not_show_it() {
        let key = Key::of("ada@example.com");
        assert_eq!(key.as_str(), Key::of(" Ada@Example.COM ").as_str());
        assert_ne!(key.as_str(), Key::of("bob@example.com").as_str());
        assert!(!key.as_str().contains("ada") && key.as_str().len() == 43);
        assert!((0..1 << 48).contains(&key.point()) && key.point() != Key::of("bob@example.com").point());
    }
}
