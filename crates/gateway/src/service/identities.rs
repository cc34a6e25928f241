//! Identities: signing in by another provider's ID token, proving with one to be there, linking one to an account, unlinking it.
//!
//! A token finds its account by provider and subject, never by address alone. Only a first one may join an account that is
//! there already, and only if its address was proved twice: to the provider and to us. If it was not proved to us, it is refused: the
//! owner of the address gets the account by a reset of its password, which ends what was there, and links then. If it was proved,
//! whoever made the account may still have squatted on the address before: joining ends what is older than the proof, the password
//! and the sessions that it opened included ([`store::proofs`]). An address that the provider does not vouch for is shown and
//! counts for nothing: the account that it makes has none.
//!
//! Linking wants a proved address, as a second factor does: the owner of the address is told of it.

use domain::{
    Timestamp, UserId,
    account::{Device, Email, User},
    permission::Role,
};
use ports::{DatabaseError, DatabaseErrorKind, Platform};

use super::{
    accounts,
    audit::{self, Action, Event},
    email_addresses, guests,
    id_tokens::{self, Claims, Proof},
    identity::Identity,
    letters::{self, Letter},
    sessions,
    sign_in::{self, Method, SignIn},
};
use crate::{
    Config,
    config::OidcProvider,
    error::{Error, ErrorKind, Result},
    store::{self, identities::NewIdentity, users::NewUser},
};

pub use store::identities::LinkedIdentity;

/// Another request may link or make what this one is about to. Then it is found; more often than this it does not happen.
const ATTEMPTS: usize = 3;

/// Signs in who an ID token names, and tells whether the account is new.
pub async fn sign_in(
    platform: &Platform,
    config: &Config,
    provider: &str,
    proof: &Proof,
    name: Option<String>,
    device: &Device,
) -> Result<(bool, SignIn)> {
    let provider = find_provider(config, provider)?;
    let claims = match id_tokens::verify(platform, provider, proof).await {
        Ok(claims) => Claims { name: name.or(claims.name), ..claims },
        Err(error) => {
            if error.kind == ErrorKind::Unauthenticated {
                audit::record(platform, &sign_in::failed(None, Method::IdToken, device)).await;
            }
            return Err(error);
        }
    };
    for _ in 0..ATTEMPTS {
        let now = platform.clock.now();
        let touch = store::identities::touch(&provider.name, &claims.subject, claims.said_email.as_ref(), now);
        if let Some(id) = store::identities::decode_owner(&platform.accounts.run(touch).await?)? {
            let user = store::users::decode(&platform.accounts.run(store::users::by_id(id)).await?)?.pop();
            let user = user
                .ok_or_else(|| Error::new(ErrorKind::Forbidden, "account_deleted", "This account has been deleted."))?;
            let done = sign_in::finish(platform, config, &user, Method::IdToken, claims.proved_at, device).await?;
            return Ok((false, done));
        }
        let known = match &claims.email {
            Some(email) => store::users::decode(&platform.accounts.run(store::users::by_email(email)).await?)?.pop(),
            None => None,
        };
        match (known, &claims.email) {
            (Some(user), Some(email)) if user.email_verified_at.is_some() => {
                adopt(platform, config, &user, provider, &claims, email, device).await?;
            }
            (Some(_), _) => return Err(in_use()),
            (None, _) => {
                if let Some(done) = create(platform, config, provider, &claims, device).await? {
                    return Ok((true, done));
                }
            }
        }
    }
    Err(in_use())
}

/// Links a first identity to the account of its address, and ends what is older in it than the proof of the address; the next look
/// finds it, or what another request has made of it.
async fn adopt(
    platform: &Platform,
    config: &Config,
    user: &User,
    provider: &OidcProvider,
    claims: &Claims,
    email: &Email,
    device: &Device,
) -> Result<()> {
    let now = platform.clock.now();
    let told = |action| audit::statement_if_changed(platform, &Event::by_user(user.id, action, device));
    let batch = vec![
        store::identities::insert_if_verified(&new(platform, provider, claims, user.id), email),
        audit::statement(platform, &linked(user.id, provider, device)),
        store::proofs::end_sessions(user.id, now),
        store::proofs::forget_password(user.id, now),
        told(Action::PasswordRemoved),
        store::proofs::delete_keys(user.id),
        told(Action::ApiKeysRevoked),
        store::proofs::delete_factors(user.id),
        told(Action::SecondFactorRemoved),
        store::recovery_codes::delete_if_needless(user.id),
        store::proofs::delete_identities(user.id),
        told(Action::IdentityUnlinked),
        store::challenges::delete_all(user.id),
    ];
    let outcomes = match platform.accounts.batch(batch).await {
        Ok(outcomes) => outcomes,
        Err(error) if is_unique(&error) || error.kind == DatabaseErrorKind::Check => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let [_, _, sessions, password, ..] = outcomes.as_slice() else { return Ok(()) };
    sessions::remember_ends(platform, config, &store::sessions::ids(sessions)?).await?;
    let what = if password.rows.is_empty() {
        "added"
    } else {
        "added, and the password was removed, which somebody chose before this address was confirmed"
    };
    tell(platform, config, user, &provider.name, what, device);
    Ok(())
}

/// Makes an account. None: another request was faster, with the identity or with the address.
async fn create(
    platform: &Platform,
    config: &Config,
    provider: &OidcProvider,
    claims: &Claims,
    device: &Device,
) -> Result<Option<SignIn>> {
    accounts::require_sign_up(config)?;
    let (now, role, email) = (platform.clock.now(), Role::User, claims.email.as_ref());
    let id = platform.entropy.id(now, UserId::new);
    let user = NewUser { id, email, password_hash: None, role, email_verified_at: email.map(|_| now), now };
    let (open, tokens) = sign_in::open(platform, config, id, role, email.is_some(), Method::FirstIdToken, device)?;
    let link = store::identities::insert(&new(platform, provider, claims, id));
    let batch = [store::users::insert(&user), link].into_iter().chain(open).collect();
    match platform.accounts.batch(batch).await {
        Ok(_) => Ok(Some(SignIn::Done(tokens))),
        Err(error) if is_unique(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Links an identity to the caller's account, and tells whether it was not linked before. A guest becomes a user by it, with
/// the address if the provider vouches for it and nobody has it.
pub async fn link(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    provider: &str,
    proof: &Proof,
    name: Option<String>,
    device: &Device,
) -> Result<(bool, LinkedIdentity)> {
    let provider = find_provider(config, provider)?;
    let user = accounts::find(platform, caller.user).await?;
    let is_guest = user.role == Role::Guest;
    // A guest has nothing to prove itself with.
    if !is_guest {
        caller.require_recent(platform, config).await?;
        email_addresses::require_proved(platform, config, &user)?;
    }
    let claims = id_tokens::verify(platform, provider, proof).await?;
    let claims = Claims { name: name.or(claims.name), ..claims };
    let mut email = claims.email.as_ref();
    let is_new = loop {
        let mut batch = vec![
            store::identities::insert(&new(platform, provider, &claims, user.id)),
            audit::statement(platform, &linked(user.id, provider, device)),
        ];
        if is_guest {
            let now = platform.clock.now();
            batch.push(store::users::promote_guest(user.id, email, None, email.map(|_| now), now));
            batch.push(audit::statement(platform, &Event::by_user(user.id, Action::GuestUpgraded, device)));
        }
        match platform.accounts.batch(batch).await {
            Ok(_) => break true,
            // Somebody has the address: the account goes on without one.
            Err(error) if error.is_unique("users.email") && email.is_some() => email = None,
            Err(error) if is_unique(&error) => {
                check_owner(platform, user.id, provider, &claims).await?;
                break false;
            }
            Err(error) if guests::was_promoted(&error) => return Err(guests::not_a_guest()),
            Err(error) => return Err(error.into()),
        }
    };
    if is_new {
        tell(platform, config, &user, &provider.name, "added", device);
    }
    if is_guest && is_new {
        sessions::outdate_all(platform, config, user.id).await?;
    }
    let mine = list(platform, user.id).await?.into_iter().find(|identity| identity.provider == provider.name);
    // Unlinked again in between.
    mine.map(|identity| (is_new, identity)).ok_or_else(missing)
}

/// When the holder of one of a user's identities proved to its provider to be there. None: the token is of nobody who signs in to
/// this account.
pub async fn proved_at(
    platform: &Platform,
    config: &Config,
    user: UserId,
    provider: &str,
    proof: &Proof,
) -> Result<Option<Timestamp>> {
    let provider = find_provider(config, provider)
        .map_err(|_| Error::field("/provider", "Must name an identity provider of this server."))?;
    let claims = id_tokens::verify(platform, provider, proof).await?;
    let owner = platform.accounts.run(store::identities::owner(&provider.name, &claims.subject)).await?;
    Ok((store::identities::decode_owner(&owner)? == Some(user)).then_some(claims.proved_at))
}

/// Why an identity could not be linked: fine if it is linked to this user.
async fn check_owner(platform: &Platform, user: UserId, provider: &OidcProvider, claims: &Claims) -> Result<()> {
    let owner = platform.accounts.run(store::identities::owner(&provider.name, &claims.subject)).await?;
    let (code, detail) = match store::identities::decode_owner(&owner)? {
        Some(owner) if owner == user => return Ok(()),
        Some(_) => {
            ("identity_in_use", "This identity signs in to another account. Sign in with it, or unlink it there first.")
        }
        None => ("provider_already_linked", "Another identity of this provider is linked. Unlink it first."),
    };
    Err(Error::new(ErrorKind::Conflict, code, detail))
}

/// The identities of a user.
pub async fn list(platform: &Platform, user: UserId) -> Result<Vec<LinkedIdentity>> {
    Ok(store::identities::decode(&platform.accounts.run(store::identities::of_user(user)).await?)?)
}

/// Unlinks the identity of a provider, also of one that is configured no more, unless it is the last way to sign in.
pub async fn unlink(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    provider: &str,
    device: &Device,
) -> Result<()> {
    caller.require_recent(platform, config).await?;
    let user = accounts::find(platform, caller.user).await?;
    let linked = list(platform, caller.user).await?.into_iter().find(|identity| identity.provider == provider);
    let linked = linked.ok_or_else(missing)?;
    let gone = platform.accounts.run(store::identities::delete_unless_last(caller.user, &linked.provider)).await?;
    if gone.rows.is_empty() {
        let detail = "This is the last way to sign in to this account. Set a password or link another provider first.";
        return Err(Error::new(ErrorKind::Conflict, "last_sign_in_method", detail));
    }
    let event = Event::by_user(caller.user, Action::IdentityUnlinked, device);
    audit::record(platform, &Event { detail: Some(&linked.provider), ..event }).await;
    tell(platform, config, &user, &linked.provider, "removed", device);
    Ok(())
}

/// Mails a user, as the account was before, that an identity of a provider was linked or unlinked.
fn tell(platform: &Platform, config: &Config, user: &User, provider: &str, what: &str, device: &Device) {
    let what = format!("signing in with {} was {what}", letters::harmless(provider));
    letters::tell(platform, config, user, Letter::access_changed("How you sign in was changed", &what, device));
}

fn find_provider<'a>(config: &'a Config, name: &str) -> Result<&'a OidcProvider> {
    let known = config.oidc.iter().find(|provider| provider.name == name);
    known.ok_or_else(|| Error::not_found("Identity provider"))
}

fn new<'a>(platform: &Platform, provider: &'a OidcProvider, claims: &'a Claims, user: UserId) -> NewIdentity<'a> {
    NewIdentity {
        provider: &provider.name,
        subject: &claims.subject,
        user,
        email: claims.said_email.as_ref(),
        name: claims.name.as_deref(),
        now: platform.clock.now(),
    }
}

fn linked<'a>(user: UserId, provider: &'a OidcProvider, device: &'a Device) -> Event<'a> {
    Event { detail: Some(&provider.name), ..Event::by_user(user, Action::IdentityLinked, device) }
}

fn is_unique(error: &DatabaseError) -> bool {
    matches!(error.kind, DatabaseErrorKind::Unique { .. })
}

fn in_use() -> Error {
    let detail = "An account with this address exists. Sign in to it, resetting its password if need be, and link this provider there.";
    Error::new(ErrorKind::Conflict, "email_in_use", detail)
}

fn missing() -> Error {
    Error::not_found("Identity")
}
