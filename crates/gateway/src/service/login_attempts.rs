//! Wrong passwords: counted by address, whether or not anybody has it, so that a known and an unknown one are answered alike.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Secret, Timestamp,
    account::{Device, User},
    lockout::{Record, Verdict},
};
use ports::{Outcome, Platform, Statement};
use sha2::{Digest as _, Sha256};

use super::{
    audit::{self, Action, Event},
    letters::{self, Letter},
    passwords,
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// What an address is counted by.
#[derive(Clone, Debug)]
pub struct Key(String);

impl Key {
    /// The key of an address, or of what was sent in its place.
    pub fn of(address: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(address.trim().to_lowercase().as_bytes())))
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

/// Reads what is known of an address.
pub fn read(key: &Key) -> Statement {
    store::login_failures::by_address(&key.0)
}

/// Refuses a try that comes too early. `known` is the outcome of [`read`].
pub fn check(platform: &Platform, config: &Config, known: Option<&Outcome>) -> Result<()> {
    let record = known.map(store::login_failures::decode).transpose()?.flatten();
    judge(config, record.as_ref(), platform.clock.now())
}

fn judge(config: &Config, record: Option<&Record>, now: Timestamp) -> Result<()> {
    match config.accounts.lockout.judge(record, now) {
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
    key: &Key,
    user: Option<&User>,
    event: &Event<'_>,
) -> Result<()> {
    let (now, rule) = (platform.clock.now(), config.accounts.lockout);
    let batch = vec![
        store::login_failures::fail(&key.0, rule, now),
        store::login_failures::purge(rule, now),
        audit::statement(platform, event),
    ];
    let outcomes = platform.accounts.batch(batch).await?;
    let Some(record) = outcomes.first().map(store::login_failures::decode).transpose()?.flatten() else {
        // Locked while this password was verified: it does not count, right or wrong.
        let known = platform.accounts.run(read(key)).await?;
        return check(platform, config, Some(&known));
    };
    if let Some(until) = record.locked_until.filter(|_| rule.failures > 0) {
        let event = Event { action: Action::AccountLocked, succeeded: true, detail: None, ..*event };
        audit::record(platform, &event).await;
        if let Some(email) = user.and_then(|user| user.email.as_deref()) {
            letters::send(platform, config, email, Letter::AccountLocked { until: until.to_minute() });
        }
    }
    Ok(())
}

/// Forgets the wrong passwords before a right one. Refuses it when the address was locked while it was verified: of many guesses
/// at once no more count than one after the other.
pub async fn succeeded(platform: &Platform, config: &Config, key: &Key) -> Result<()> {
    let batch = vec![store::login_failures::forgive(&key.0, platform.clock.now()), read(key)];
    check(platform, config, platform.accounts.batch(batch).await?.get(1))
}

/// Unlocks an address: for the batch that gives its account a new password.
pub fn clear(key: &Key) -> Statement {
    store::login_failures::clear(&key.0)
}

/// Refuses a signed-in caller who does not know the password of their account. Wrong ones count as they do when signing in.
pub async fn require_password(
    platform: &Platform,
    config: &Config,
    user: &User,
    password: Secret<String>,
    device: &Device,
) -> Result<()> {
    let key = user.email.as_deref().map_or_else(|| Key::of(&user.id.to_string()), Key::of);
    check(platform, config, Some(&platform.accounts.run(read(&key)).await?))?;
    if passwords::verify(platform, config, password, user.password_hash.clone()).await? {
        return succeeded(platform, config, &key).await;
    }
    let event = Event { succeeded: false, ..Event::by_user(user.id, Action::PasswordAsked, device) };
    failed(platform, config, &key, Some(user), &event).await?;
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
