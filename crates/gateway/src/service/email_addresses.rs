//! Whose an e-mail address is: proving it, and changing it.

use std::sync::Arc;

use domain::{
    Secret, UserId,
    account::{Device, Email, Standing, User},
    permission::Role,
};
use ports::Platform;

use super::{
    accounts,
    audit::{self, Action, Event},
    beside,
    identity::Identity,
    letters::{self, Letter},
    limits, login_attempts,
    one_time_tokens::{self, Found, Purpose},
    passwords, second_factors,
    sessions::{self, Tokens},
    sign_in::{self, Method, SignIn},
};
use crate::{
    Config,
    error::{Error, ErrorKind, FieldError, Result},
    store,
};

/// Mails the owner of an address that is not proved yet another token. Beside the request: nobody else learns.
pub fn resend(platform: &Arc<Platform>, config: &Arc<Config>, email: Email) {
    let (inner, config) = (Arc::clone(platform), Arc::clone(config));
    beside::run(platform, "an address could not be asked again to confirm", async move {
        let known = store::users::decode(&inner.accounts.run(store::users::by_email(&email)).await?)?.pop();
        let waits = |user: &User| user.standing == Standing::Active && user.email_verified_at.is_none();
        let Some(user) = known.filter(waits) else { return Ok(()) };
        if !limits::allows_mail(&inner, config.accounts.mail_limit, letters::SIGN_UP, email.as_str()).await? {
            return Ok(());
        }
        let store = store::one_time_tokens::insert;
        let issued = one_time_tokens::issue(&inner, user.id, email.as_str(), Purpose::VerifyEmail, None, store);
        inner.accounts.batch(vec![one_time_tokens::purge(&inner), issued.statement]).await?;
        letters::send_allowed(&inner, &config, email.as_str(), Letter::VerifyEmail { token: issued.token });
        Ok(())
    });
}

/// Takes a token as the proof of an address. Who signed up privately chooses the password with it and is signed in: one that was
/// chosen before may be a stranger's.
pub async fn verify(
    platform: &Platform,
    config: &Config,
    token: Secret<String>,
    password: Option<Secret<String>>,
    device: &Device,
) -> Result<Option<SignIn>> {
    let found = one_time_tokens::find(platform, Purpose::VerifyEmail, &token).await?;
    let Found { user, email, .. } = &found;
    if user.email.as_ref() != Some(email) {
        return Err(one_time_tokens::refused());
    }
    let begins = user.email_verified_at.is_none() && user.password_hash.is_none();
    let hash = match password {
        Some(password) if begins => {
            let entry = |rule| FieldError { pointer: "/password".into(), detail: rule };
            let broken = passwords::broken_rules(config, password.expose(), &[email]);
            if !broken.is_empty() {
                return Err(Error::invalid(broken.into_iter().map(entry).collect()));
            }
            Some(passwords::hash(platform, config, password).await?)
        }
        None if begins => {
            return Err(Error::field("/password", "Choose the password of your account and send it with the token."));
        }
        _ => None,
    };
    let mut batch = vec![
        store::users::verify_email(user.id, email, hash.as_deref(), platform.clock.now()),
        audit::statement(platform, &Event::by_user(user.id, Action::EmailVerified, device)),
    ];
    let mut tokens: Option<Tokens> = None;
    if begins {
        let (open, first) = sign_in::open(platform, config, user.id, user.role, true, Method::Registration, device)?;
        batch.extend(open);
        batch.push(store::users::demand_unchanged(user.id, user.credential_generation));
        tokens = Some(first);
    }
    one_time_tokens::spend(platform, &found, batch).await?;
    if !begins && user.email_verified_at.is_none() {
        sessions::outdate_all(platform, config, user.id).await?;
    }
    Ok(tokens.map(SignIn::Done))
}

/// Refuses an account whose address can be proved and was not: its owner may be somebody else, who is not told of what happens in
/// it.
pub fn require_proved(platform: &Platform, config: &Config, user: &User) -> Result<()> {
    let provable = config.mail.enabled && platform.mail.delivers() && user.email.is_some();
    if !provable || user.email_verified_at.is_some() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        "email_not_verified",
        "Confirm your e-mail address first; /api/v1/auth/email/resend sends the mail again.",
    ))
}

/// Begins to give an account another address, for who knows its password; whoever's account has none signed in lately.
pub async fn change(
    platform: &Arc<Platform>,
    config: &Arc<Config>,
    caller: &Identity,
    new: Email,
    password: Option<Secret<String>>,
    device: &Device,
) -> Result<()> {
    let user = accounts::find(platform, caller.user).await?;
    match (&user.password_hash, password) {
        (Some(_), Some(password)) => {
            login_attempts::require_password(platform, config, &user, password, device).await?;
            second_factors::require_if_any(platform, config, caller).await?;
        }
        (Some(_), None) => return Err(Error::field("/password", "This field is required.")),
        (None, _) => caller.require_recent(platform, config).await?,
    }
    if user.email.as_deref() == Some(new.as_str()) {
        return Err(Error::field("/new_email", "Is the address of your account already."));
    }
    ask(platform, config, user.id, new, None);
    Ok(())
}

/// Asks the owner of an address whether an account shall have it, and the password with it. Beside the request: that the address
/// is somebody's is told to that somebody alone.
pub fn ask(platform: &Arc<Platform>, config: &Arc<Config>, user: UserId, new: Email, password_hash: Option<String>) {
    let (inner, config) = (Arc::clone(platform), Arc::clone(config));
    beside::run(platform, "a new address could not be asked to confirm", async move {
        if !limits::allows_mail(&inner, config.accounts.mail_limit, letters::SIGN_UP, new.as_str()).await? {
            return Ok(());
        }
        let taken = inner.accounts.run(store::users::by_email(&new)).await?;
        if !taken.rows.is_empty() {
            letters::send_allowed(&inner, &config, new.as_str(), Letter::AlreadyRegistered);
            return Ok(());
        }
        let (hash, store) = (password_hash.as_deref(), store::one_time_tokens::insert);
        let issued = one_time_tokens::issue(&inner, user, new.as_str(), Purpose::ConfirmEmail, hash, store);
        inner.accounts.batch(vec![one_time_tokens::purge(&inner), issued.statement]).await?;
        letters::send_allowed(&inner, &config, new.as_str(), Letter::ConfirmNewEmail { token: issued.token });
        Ok(())
    });
}

/// Gives the caller's account the address that a token was sent to, and tells the one before, with a way back. A guest becomes a
/// user by it. Who only reads the mail gives an account nothing: a stranger may have asked for the address.
pub async fn confirm(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    token: Secret<String>,
    device: &Device,
) -> Result<()> {
    let found = one_time_tokens::find(platform, Purpose::ConfirmEmail, &token).await?;
    if found.user.id != caller.user {
        return Err(one_time_tokens::refused());
    }
    let (user, now) = (&found.user, platform.clock.now());
    let new = Email::parse(&found.email).ok_or_else(one_time_tokens::refused)?;
    let mut batch = if user.role == Role::Guest {
        let hash = found.password_hash.as_deref();
        vec![
            store::users::promote_guest(user.id, Some(&new), hash, Some(now), now),
            audit::statement(platform, &Event::by_user(user.id, Action::GuestUpgraded, device)),
        ]
    } else {
        vec![store::users::change_email(user.id, new.as_str(), now)]
    };
    // What was mailed to the address before permits nothing any more, nor do other new addresses.
    let purposes = [Purpose::VerifyEmail, Purpose::ConfirmEmail, Purpose::ResetPassword];
    batch.extend(purposes.map(|purpose| store::one_time_tokens::revoke(user.id, purpose.as_str(), now)));
    let event = Event { session: caller.session, ..Event::by_user(user.id, Action::EmailChanged, device) };
    batch.push(audit::statement(platform, &event));
    let old = user.email.as_deref().filter(|_| user.email_verified_at.is_some());
    let way_back = old.map(|old| {
        let store = store::one_time_tokens::insert;
        (old, one_time_tokens::issue(platform, user.id, old, Purpose::RestoreEmail, None, store))
    });
    batch.extend(way_back.iter().map(|(_, issued)| issued.statement.clone()));
    one_time_tokens::spend(platform, &found, batch).await?;
    if user.email_verified_at.is_none() {
        sessions::outdate_all(platform, config, user.id).await?;
    }
    if let Some((old, issued)) = way_back {
        letters::send(platform, config, old, Letter::EmailChanged { new_hint: new.hint(), token: issued.token });
    }
    Ok(())
}
