//! Changing a password one knows, and resetting one that is forgotten.

use std::sync::Arc;

use domain::{
    Secret,
    account::{Device, Email, Standing, User},
};
use ports::{DatabaseErrorKind, Platform, Statement};

use super::{
    accounts,
    audit::{self, Action, Event},
    beside,
    identity::Identity,
    letters::{self, Letter},
    limits,
    login_attempts::{self, Key},
    one_time_tokens::{self, Purpose},
    passwords, profiles,
    second_factors::{self, enrolment},
    sessions,
};
use crate::{
    Config,
    error::{Error, ErrorKind, FieldError, Result},
    store,
};

/// What ends when a password is changed.
const SESSIONS: &str = "your other devices were signed out";
/// What ends when it is reset.
const EVERYTHING: &str = "all your devices were signed out and all your API keys were revoked";
/// Where a new password stands in a body.
const FIELD: &str = "/new_password";

/// Gives an account a new password by who knows the present one. The session that asks for it stays, every other one ends.
pub async fn change(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    current: Secret<String>,
    new: Secret<String>,
    device: &Device,
) -> Result<()> {
    let session = caller.session()?;
    let user = accounts::find(platform, caller.user).await?;
    login_attempts::require_password(platform, config, &user, current, device).await?;
    second_factors::require_if_any(platform, config, caller).await?;
    require_new(platform, config, &user, &new).await?;
    let hash = passwords::hash(platform, config, new).await?;
    let now = platform.clock.now();
    let old = user.password_hash.as_ref().map_or("", |hash| hash.expose());
    let event = Event { session: Some(session), ..Event::by_user(user.id, Action::PasswordChanged, device) };
    let mut batch = vec![
        store::sessions::end_all(user.id, Some(session), "password_changed", now),
        store::password_history::keep(user.id, now),
        store::users::change_password(user.id, old, &hash, now),
        audit::statement(platform, &event),
    ];
    batch.extend(afterwards(platform, config, &user));
    let outcomes = platform.accounts.batch(batch).await.map_err(|error| {
        if error.kind != DatabaseErrorKind::Check {
            return error.into();
        }
        Error::new(
            ErrorKind::Conflict,
            "password_changed",
            "The password was changed meanwhile. Try again with the new one.",
        )
    })?;
    if let Some(ended) = outcomes.first() {
        sessions::remember_ends(platform, config, &store::sessions::ids(ended)?).await?;
    }
    letters::tell(platform, config, &user, Letter::PasswordChanged { ended: SESSIONS });
    Ok(())
}

/// Mails the owner of an address how to choose a new password, if there is one. Beside the request: nobody else learns.
pub fn forget(platform: &Arc<Platform>, config: &Arc<Config>, email: Email) {
    let (inner, config) = (Arc::clone(platform), Arc::clone(config));
    beside::run(platform, "a password could not be reset by mail", async move {
        let known = store::users::decode(&inner.accounts.run(store::users::by_email(&email)).await?)?.pop();
        let Some(user) = known.filter(|user| user.standing == Standing::Active) else { return Ok(()) };
        if !limits::allows_mail(&inner, config.accounts.mail_limit, letters::RESET, email.as_str()).await? {
            return Ok(());
        }
        let store = store::one_time_tokens::insert;
        let issued = one_time_tokens::issue(&inner, user.id, email.as_str(), Purpose::ResetPassword, None, store);
        inner.accounts.batch(vec![one_time_tokens::purge(&inner), issued.statement]).await?;
        letters::send_allowed(&inner, &config, email.as_str(), Letter::ResetPassword { token: issued.token });
        Ok(())
    });
}

/// Gives an account a new password by who reads its mail. Every session ends and every API key, and a lock is lifted: whoever
/// had got in is out. So are identities that were linked before the address was proved.
pub async fn reset(
    platform: &Platform,
    config: &Config,
    token: Secret<String>,
    new: Secret<String>,
    device: &Device,
) -> Result<()> {
    let found = one_time_tokens::find(platform, Purpose::ResetPassword, &token).await?;
    let user = &found.user;
    require_new(platform, config, user, &new).await?;
    let hash = passwords::hash(platform, config, new).await?;
    let now = platform.clock.now();
    let unlinked = Event::by_user(user.id, Action::IdentityUnlinked, device);
    let mut batch = vec![
        store::sessions::end_all(user.id, None, "password_reset", now),
        // Before the address is proved by this.
        store::proofs::delete_identities(user.id),
        audit::statement_if_changed(platform, &unlinked),
        store::password_history::keep(user.id, now),
        store::users::reset_password(user.id, &found.email, &hash, now),
        login_attempts::clear(&Key::of(user.email.as_deref().unwrap_or_default())),
        login_attempts::clear(&Key::of_name(user.id)),
        audit::statement(platform, &Event::by_user(user.id, Action::PasswordReset, device)),
        store::api_keys::delete_all(user.id),
        audit::statement_if_changed(platform, &Event::by_user(user.id, Action::ApiKeysRevoked, device)),
    ];
    batch.extend(afterwards(platform, config, user));
    let removed = batch.len();
    if user.email_verified_at.is_none() {
        // Whoever made the account without reading this mail may have made other ways in.
        batch.extend(enrolment::removal(platform, &Event::by_user(user.id, Action::SecondFactorRemoved, device)));
    }
    let outcomes = one_time_tokens::spend(platform, &found, batch).await?;
    if let Some(ended) = outcomes.first() {
        sessions::remember_ends(platform, config, &store::sessions::ids(ended)?).await?;
    }
    if let Some(email) = &user.email {
        // Proved by the mail that brought the token, if not before.
        letters::send(platform, config, email, Letter::PasswordChanged { ended: EVERYTHING });
    }
    enrolment::removed(platform, config, user.id, outcomes.get(removed), "your second factor was removed", device)
        .await;
    Ok(())
}

/// What goes with every new password: the history is cut, and what the old one permitted ends.
fn afterwards(platform: &Platform, config: &Config, user: &User) -> [Statement; 5] {
    let now = platform.clock.now();
    [
        store::password_history::trim(user.id, config.accounts.password_history.saturating_sub(1)),
        store::one_time_tokens::revoke(user.id, Purpose::ResetPassword.as_str(), now),
        // Whoever knew the old password may have asked for another address.
        store::one_time_tokens::revoke(user.id, Purpose::ConfirmEmail.as_str(), now),
        store::trusted_devices::delete_all(user.id),
        store::challenges::delete_all(user.id),
    ]
}

/// Refuses a password that says what its owner is called, or that the account has or had not long ago. Each look at an older
/// one is a computation, one after the other.
async fn require_new(platform: &Platform, config: &Config, user: &User, new: &Secret<String>) -> Result<()> {
    let profile = profiles::find(platform, user.id).await?;
    let said = &profile.details;
    let names = [&user.email, &profile.username, &said.display_name, &said.first_name, &said.last_name];
    let names: Vec<&str> = names.into_iter().filter_map(Option::as_deref).collect();
    let broken = passwords::broken_rules(config, new.expose(), &names);
    if !broken.is_empty() {
        let entry = |rule| FieldError { pointer: FIELD.into(), detail: rule };
        return Err(Error::invalid(broken.into_iter().map(entry).collect()));
    }
    let count = config.accounts.password_history;
    let Some(before) = count.checked_sub(1) else { return Ok(()) };
    let kept = platform.accounts.run(store::password_history::newest(user.id, before)).await?;
    let kept = store::password_history::decode(&kept)?;
    for hash in user.password_hash.iter().cloned().chain(kept) {
        if passwords::verify(platform, config, new.clone(), Some(hash)).await? {
            let rule = if count == 1 {
                "Must not be your present password.".to_owned()
            } else {
                format!("Must not be one of your last {count} passwords.")
            };
            return Err(Error::field(FIELD, rule));
        }
    }
    Ok(())
}
