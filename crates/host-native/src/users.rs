//! Accounts from the command line: for whoever holds the database, who needs no permission.

use std::{fmt, sync::Arc};

use domain::{
    Secret,
    account::{Device, Email},
    permission::Role,
};
use gateway::{
    Config, Error,
    service::{
        admin::{self, Actor, NewAccount},
        base62, passwords,
    },
};
use ports::Platform;

use crate::{host::Host, start::StartError};

/// The length of a password that is made here: 142 bits.
const MADE: usize = 24;

/// The accounts of a host that does not serve.
pub struct Users {
    platform: Arc<Platform>,
    config: Arc<Config>,
}

impl Users {
    /// Those of this host.
    pub fn of(host: &Host) -> Result<Self, StartError> {
        let (platform, _) = host.platform()?;
        Ok(Self { platform, config: Arc::clone(&host.start().config) })
    }

    /// Makes an admin's account, with a password that is made and told once where none is given. Returns what to say.
    pub async fn create_admin(&self, email: &str, password: Option<Secret<String>>) -> Result<String, StartError> {
        let email = address(email)?;
        let made = password.is_none();
        let password = password.unwrap_or_else(|| Secret::new(base62::random(&*self.platform.entropy, MADE)));
        let mut broken =
            if made { Vec::new() } else { passwords::broken_rules(&self.config, password.expose(), &[email.as_str()]) };
        if password.expose().chars().count() > passwords::MAX_CHARACTERS {
            broken.push(format!("Must have at most {} characters.", passwords::MAX_CHARACTERS));
        }
        if !broken.is_empty() {
            return Err(StartError::Other(format!(
                "this password cannot be used; give another one on standard input, or none to have one made. {}",
                broken.join(" ")
            )));
        }
        let account =
            NewAccount { email: &email, password: Some(password.clone()), role: Role::Admin, email_verified: true };
        admin::create(&self.platform, &self.config, Actor::Operator, account, &here()).await.map_err(|error| {
            match &*error.code {
                "email_already_registered" => StartError::Other(format!(
                    "this address has an account already; `littoral users set-role {} admin` makes it an admin's",
                    email.as_str()
                )),
                _ => told(&error),
            }
        })?;
        let told = if made { format!("its password, shown this once: {}\n", password.expose()) } else { String::new() };
        Ok(format!("{} is an admin now\n{told}", email.as_str()))
    }

    /// Gives an account another role. Returns what to say.
    pub async fn set_role(&self, email: &str, role: &str, vouched: bool) -> Result<String, StartError> {
        let email = address(email)?;
        let role = Role::parse(role)
            .filter(|role| *role != Role::Guest)
            .ok_or_else(|| StartError::Other("the role must be `admin` or `user`".into()))?;
        admin::appoint(&self.platform, &self.config, &email, role, vouched, &here()).await.map_err(|error| {
            match &*error.code {
                "not_found" => StartError::Other("no account has this address".into()),
                "email_not_verified" => StartError::Other(
                    "nobody has proved that this address is theirs, and somebody else may have registered it; if you know that the account is its owner's, add --verified"
                        .into(),
                ),
                _ => told(&error),
            }
        })?;
        Ok(format!("{} is {} now\n", email.as_str(), if role == Role::Admin { "an admin" } else { "a user" }))
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

fn address(text: &str) -> Result<Email, StartError> {
    Email::parse(text).ok_or_else(|| StartError::Other("expected an e-mail address".into()))
}

/// What the audit log knows of the device.
fn here() -> Device {
    Device { name: Some("command line".into()), ..Device::default() }
}

fn told(error: &Error) -> StartError {
    StartError::Other(error.source.as_ref().map_or_else(|| error.detail.to_string(), ToString::to_string))
}
