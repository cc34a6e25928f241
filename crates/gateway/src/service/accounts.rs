//! Accounts: registering, signing in, reading oneself.

use domain::{
    Secret, UserId,
    account::{Device, Email, User},
    permission::Role,
};
use ports::Platform;

use super::{
    audit::{self, Action, Event},
    first_admin, passwords,
    sign_in::{self, Method, SignIn},
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store::{self, users::NewUser},
};

/// Makes an account and signs in.
pub async fn register(
    platform: &Platform,
    config: &Config,
    email: &Email,
    password: Secret<String>,
    device: &Device,
) -> Result<SignIn> {
    let hash = passwords::hash(platform, config, password).await?;
    let now = platform.clock.now();
    let id = platform.entropy.id(now, UserId::new);
    let role = Role::User;
    let user = NewUser { id, email: Some(email), password_hash: Some(&hash), role, email_verified_at: None, now };
    let (open, tokens) = sign_in::open(platform, config, id, role, Method::Registration, device)?;
    let batch = std::iter::once(store::users::insert(&user)).chain(open).collect();
    match platform.accounts.batch(batch).await {
        Ok(_) => Ok(SignIn::Done(tokens)),
        Err(error) if error.is_unique("users.email") => {
            Err(Error::new(ErrorKind::AlreadyRegistered, "email_already_registered", "Email already registered"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Signs in. A device may show that it is `trusted`.
pub async fn login(
    platform: &Platform,
    config: &Config,
    email: Option<&Email>,
    password: Secret<String>,
    trusted: Option<&Secret<String>>,
    device: &Device,
) -> Result<SignIn> {
    if let Some(email) = email {
        first_admin::create(platform, config, email, &password, device).await?;
    }
    let known = match email {
        Some(email) => store::users::decode(&platform.accounts.run(store::users::by_email(email)).await?)?.pop(),
        None => None,
    };
    let hash = known.as_ref().and_then(|user| user.password_hash.clone());
    let right = passwords::verify(platform, config, password, hash).await?;
    match (known, right) {
        (Some(user), true) => {
            sign_in::finish_trusting(platform, config, &user, Method::Password, device, trusted).await
        }
        (known, _) => {
            let event = Event { user: known.map(|user| user.id), actor: None, ..failed(device) };
            audit::record(platform, &event).await;
            Err(Error::unauthenticated("invalid_credentials", "Invalid email or password"))
        }
    }
}

/// A sign-in that did not work.
fn failed(device: &Device) -> Event<'_> {
    Event {
        user: None,
        actor: None,
        action: Action::SignedIn,
        succeeded: false,
        detail: Some(Method::Password.as_str()),
        session: None,
        device,
    }
}

/// Reads a user.
pub async fn find(platform: &Platform, user: UserId) -> Result<User> {
    store::users::decode(&platform.accounts.run(store::users::by_id(user)).await?)?
        .pop()
        .ok_or_else(|| Error::unauthenticated("user_not_found", "User not found"))
}
