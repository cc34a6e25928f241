//! Guests: accounts of a device, without address and password, under tight limits; and how one becomes a user's, who keeps
//! everything.

use std::sync::Arc;

use domain::{
    Secret, UserId,
    account::{Device, Email},
    permission::Role,
};
use ports::{DatabaseError, DatabaseErrorKind, Platform};

use super::{
    accounts,
    audit::{self, Action, Event},
    email_addresses,
    identity::Identity,
    letters::{self, Letter},
    limits,
    one_time_tokens::{self, Purpose},
    passwords,
    sessions::{self, Tokens},
    sign_in::{self, Method, SignIn},
};
use crate::{
    Config,
    config::SignUp,
    error::{Error, ErrorKind, Result},
    store::{self, users::NewUser},
};

/// What an upgrade came to.
#[derive(Debug)]
pub enum Upgrade {
    /// The guest is a user, whose session goes on with these.
    Done(Tokens),
    /// The guest is a user as soon as the owner of the address confirms it.
    Mailed,
}

/// Makes a guest and signs it in.
pub async fn create(platform: &Platform, config: &Config, device: &Device) -> Result<SignIn> {
    if !config.guests.allowed {
        let detail = "This server takes no guests. Register instead.";
        return Err(Error::new(ErrorKind::Forbidden, "guests_not_allowed", detail));
    }
    limits::take(platform, &format!("guests:{}", limits::network(device.address)), config.guests.limit).await?;
    let (now, role) = (platform.clock.now(), Role::Guest);
    let id = platform.entropy.id(now, UserId::new);
    let user = NewUser { id, email: None, password_hash: None, role, email_verified_at: None, now };
    let (open, tokens) = sign_in::open(platform, config, id, role, false, Method::Guest, device)?;
    platform.accounts.batch(std::iter::once(store::users::insert(&user)).chain(open).collect()).await?;
    Ok(SignIn::Done(tokens))
}

/// Gives a guest an address and a password: it is a user from now on, the same one as before. Its older access tokens say
/// otherwise and are worth nothing. Where sign-up is private, address and password count when the address is proved.
pub async fn upgrade(
    platform: &Arc<Platform>,
    config: &Arc<Config>,
    caller: &Identity,
    email: Email,
    password: Secret<String>,
    device: &Device,
) -> Result<Upgrade> {
    let session = caller.session()?;
    accounts::require_sign_up(config)?;
    // As it tells which addresses are known, like signing up does.
    limits::sign_up(platform, config, device.address).await?;
    if accounts::find(platform, caller.user).await?.role != Role::Guest {
        return Err(not_a_guest());
    }
    let hash = passwords::hash(platform, config, password).await?;
    if config.accounts.sign_up == SignUp::Private {
        email_addresses::ask(platform, config, caller.user, email, Some(hash));
        return Ok(Upgrade::Mailed);
    }
    let promote = store::users::promote_guest(caller.user, Some(&email), Some(&hash), None, platform.clock.now());
    let event = Event { session: Some(session), ..Event::by_user(caller.user, Action::GuestUpgraded, device) };
    let (to, store) = (email.as_str(), store::one_time_tokens::insert);
    let issued = one_time_tokens::issue(platform, caller.user, to, Purpose::VerifyEmail, None, store);
    match platform.accounts.batch(vec![promote, audit::statement(platform, &event), issued.statement]).await {
        Ok(_) => letters::send(platform, config, to, Letter::VerifyEmail { token: issued.token }),
        Err(error) if error.is_unique("users.email") => {
            return Err(Error::new(
                ErrorKind::AlreadyRegistered,
                "email_already_registered",
                "Email already registered",
            ));
        }
        Err(error) if was_promoted(&error) => return Err(not_a_guest()),
        Err(error) => return Err(error.into()),
    }
    sessions::outdate_all(platform, config, caller.user).await?;
    sessions::renew(platform, config, caller.user, session).await.map(Upgrade::Done)
}

/// Guests whose time is over: nobody has used them for as long as the settings say. At most `most`, the oldest first. Erasing
/// them is the business of whoever erases accounts.
pub async fn unused(platform: &Platform, config: &Config, most: i64) -> Result<Vec<UserId>> {
    let since = platform.clock.now().minus(config.guests.unused);
    Ok(store::users::ids(&platform.accounts.run(store::users::unused_guests(since, most)).await?)?)
}

/// Whether a batch failed because the account was no guest's (any more).
pub(super) fn was_promoted(error: &DatabaseError) -> bool {
    error.kind == DatabaseErrorKind::Check
}

/// The refusal for who is no guest.
pub(super) fn not_a_guest() -> Error {
    Error::new(ErrorKind::Conflict, "not_a_guest", "This account is no guest's: it has been upgraded already.")
}
