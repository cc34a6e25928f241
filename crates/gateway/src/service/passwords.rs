//! Password hashes: argon2id, its cost in the hash string.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc::PasswordHash,
};
use domain::Secret;
use ports::Platform;

use crate::{
    Config,
    error::{Error, Result},
};

/// The shortest password, in characters.
pub const MIN_CHARACTERS: usize = 8;
/// The longest, so that hashing stays bounded.
pub const MAX_CHARACTERS: usize = 128;

/// Hashes a password.
pub async fn hash(platform: &Platform, config: &Config, password: Secret<String>) -> Result<String> {
    let salt: [u8; 16] = platform.entropy.bytes();
    let cost = config.hash_cost;
    compute(platform, move || {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| Error::internal(error.to_string()))?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|error| Error::internal(error.to_string()))
    })
    .await
}

/// Whether the password is the one of this hash. Without a hash it takes as long and is wrong, so that the time tells
/// nobody which addresses are known.
pub async fn verify(
    platform: &Platform,
    config: &Config,
    password: Secret<String>,
    hash: Option<Secret<String>>,
) -> Result<bool> {
    let Some(hash) = hash else {
        self::hash(platform, config, password).await?;
        return Ok(false);
    };
    compute(platform, move || {
        let parsed = PasswordHash::new(hash.expose()).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok())
    })
    .await
}

/// Runs `work` where the host runs long computations.
async fn compute<T: Send + 'static>(
    platform: &Platform,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let slot = Arc::new(Mutex::new(None));
    let result = slot.clone();
    platform.tasks.compute(Box::new(move || *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(work()))).await;
    let result = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    result.unwrap_or_else(|| Err(Error::internal("a computation was dropped")))
}
