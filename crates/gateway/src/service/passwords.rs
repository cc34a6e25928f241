//! Passwords: which may be chosen, and their hashes: argon2id, its cost in the hash string. Hashes that users brought from elsewhere
//! (argon2 at any cost within bounds, bcrypt) are verified, and replaced when their user signs in.

mod legacy;

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc::PasswordHash,
};
use domain::{Secret, UserId};
use ports::Platform;

use self::legacy::Bcrypt;
pub use self::legacy::COSTS as BCRYPT_COSTS;
use crate::{
    Config,
    config::HashCost,
    error::{Error, ErrorKind, Result},
    log::Line,
    store,
};

pub use domain::password::{LEAST_CHARACTERS, MAX_CHARACTERS};

/// The most memory of a hash from elsewhere, in KiB.
pub const MAX_MEMORY_KIB: u32 = 262_144;
/// The most work of a hash from elsewhere, in KiB times passes: about a second.
pub const MAX_WORK: u64 = 1_048_576;

/// Why a password may not be chosen: one sentence for each rule that it breaks, none of which says anything of it. `about` is what its owner is
/// called: addresses and names.
pub fn broken_rules(config: &Config, password: &str, about: &[&str]) -> Vec<String> {
    config.accounts.password.flaws(password, about).into_iter().map(domain::password::Flaw::rule).collect()
}

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

/// Whether the password is the one of this hash. Without a hash it takes as long as with one of ours and is wrong, so that the
/// time tells nobody which addresses are known. So does a hash of no kind that is supported.
pub async fn verify(
    platform: &Platform,
    config: &Config,
    password: Secret<String>,
    hash: Option<Secret<String>>,
) -> Result<bool> {
    match hash.map(|hash| Stored::parse(hash.expose(), config.hash_cost)) {
        Some(Some(stored)) => compute(platform, move || Ok(stored.verify(password.expose().as_bytes()))).await,
        unknown => {
            if unknown.is_some() {
                Line::new(platform.clock.now(), "error", "a stored password hash is of no kind that is supported")
                    .write(&*platform.log);
            }
            self::hash(platform, config, password).await?;
            Ok(false)
        }
    }
}

/// Hashes a password anew, beside the request, when the hash that it was just verified with is not what the settings ask for.
/// Nothing depends on it: should it fail, the next time will do.
pub fn refresh(
    platform: &Platform,
    config: &Arc<Config>,
    user: UserId,
    old: &Secret<String>,
    password: Secret<String>,
) {
    let outdated = |stored: Stored| stored.is_outdated(config.hash_cost) && stored.tells_whole(password.expose());
    if !Stored::parse(old.expose(), config.hash_cost).is_some_and(outdated) {
        return;
    }
    let (inner, config, old) = (platform.clone(), Arc::clone(config), old.clone());
    platform.tasks.spawn(Box::pin(async move {
        let Ok(new) = hash(&inner, &config, password).await else { return };
        let _ = inner.accounts.run(store::users::rehash(user, old.expose(), &new)).await;
    }));
}

/// A hash that can be verified.
enum Stored {
    Argon2(Box<PasswordHash>, Params),
    Bcrypt(Bcrypt),
}

impl Stored {
    /// Reads a hash. One whose cost is beyond all bounds is none, unless it is our own.
    fn parse(hash: &str, ours: HashCost) -> Option<Self> {
        if let Some(bcrypt) = Bcrypt::parse(hash) {
            return Some(Self::Bcrypt(bcrypt));
        }
        let hash = PasswordHash::new(hash).ok().filter(|hash| hash.hash.is_some())?;
        Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let work = |memory: u32, passes: u32| u64::from(memory) * u64::from(passes);
        let bounded = params.m_cost() <= MAX_MEMORY_KIB.max(ours.memory_kib)
            && work(params.m_cost(), params.t_cost()) <= MAX_WORK.max(work(ours.memory_kib, ours.passes));
        bounded.then(|| Self::Argon2(Box::new(hash), params))
    }

    fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(hash, _) => Argon2::default().verify_password(password, &**hash).is_ok(),
            Self::Bcrypt(bcrypt) => bcrypt.verify(password),
        }
    }

    /// Whether it is of the whole password. Otherwise what was typed may end in another way than what was chosen, and must not
    /// take its place.
    const fn tells_whole(&self, password: &str) -> bool {
        match self {
            Self::Argon2(..) => true,
            Self::Bcrypt(_) => password.len() < legacy::MAX_BYTES,
        }
    }

    /// Whether it is another kind or cheaper than ours.
    fn is_outdated(&self, ours: HashCost) -> bool {
        match self {
            Self::Argon2(hash, params) => {
                hash.algorithm.as_str() != "argon2id"
                    || params.m_cost() < ours.memory_kib
                    || params.t_cost() < ours.passes
            }
            Self::Bcrypt(_) => true,
        }
    }
}

/// Runs `work` where the host runs long computations.
async fn compute<T: Send + 'static>(
    platform: &Platform,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let slot = Arc::new(Mutex::new(None));
    let result = slot.clone();
    let work = Box::new(move || *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(work()));
    if platform.tasks.compute(work).await.is_err() {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "busy",
            "Too many passwords are being checked at once. Try again in a moment.",
        ));
    }
    let result = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    result.unwrap_or_else(|| Err(Error::internal("a computation was dropped")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: HashCost = HashCost { memory_kib: 64, passes: 2 };
    /// The password `canary`.
    const ARGON2ID: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21l$";

    fn parse(hash: &str) -> Option<Stored> {
        Stored::parse(hash, OURS)
    }

    fn made(algorithm: Algorithm, memory: u32, passes: u32) -> String {
        let params = Params::new(memory, passes, 1, None).unwrap();
        let argon2 = Argon2::new(algorithm, Version::V0x13, params);
        argon2.hash_password_with_salt(b"canary", &[7; 16]).unwrap().to_string()
    }

    #[test]
    fn hashes_at_other_costs_are_verified_and_told_to_be_outdated() {
        for (algorithm, memory, passes, outdated) in [
            (Algorithm::Argon2id, 64, 2, false),
            (Algorithm::Argon2id, 128, 3, false),
            (Algorithm::Argon2id, 32, 2, true),
            (Algorithm::Argon2id, 64, 1, true),
            (Algorithm::Argon2i, 64, 2, true),
            (Algorithm::Argon2d, 64, 2, true),
        ] {
            let stored = parse(&made(algorithm, memory, passes)).unwrap();
            assert!(stored.verify(b"canary") && !stored.verify(b"Canary"), "{algorithm} {memory} {passes}");
            assert_eq!(stored.is_outdated(OURS), outdated, "{algorithm} {memory} {passes}");
        }
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_none() {
        let hash = made(Algorithm::Argon2id, 64, 2);
        for bad in [
            "",
            "canary",
            "$2b$99$",
            "$1$abc$def",
            ARGON2ID,
            &hash.replace("argon2id", "scrypt"),
            &hash.replace("m=64", "m=262145"),
            &hash.replace("t=2", "t=100000"),
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(
            Stored::parse(&hash.replace("m=64", "m=300000"), HashCost { memory_kib: 300_000, passes: 4 }).is_some()
        );
    }
}
