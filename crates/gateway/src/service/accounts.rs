//! Accounts: registering, signing in, reading oneself.

use std::sync::Arc;

use domain::{
    Secret, UserId,
    account::{Device, Email, User},
    permission::Role,
};
use ports::Platform;

use super::{
    audit::{self, Action, Event},
    beside, first_admin, known_devices,
    letters::{self, Letter},
    limits,
    login_attempts::{self, Try},
    one_time_tokens::{self, Purpose},
    passwords,
    sign_in::{self, Method, SignIn},
};
use crate::{
    Config,
    config::SignUp,
    error::{Error, ErrorKind, Result},
    store::{self, users::NewUser},
};

/// What registering came to.
#[derive(Debug)]
pub enum Registration {
    /// There is a new account, signed in.
    SignedIn(SignIn),
    /// The owner of the address gets a mail that says how it goes on, and nobody else learns.
    Mailed,
}

/// Makes an account, in the way that the settings say. Where sign-up is private, the password counts for nothing: a stranger may
/// have chosen it.
pub async fn register(
    platform: &Arc<Platform>,
    config: &Arc<Config>,
    email: Email,
    password: Secret<String>,
    device: &Device,
) -> Result<Registration> {
    require_sign_up(config)?;
    limits::sign_up(platform, config, device.address).await?;
    if config.accounts.sign_up == SignUp::Open {
        let hash = passwords::hash(platform, config, password).await?;
        return open(platform, config, &email, &hash, device).await.map(Registration::SignedIn);
    }
    let (inner, config, device) = (Arc::clone(platform), Arc::clone(config), device.clone());
    beside::run(
        platform,
        "an account could not be made",
        async move { enroll(&inner, &config, &email, &device).await },
    );
    Ok(Registration::Mailed)
}

/// Refuses new accounts where there shall be none.
pub fn require_sign_up(config: &Config) -> Result<()> {
    if config.accounts.sign_up != SignUp::Closed {
        return Ok(());
    }
    let detail = "New accounts cannot be made here. Ask the operator of this service.";
    Err(Error::new(ErrorKind::Forbidden, "sign_up_closed", detail))
}

/// Makes an account and signs in. That an address is known is told.
async fn open(platform: &Platform, config: &Config, email: &Email, hash: &str, device: &Device) -> Result<SignIn> {
    let now = platform.clock.now();
    let id = platform.entropy.id(now, UserId::new);
    let role = Role::User;
    let user = NewUser { id, email: Some(email), password_hash: Some(hash), role, email_verified_at: None, now };
    let (open, tokens) = sign_in::open(platform, config, id, role, false, Method::Registration, device)?;
    let store = store::one_time_tokens::insert;
    let issued = one_time_tokens::issue(platform, id, email.as_str(), Purpose::VerifyEmail, None, store);
    let mut batch = vec![store::users::insert(&user)];
    batch.extend(open);
    batch.extend([one_time_tokens::purge(platform), issued.statement]);
    match platform.accounts.batch(batch).await {
        Ok(_) => {
            letters::send(platform, config, email.as_str(), Letter::VerifyEmail { token: issued.token });
            Ok(SignIn::Done(tokens))
        }
        Err(error) if error.is_unique("users.email") => {
            Err(Error::new(ErrorKind::AlreadyRegistered, "email_already_registered", "Email already registered"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes an account that nobody can use before its address is proved: who follows the letter chooses the password then. Whoever
/// asks again, perhaps somebody else, causes the same letter.
async fn enroll(platform: &Platform, config: &Config, email: &Email, device: &Device) -> Result<()> {
    let to = email.as_str();
    if !limits::allows_mail(platform, config.accounts.mail_limit, letters::SIGN_UP, to).await? {
        return Ok(());
    }
    let now = platform.clock.now();
    let id = platform.entropy.id(now, UserId::new);
    let purpose = Purpose::VerifyEmail;
    let user = NewUser { id, email: Some(email), password_hash: None, role: Role::User, email_verified_at: None, now };
    let issued = one_time_tokens::issue(platform, id, to, purpose, None, store::one_time_tokens::insert);
    let batch = vec![
        store::users::insert(&user),
        issued.statement,
        one_time_tokens::purge(platform),
        audit::statement(platform, &Event::by_user(id, Action::SignUpAsked, device)),
    ];
    match platform.accounts.batch(batch).await {
        Ok(_) => letters::send_allowed(platform, config, to, Letter::VerifyEmail { token: issued.token }),
        Err(error) if error.is_unique("users.email") => {
            let known = store::users::decode(&platform.accounts.run(store::users::by_email(email)).await?)?.pop();
            let Some(known) = known else { return Ok(()) };
            let store = store::one_time_tokens::insert_unused;
            let issued = one_time_tokens::issue(platform, known.id, to, purpose, None, store);
            let stored = platform.accounts.run(issued.statement).await?;
            let letter = if stored.rows.is_empty() {
                Letter::AlreadyRegistered
            } else {
                Letter::VerifyEmail { token: issued.token }
            };
            letters::send_allowed(platform, config, to, letter);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Signs in by an e-mail address, or by a user name. One that nobody has takes the same path as one whose password is wrong: it
/// is counted, and the password is verified with the hash of another account, always the same one. A device may show that it is
/// `trusted`.
pub async fn login(
    platform: &Platform,
    config: &Arc<Config>,
    address: &str,
    password: Secret<String>,
    trusted: Option<&Secret<String>>,
    device: &Device,
) -> Result<SignIn> {
    let (email, mut tried) = (Email::parse(address), Try::new(address, device));
    let mut batch = vec![tried.read(), store::users::stand_in(tried.address().point())];
    let by_name = || domain::profile::username(address).map(|name| store::users::by_username(&name));
    batch.extend(email.as_ref().map(store::users::by_email).or_else(by_name));
    let asked = batch.len();
    batch.extend(email.iter().flat_map(|email| known_devices::seen(platform, email.as_str(), device, trusted)));
    let outcomes = platform.accounts.batch(batch).await?;
    tried.recognise(outcomes.get(asked..).unwrap_or_default(), device)?;
    tried.check(platform, config, outcomes.first())?;
    let stand_in = outcomes.get(1).map(store::users::hash).transpose()?.flatten();
    let mut known = outcomes.get(2).map(store::users::decode).transpose()?.and_then(|mut users| users.pop());
    if let (None, Some(email)) = (&known, &email)
        && first_admin::create(platform, config, email, &password, device).await?
    {
        known = store::users::decode(&platform.accounts.run(store::users::by_email(email)).await?)?.pop();
    }
    if email.is_none() {
        // A lock follows the account, whatever it is called later. A name that nobody has takes as long.
        tried = known.as_ref().map_or(tried, |user| Try::by_name(user.id, device));
        let address = known.as_ref().and_then(|user| user.email.as_deref()).unwrap_or_default();
        let seen = known_devices::seen(platform, address, device, trusted);
        let outcomes = platform.accounts.batch(std::iter::once(tried.read()).chain(seen).collect()).await?;
        tried.recognise(outcomes.get(1..).unwrap_or_default(), device)?;
        tried.check(platform, config, outcomes.first())?;
    }
    let own = known.as_ref().and_then(|user| user.password_hash.clone());
    let kept = own.as_ref().map(|_| password.clone());
    let matches = passwords::verify(platform, config, password, own.clone().or(stand_in)).await?;
    if let (Some(user), Some(own), Some(password), true) = (&known, own, kept, matches) {
        login_attempts::succeeded(platform, config, &tried).await?;
        passwords::refresh(platform, config, user.id, &own, password);
        return sign_in::finish_trusting(platform, config, user, Method::Password, device, trusted).await;
    }
    let event = sign_in::failed(known.as_ref().map(|user| user.id), Method::Password, device);
    login_attempts::failed(platform, config, &tried, known.as_ref(), &event).await?;
    Err(Error::unauthenticated("invalid_credentials", "Invalid email or password"))
}

/// Reads a user.
pub async fn find(platform: &Platform, user: UserId) -> Result<User> {
    store::users::decode(&platform.accounts.run(store::users::by_id(user)).await?)?
        .pop()
        .ok_or_else(|| Error::bad_bearer("user_not_found", "User not found"))
}
