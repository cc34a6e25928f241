//! The first admin: named by the operator, never whoever comes first. Both ways work only while there is no admin, so that the
//! settings are no second key to the service afterwards.
//!
//! An address that nobody proved makes no admin: somebody else may have registered it. The password of the settings therefore
//! makes a new account or none; it never takes one over.

use domain::{
    Secret, UserId,
    account::{Device, Email, User},
    permission::Role,
};
use ports::{DatabaseErrorKind, Platform};
use sha2::{Digest as _, Sha256};

use super::{
    audit::{self, Action, Event},
    passwords,
};
use crate::{
    Config,
    error::Result,
    log::Line,
    store::{self, users::NewUser},
};

/// What a user who signs in is: an admin from now on if the settings name the address, the user proved it, and there is no admin.
pub async fn role(platform: &Platform, config: &Config, user: &User, device: &Device) -> Result<Role> {
    let named = config.first_admin.as_ref().is_some_and(|first| user.email.as_deref() == Some(first.email.as_str()));
    if !named || user.role != Role::User || user.email_verified_at.is_none() {
        return Ok(user.role);
    }
    let event = Event { detail: Some(Role::Admin.as_str()), ..Event::by_user(user.id, Action::RoleChanged, device) };
    let promote = store::directory::promote_first(user.id, platform.clock.now());
    match platform.accounts.batch(vec![promote, audit::statement(platform, &event)]).await {
        Ok(_) => {
            tell(platform, "an account became the first admin");
            Ok(Role::Admin)
        }
        Err(error) if error.kind == DatabaseErrorKind::Check => Ok(user.role),
        Err(error) => Err(error.into()),
    }
}

/// Makes the admin's account when somebody signs in with the address and the password of the settings, if there is neither an
/// admin nor an account of this address, and tells whether to look at the accounts again: what becomes of the sign-in is decided by
/// those that there are then.
pub async fn create(
    platform: &Platform,
    config: &Config,
    email: &Email,
    password: &Secret<String>,
    device: &Device,
) -> Result<bool> {
    let Some((first, right)) = config.first_admin.as_ref().and_then(|first| Some((first, first.password.as_ref()?)))
    else {
        return Ok(false);
    };
    // Hashes are compared, so that the time tells nothing about how much of the password was right.
    let same = Sha256::digest(password.expose()) == Sha256::digest(right.expose());
    if first.email != *email || !same {
        return Ok(false);
    }
    // Perhaps made a moment ago, by another one of several at once.
    if exists(platform, email).await? {
        return Ok(true);
    }
    let hash = passwords::hash(platform, config, right.clone()).await?;
    let now = platform.clock.now();
    let id = platform.entropy.id(now, UserId::new);
    let user = NewUser {
        id,
        email: Some(email),
        password_hash: Some(&hash),
        role: Role::Admin,
        email_verified_at: Some(now),
        now,
    };
    let event = Event { detail: Some(Role::Admin.as_str()), ..Event::by_user(id, Action::AccountCreated, device) };
    let batch =
        vec![store::directory::demand_no_admin(), store::users::insert(&user), audit::statement(platform, &event)];
    match platform.accounts.batch(batch).await {
        Ok(_) => {
            tell(platform, "the first admin's account was made");
            Ok(true)
        }
        // Another one of several at once was faster, or there is an admin already.
        Err(error) if error.kind == DatabaseErrorKind::Check || error.is_unique("users.email") => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is an account of this address, or an admin.
async fn exists(platform: &Platform, email: &Email) -> Result<bool> {
    let reads = vec![store::users::by_email(email), store::directory::any_admin()];
    Ok(platform.accounts.batch(reads).await?.iter().any(|outcome| !outcome.rows.is_empty()))
}

fn tell(platform: &Platform, what: &'static str) {
    Line::new(platform.clock.now(), "info", what).write(&*platform.log);
}
