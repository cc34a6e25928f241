//! What admins do with accounts. Each thing done is an event with its actor, in the batch that does it.
//!
//! There is always an admin: nobody changes their own account here, and what would leave none is refused by the statement.

use domain::{
    Secret, UserId,
    account::{Device, Email, Standing},
    permission::Role,
};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Platform, Statement};

use super::{
    audit::{self, Action, Event},
    erasure,
    identity::Identity,
    passwords,
    second_factors::enrolment,
    sessions,
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store::{self, users::NewUser},
};

pub use store::directory::{Account, Change, Search};

/// Who acts.
#[derive(Clone, Copy)]
pub enum Actor<'a> {
    /// An admin, over the API.
    Admin(&'a Identity),
    /// Whoever holds the database, on the command line.
    Operator,
}

impl Actor<'_> {
    const fn user(self) -> Option<UserId> {
        match self {
            Self::Admin(identity) => Some(identity.user),
            Self::Operator => None,
        }
    }

    /// Refuses an admin who has not proved to be there lately.
    async fn require_recent(self, platform: &Platform, config: &Config) -> Result<()> {
        match self {
            Self::Admin(identity) => identity.require_recent(platform, config).await,
            Self::Operator => Ok(()),
        }
    }
}

/// An account to be made.
pub struct NewAccount<'a> {
    /// The address.
    pub email: &'a Email,
    /// The password; without one its owner asks for a link by mail.
    pub password: Option<Secret<String>>,
    /// What it is to be.
    pub role: Role,
    /// Whether the address is known to be its owner's.
    pub email_verified: bool,
}

/// A page of accounts, the newest first, and whether more follow.
pub async fn list(platform: &Platform, search: &Search) -> Result<(Vec<Account>, bool)> {
    let outcome = platform.accounts.run(store::directory::page(search, platform.clock.now())).await?;
    let mut found = store::directory::decode(&outcome)?;
    let limit = usize::try_from(search.limit).unwrap_or(0);
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// Reads an account, a deleted one as well.
pub async fn find(platform: &Platform, id: UserId) -> Result<Account> {
    let outcome = platform.accounts.run(store::directory::by_id(id, platform.clock.now())).await?;
    store::directory::decode(&outcome)?.pop().ok_or_else(missing)
}

/// Whether anybody has an account; guests do not count.
pub async fn has_accounts(platform: &Platform) -> Result<bool> {
    Ok(!platform.accounts.run(store::users::any()).await?.rows.is_empty())
}

/// Makes an account.
pub async fn create(
    platform: &Platform,
    config: &Config,
    actor: Actor<'_>,
    account: NewAccount<'_>,
    device: &Device,
) -> Result<Account> {
    if account.role == Role::Admin {
        actor.require_recent(platform, config).await?;
        if !account.email_verified {
            return Err(unproved());
        }
    }
    let hash = match account.password {
        Some(password) => Some(passwords::hash(platform, config, password).await?),
        None => None,
    };
    let now = platform.clock.now();
    let id = platform.entropy.id(now, UserId::new);
    let user = NewUser {
        id,
        email: Some(account.email),
        password_hash: hash.as_deref(),
        role: account.role,
        email_verified_at: account.email_verified.then_some(now),
        now,
    };
    let event = event(actor, id, Action::AccountCreated, Some(account.role.as_str()), device);
    match platform.accounts.batch(vec![store::users::insert(&user), audit::statement(platform, &event)]).await {
        Ok(_) => find(platform, id).await,
        Err(error) if error.is_unique("users.email") => {
            Err(Error::new(ErrorKind::AlreadyRegistered, "email_already_registered", "Email already registered"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes an account. Suspending it, and demanding another password, ends its sessions; another role makes its access tokens
/// worthless.
pub async fn change(
    platform: &Platform,
    config: &Config,
    actor: Actor<'_>,
    id: UserId,
    change: Change,
    device: &Device,
) -> Result<Account> {
    let account = find_other(platform, actor, id).await?;
    if let Some(role) = change.role.filter(|role| *role != account.role) {
        actor.require_recent(platform, config).await?;
        if account.role == Role::Guest || role == Role::Guest {
            return Err(conflict("guest_account", "A guest becomes a user by signing up, not by an admin."));
        }
        if role == Role::Admin && account.email_verified_at.is_none() && !change.verify_email {
            return Err(unproved());
        }
    }
    if change.verify_email && account.email.is_none() {
        return Err(conflict("guest_account", "This account has no address."));
    }
    let happenings = happenings(&account, change);
    if happenings.is_empty() {
        // Perhaps a repetition, because the first time the end of the access tokens could not be noted.
        if account.standing == Standing::Suspended || account.must_change_password {
            sessions::repeat_ends(platform, config, id).await?;
        }
        return Ok(account);
    }
    let now = platform.clock.now();
    let ends = happenings.iter().find_map(|(action, _)| match action {
        Action::Suspended => Some("suspended"),
        Action::PasswordChangeDemanded => Some("password_change_demanded"),
        _ => None,
    });
    // Outdating costs no more than a refresh, so whatever else changed does it too.
    let tokens =
        ends.map_or_else(|| store::sessions::outdate_all(id), |reason| store::sessions::end_all(id, None, reason, now));
    let mut batch = vec![store::directory::change(id, change, now), tokens];
    let events = happenings.iter().map(|(action, detail)| event(actor, id, *action, *detail, device));
    batch.extend(events.map(|event| audit::statement(platform, &event)));
    let outcome = done(platform.accounts.batch(batch).await)?;
    if ends.is_some() {
        sessions::remember_ends(platform, config, &store::sessions::ids(&outcome)?).await?;
    } else {
        sessions::remember_generations(platform, config, &outcome).await?;
    }
    find(platform, id).await
}

/// Deletes an account: it cannot be used from now on, its address is free, and what is left of it waits to be erased.
pub async fn delete(platform: &Platform, config: &Config, actor: Actor<'_>, id: UserId, device: &Device) -> Result<()> {
    actor.require_recent(platform, config).await?;
    find_other(platform, actor, id).await?;
    let now = platform.clock.now();
    let event = audit::statement(platform, &event(actor, id, Action::AccountDeleted, None, device));
    let batch = std::iter::once(store::directory::delete(id, now)).chain(erasure::close(id, now)).chain([event]);
    let ended = done(platform.accounts.batch(batch.collect()).await)?;
    sessions::remember_ends(platform, config, &store::sessions::ids(&ended)?).await
}

/// Ends every session of an account. Returns how many.
pub async fn end_sessions(
    platform: &Platform,
    config: &Config,
    actor: Actor<'_>,
    id: UserId,
    device: &Device,
) -> Result<usize> {
    find_other(platform, actor, id).await?;
    let end = store::sessions::end_all(id, None, "ended_by_admin", platform.clock.now());
    let ended = told(platform, end, &event(actor, id, Action::SessionsEnded, None, device)).await?;
    let ended = store::sessions::ids(&ended)?;
    sessions::remember_ends(platform, config, &ended).await?;
    Ok(ended.len())
}

/// Revokes every API key of an account. Returns how many.
pub async fn revoke_keys(platform: &Platform, actor: Actor<'_>, id: UserId, device: &Device) -> Result<usize> {
    find_other(platform, actor, id).await?;
    let revoke = store::api_keys::delete_all(id);
    let revoked = told(platform, revoke, &event(actor, id, Action::ApiKeysRevoked, None, device)).await?;
    Ok(revoked.rows.len())
}

/// Takes the second factor of an account away, for a user who has lost the phone and the recovery codes: the password alone signs
/// in from then on. Returns how many factors there were.
pub async fn remove_factors(
    platform: &Platform,
    config: &Config,
    actor: Actor<'_>,
    id: UserId,
    device: &Device,
) -> Result<usize> {
    actor.require_recent(platform, config).await?;
    find_other(platform, actor, id).await?;
    let event = event(actor, id, Action::SecondFactorRemoved, None, device);
    let outcomes = platform.accounts.batch(enrolment::removal(platform, &event)).await?;
    Ok(enrolment::removed(platform, config, id, outcomes.first(), "an admin removed your second factor", device).await)
}

/// Gives the account of an address another role, on the command line. `vouched`: the operator knows that the address is its
/// owner's.
pub async fn appoint(
    platform: &Platform,
    config: &Config,
    email: &Email,
    role: Role,
    vouched: bool,
    device: &Device,
) -> Result<Account> {
    let known = store::users::decode(&platform.accounts.run(store::users::by_email(email)).await?)?.pop();
    let user = known.ok_or_else(missing)?;
    let wish = Change { role: Some(role), verify_email: vouched, ..Change::default() };
    change(platform, config, Actor::Operator, user.id, wish, device).await
}

/// Somebody else's account that is not deleted.
async fn find_other(platform: &Platform, actor: Actor<'_>, id: UserId) -> Result<Account> {
    if actor.user() == Some(id) {
        return Err(conflict("own_account", "This is your own account. Ask another admin."));
    }
    Some(find(platform, id).await?).filter(|account| account.standing != Standing::Deleted).ok_or_else(missing)
}

/// What a change comes to, as it will be told: nothing of what is so already.
fn happenings(account: &Account, change: Change) -> Vec<(Action, Option<&'static str>)> {
    let role = change.role.filter(|role| *role != account.role).map(|role| (Action::RoleChanged, Some(role.as_str())));
    let verified =
        (change.verify_email && account.email_verified_at.is_none()).then_some((Action::EmailVerified, None));
    let standing = change.standing.filter(|standing| *standing != account.standing).map(|standing| match standing {
        Standing::Active => (Action::Restored, None),
        Standing::Suspended => (Action::Suspended, None),
        Standing::Deleted => (Action::AccountDeleted, None),
    });
    let password = change
        .must_change_password
        .filter(|must| *must != account.must_change_password)
        .map(|must| (if must { Action::PasswordChangeDemanded } else { Action::PasswordChangeWaived }, None));
    [role, verified, standing, password].into_iter().flatten().collect()
}

/// A statement and the event that tells of it if it changed something; returns what the statement returned.
async fn told(platform: &Platform, statement: Statement, event: &Event<'_>) -> Result<Outcome> {
    let mut outcomes = platform.accounts.batch(vec![statement, audit::statement_if_changed(platform, event)]).await?;
    Ok(outcomes.swap_remove(0))
}

/// What the second statement of a batch returned whose first one was [`store::directory::change`] or [`store::directory::delete`].
pub(super) fn done(result: Result<Vec<Outcome>, DatabaseError>) -> Result<Outcome> {
    match result {
        Ok(mut outcomes) => Ok(outcomes.swap_remove(1)),
        Err(error) if error.kind == DatabaseErrorKind::Check => Err(last_admin()),
        Err(error) => Err(error.into()),
    }
}

/// What hears who would leave no admin.
pub(super) fn last_admin() -> Error {
    conflict("last_admin", "This is the last admin. Make somebody else one first.")
}

fn event<'a>(actor: Actor<'_>, user: UserId, action: Action, detail: Option<&'a str>, device: &'a Device) -> Event<'a> {
    Event { actor: actor.user(), detail, ..Event::by_user(user, action, device) }
}

/// What an admin hears of an account that is not there.
pub fn missing() -> Error {
    Error::not_found("User")
}

fn conflict(code: &'static str, detail: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, code, detail)
}

fn unproved() -> Error {
    conflict(
        "email_not_verified",
        "An admin's address must be known to be theirs: have them verify it, or vouch for it with `email_verified: true`.",
    )
}
