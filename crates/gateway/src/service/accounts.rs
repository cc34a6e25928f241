//! Accounts: registering, signing in, reading oneself.

use domain::{
    Secret, UserId,
    account::{Email, User},
};
use ports::Platform;

use super::{
    passwords,
    sessions::{self, Tokens},
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// Makes an account and signs in.
pub async fn register(
    platform: &Platform,
    config: &Config,
    email: &Email,
    password: Secret<String>,
    user_agent: Option<&str>,
) -> Result<Tokens> {
    let hash = passwords::hash(platform, config, password).await?;
    let now = platform.clock.now();
    let user = platform.entropy.id(now, UserId::new);
    match platform.accounts.run(store::users::insert(user, email, &hash, now)).await {
        Ok(_) => sessions::open(platform, config, user, user_agent).await,
        Err(error) if error.is_unique("users.email") => {
            Err(Error::new(ErrorKind::AlreadyRegistered, "email_already_registered", "Email already registered"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Signs in.
pub async fn login(
    platform: &Platform,
    config: &Config,
    email: Option<&Email>,
    password: Secret<String>,
    user_agent: Option<&str>,
) -> Result<Tokens> {
    let known = match email {
        Some(email) => store::users::credentials(&platform.accounts.run(store::users::by_email(email)).await?)?,
        None => None,
    };
    let (user, hash) = known.unzip();
    let right = passwords::verify(platform, config, password, hash).await?;
    match user.filter(|_| right) {
        Some(user) => sessions::open(platform, config, user, user_agent).await,
        None => Err(Error::unauthenticated("invalid_credentials", "Invalid email or password")),
    }
}

/// Reads a user.
pub async fn find(platform: &Platform, user: UserId) -> Result<User> {
    store::users::decode(&platform.accounts.run(store::users::by_id(user)).await?)?
        .ok_or_else(|| Error::unauthenticated("user_not_found", "User not found"))
}
