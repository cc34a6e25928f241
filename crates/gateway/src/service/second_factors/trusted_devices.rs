//! Trusted devices: who proved a second factor on one may skip it there for a while.
//!
//! A token is `ltd_<id>.<256 random bits>`. They cannot be guessed, so a plain SHA-256 of them is kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Secret, TrustedDeviceId, UserId, account::Device};
use ports::{Platform, Statement};
use sha2::{Digest as _, Sha256};

use crate::{Config, store};

const PREFIX: &str = "ltd_";
/// The most devices that a user trusts; one more takes the place of the one that was used last the longest ago.
const MOST: i64 = 20;

/// The longest token that is looked at, in characters.
pub const MAX_TOKEN: usize = 128;

/// The statements that trust a device, and its token.
pub fn trust(platform: &Platform, config: &Config, user: UserId, device: &Device) -> (Vec<Statement>, Secret<String>) {
    let now = platform.clock.now();
    let id = platform.entropy.id(now, TrustedDeviceId::new);
    let secret = Secret::new(URL_SAFE_NO_PAD.encode(platform.entropy.bytes::<32>()));
    let until = now.plus(config.second_factors.trusted_device);
    let statements = vec![
        store::trusted_devices::delete_expired(user, now),
        store::trusted_devices::delete_beyond(user, MOST - 1),
        store::trusted_devices::insert(id, user, &hash(secret.expose()), device, now, until),
    ];
    (statements, Secret::new(format!("{PREFIX}{id}.{}", secret.expose())))
}

/// The statement that recognises a user's device: it returns a row if it does. `None`: the token is none of ours.
pub fn recognise(platform: &Platform, user: UserId, token: &Secret<String>) -> Option<Statement> {
    let (id, secret) = token.expose().strip_prefix(PREFIX)?.split_once('.')?;
    let id = TrustedDeviceId::parse(id)?;
    Some(store::trusted_devices::recognise(id, user, &hash(secret), platform.clock.now()))
}

/// The statement that tells whether a device is trusted by the user of an address, by returning a row. `None`: the token is
/// none of ours.
pub fn is_trusted(platform: &Platform, email: &str, token: &Secret<String>) -> Option<Statement> {
    let (id, secret) = token.expose().strip_prefix(PREFIX)?.split_once('.')?;
    let id = TrustedDeviceId::parse(id)?;
    Some(store::trusted_devices::is_trusted(id, &hash(secret), email, platform.clock.now()))
}

/// The statement that ends the trust in all devices of a user: for whatever makes a password or a factor worthless.
pub fn forget_all(user: UserId) -> Statement {
    store::trusted_devices::delete_all(user)
}

fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}
