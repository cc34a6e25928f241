//! Accounts from other systems, with the passwords that their users have: hashes are taken over, never made or read. Reading
//! files is the host's.

use std::collections::HashSet;

use argon2::{Params, password_hash::phc::PasswordHash};
use domain::{
    Secret, Timestamp, UserId,
    account::{Device, Email, Standing},
    permission::Role,
};
use ports::{Outcome, Platform};
use serde_json::{Map, Value};

use super::{
    audit::{self, Action, Event},
    passwords::{BCRYPT_COSTS, MAX_MEMORY_KIB, MAX_WORK},
};
use crate::{error::Result, store};

/// How many accounts one [`run`] takes at most.
pub const BATCH: usize = 50;

/// The most lanes of argon2.
const MAX_LANES: u32 = 16;

/// An account as it comes.
#[derive(Debug)]
pub struct Account {
    /// The address.
    pub email: Email,
    /// The hash of the password, of a form that [`check_hash`] knows.
    pub password_hash: Secret<String>,
    /// What it is.
    pub role: Role,
    /// Whether it may be used.
    pub standing: Standing,
    /// When the address was proved to be the user's.
    pub email_verified_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The user name, folded.
    pub username: Option<String>,
    /// Members of `profiles::Details`, checked.
    pub details: Map<String, Value>,
}

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is there.
    Imported,
    /// It is there, without its user name, which somebody else has.
    ImportedWithoutUsername,
    /// Its address has an account, which stays as it is.
    AlreadyRegistered,
}

/// Takes over a batch of accounts, and says in the same order what became of them.
pub async fn run(platform: &Platform, accounts: &[Account]) -> Result<Vec<Done>> {
    let now = platform.clock.now();
    let device = Device::default();
    let ids: Vec<UserId> = accounts.iter().map(|_| platform.entropy.id(now, UserId::new)).collect();
    let statements = ids.iter().zip(accounts).flat_map(|(id, account)| {
        let user = store::users::ImportedUser {
            id: *id,
            email: &account.email,
            password_hash: account.password_hash.expose(),
            role: account.role,
            standing: account.standing,
            email_verified_at: account.email_verified_at,
            created_at: account.created_at,
            now,
        };
        let profile = store::profiles::import(*id, account.username.as_deref(), &account.details, now);
        // Behind the profile, which changes a row only if the account is new.
        let told = audit::statement_if_changed(platform, &Event::by_user(*id, Action::Imported, &device));
        [store::users::import(&user), profile, told]
    });
    let outcomes = platform.accounts.batch(statements.collect()).await?;
    let done = outcomes.chunks(3).zip(accounts).map(|(outcomes, account)| {
        let Some(profile) = outcomes.get(1).and_then(|outcome| outcome.rows.first()) else {
            return Ok(Done::AlreadyRegistered);
        };
        let lost = account.username.is_some() && profile.maybe_text(0)?.is_none();
        Ok(if lost { Done::ImportedWithoutUsername } else { Done::Imported })
    });
    done.collect()
}

/// Says what [`run`] would do with one batch after another, and writes nothing. Addresses and user names of earlier accounts are
/// remembered, because the run would find them in the store.
#[derive(Debug, Default)]
pub struct Rehearsal {
    emails: HashSet<String>,
    usernames: HashSet<String>,
}

impl Rehearsal {
    /// What would become of a batch of accounts, in the same order.
    pub async fn run(&mut self, platform: &Platform, accounts: &[Account]) -> Result<Vec<Done>> {
        let statements = accounts.iter().flat_map(|account| {
            let taken = store::profiles::by_username(account.username.as_deref());
            [store::users::by_email(&account.email), taken]
        });
        let found = platform.accounts.batch(statements.collect()).await?;
        let is_there = |outcome: Option<&Outcome>| outcome.is_some_and(|outcome| !outcome.rows.is_empty());
        let done = found.chunks(2).zip(accounts).map(|(found, account)| {
            if is_there(found.first()) || !self.emails.insert(account.email.as_str().to_owned()) {
                return Done::AlreadyRegistered;
            }
            let Some(name) = &account.username else { return Done::Imported };
            let is_taken = is_there(found.get(1)) || !self.usernames.insert(name.clone());
            if is_taken { Done::ImportedWithoutUsername } else { Done::Imported }
        });
        Ok(done.collect())
    }
}

/// Whether a hash is one that a login can verify at a bearable cost: argon2 as a PHC string, or bcrypt. Says what is wrong.
pub fn check_hash(hash: &str) -> Result<(), &'static str> {
    if hash.starts_with("$argon2") { check_argon2(hash) } else { check_bcrypt(hash) }
}

fn check_argon2(hash: &str) -> Result<(), &'static str> {
    let bad = "argon2 in a form that is no PHC string";
    let parsed = PasswordHash::new(hash).map_err(|_| bad)?;
    let params = Params::try_from(&parsed).map_err(|_| bad)?;
    let known = ["argon2id", "argon2i", "argon2d"].contains(&parsed.algorithm.as_str());
    if !known || parsed.salt.is_none() || parsed.hash.is_none() {
        return Err(bad);
    }
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    let bearable = params.m_cost() <= MAX_MEMORY_KIB && work <= MAX_WORK && params.p_cost() <= MAX_LANES;
    if bearable { Ok(()) } else { Err("argon2 at a cost beyond 256 MiB, 4 passes over as much, or 16 lanes") }
}

fn check_bcrypt(hash: &str) -> Result<(), &'static str> {
    let bad = "neither argon2 ($argon2id$…) nor bcrypt ($2a$, $2b$ or $2y$)";
    let rest = ["$2a$", "$2b$", "$2y$"].into_iter().find_map(|start| hash.strip_prefix(start)).ok_or(bad)?;
    let (cost, digest) = rest.split_once('$').ok_or(bad)?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
    let cost = (cost.len() == 2).then(|| cost.parse::<u32>().ok()).flatten().ok_or(bad)?;
    if digest.len() != 53 || !digest.bytes().all(plain) {
        return Err(bad);
    }
    if BCRYPT_COSTS.contains(&cost) { Ok(()) } else { Err("bcrypt at a cost that is not from 4 to 14") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_both_kinds_are_taken_at_a_bearable_cost() {
        let argon2 = |params: &str| {
            format!("$argon2id$v=19${params}$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObGyZtsUVUMZ4s")
        };
        let bcrypt = |start: &str| format!("{start}N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy");
        for good in [
            argon2("m=65536,t=3,p=4"),
            argon2("m=19456,t=2,p=1"),
            bcrypt("$2a$10$"),
            bcrypt("$2b$12$"),
            bcrypt("$2y$04$"),
        ] {
            assert_eq!(check_hash(&good), Ok(()), "{good}");
        }
        for bad in [
            String::new(),
            "correct horse".into(),
            "$argon2id$".into(),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".into(),
            argon2("m=4194304,t=2,p=1"),
            argon2("m=19456,t=1000,p=1"),
            bcrypt("$2a$31$"),
            bcrypt("$2x$10$"),
            bcrypt("$2b$9$"),
            bcrypt("$2b$10$x"),
            "pbkdf2:sha256:600000$abc$def".into(),
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E".into(),
        ] {
            assert!(check_hash(&bad).is_err(), "{bad}");
        }
    }
}
