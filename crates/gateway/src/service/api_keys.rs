//! Personal API keys: for programs that act for a user. Who holds one may spend and read, not take over: what a key may do is
//! bounded by its scopes, by what its owner may do now, and by [`Permission::fits_a_key`].

mod text;

use std::time::Duration;

use domain::{
    ApiKeyId, Secret, Timestamp,
    account::{Device, Standing},
    permission::{Permission, Permissions},
};
use ports::{DatabaseErrorKind, Platform};

use super::{
    audit::{self, Action, Event},
    identity::Identity,
    letters::{self, Letter},
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store::{self, api_keys::NewApiKey},
};

pub use store::api_keys::ApiKey;
pub use text::PREFIX;

/// The keys of a user.
pub const MOST: i64 = 50;
/// The longest name, in characters.
pub const MAX_NAME: usize = 100;
/// The longest life that can be asked for, in days.
pub const MAX_DAYS: u64 = 3_650;
/// What a key may do that names no scope.
pub const DEFAULT_SCOPES: Permissions = Permissions::of(&[Permission::Chat]);
/// A use is noted at most this often.
const NOTED: Duration = Duration::from_mins(1);

/// A key to be made.
pub struct Wish {
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Permissions,
    /// How long it lives; for ever if there is no end.
    pub life: Option<Duration>,
}

/// Makes a key. The text is told this once.
pub async fn create(
    platform: &Platform,
    config: &Config,
    owner: &Identity,
    wish: Wish,
    device: &Device,
) -> Result<(ApiKey, Secret<String>)> {
    let (session, now) = (owner.session()?, platform.clock.now());
    owner.require_recent(platform, config).await?;
    let key = text::make(&*platform.entropy);
    let made = ApiKey {
        id: platform.entropy.id(now, ApiKeyId::new),
        name: wish.name,
        prefix: text::shown(key.expose()).to_owned(),
        scopes: wish.scopes.and(grantable(owner)),
        created_at: now,
        expires_at: wish.life.map(|life| now.plus(life)),
        last_used_at: None,
    };
    let insert = store::api_keys::insert(
        &NewApiKey {
            id: made.id,
            user: owner.user,
            name: &made.name,
            prefix: &made.prefix,
            hash: &text::hash(key.expose()),
            scopes: made.scopes,
            now,
            expires_at: made.expires_at,
        },
        MOST,
    );
    let event = Event {
        detail: Some(&made.prefix),
        session: Some(session),
        ..Event::by_user(owner.user, Action::ApiKeyCreated, device)
    };
    let whose = store::users::by_id(owner.user);
    match platform.accounts.batch(vec![insert, audit::statement(platform, &event), whose]).await {
        Ok(outcomes) => {
            // The key is told this once: nothing after it may fail.
            if let Some(user) = outcomes.last().and_then(|found| store::users::decode(found).ok()?.pop()) {
                let what = format!("{} ({}…) was made", letters::harmless(&made.name), made.prefix);
                letters::tell(platform, config, &user, Letter::access_changed("A new API key", &what, device));
            }
            Ok((made, key))
        }
        Err(error) if error.kind == DatabaseErrorKind::Check => Err(Error::new(
            ErrorKind::Conflict,
            "too_many_api_keys",
            format!("You have {MOST} API keys, which is as many as there may be. Revoke one first."),
        )),
        Err(error) => Err(error.into()),
    }
}

/// What a key of this user can be given.
pub fn grantable(owner: &Identity) -> Permissions {
    let fitting: Vec<Permission> = Permission::of_keys().collect();
    Permissions::of(&fitting).and(owner.role.permissions())
}

/// The keys of a user, newest first. They are at most [`MOST`].
pub async fn list(platform: &Platform, owner: &Identity) -> Result<Vec<ApiKey>> {
    owner.session()?;
    Ok(store::api_keys::decode(&platform.accounts.run(store::api_keys::of_user(owner.user)).await?)?)
}

/// Revokes a key; from the next request on it is worth nothing.
pub async fn revoke(platform: &Platform, owner: &Identity, id: ApiKeyId, device: &Device) -> Result<()> {
    let session = owner.session()?;
    let key = list(platform, owner).await?.into_iter().find(|key| key.id == id).ok_or_else(missing)?;
    let event = Event {
        detail: Some(&key.prefix),
        session: Some(session),
        ..Event::by_user(owner.user, Action::ApiKeyRevoked, device)
    };
    let delete = store::api_keys::delete(id, owner.user);
    platform.accounts.batch(vec![delete, audit::statement_if_changed(platform, &event)]).await?;
    Ok(())
}

/// What a caller hears of a key that is not theirs.
pub fn missing() -> Error {
    Error::not_found("API key")
}

/// The caller that a key names: one read, joined with the owner as they are now, so that a key dies with its account at once.
pub async fn authenticate(platform: &Platform, given: &str) -> Result<Identity> {
    let refused = || Error::bad_bearer("invalid_api_key", "Invalid or revoked API key");
    if !text::is_whole(given) {
        return Err(refused());
    }
    let found = platform.accounts.run(store::api_keys::by_hash(&text::hash(given))).await?;
    let known = store::api_keys::decode_known(&found)?.ok_or_else(refused)?;
    let now = platform.clock.now();
    if known.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::bad_bearer("api_key_expired", "This API key has expired. Make a new one."));
    }
    match known.standing {
        Standing::Active => {}
        Standing::Suspended => return Err(super::sign_in::suspended()),
        Standing::Deleted => return Err(refused()),
    }
    if known.last_used_at.is_none_or(|at| now.since(at) >= NOTED) {
        note_use(platform, known.id, now);
    }
    let identity = Identity {
        user: known.user,
        role: known.role,
        permissions: Permissions::default(),
        email_verified: known.email_verified,
        session: None,
        authenticated_at: None,
    };
    Ok(Identity { permissions: known.scopes.and(grantable(&identity)), ..identity })
}

/// Beside the request: nobody waits for it, and a failure costs no more than a use that was not noted.
fn note_use(platform: &Platform, key: ApiKeyId, now: Timestamp) {
    let (accounts, touch) = (platform.accounts.clone(), store::api_keys::touch(key, now, now.minus(NOTED)));
    platform.tasks.spawn(Box::pin(async move {
        let _ = accounts.run(touch).await;
    }));
}
