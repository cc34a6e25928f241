//! How second factors come and go: authenticator apps and the recovery codes that go with them.

use std::time::Duration;

use domain::{FactorId, Secret, UserId, account::Device, factor::FactorKind, permission::Role};
use ports::{Outcome, Platform, Statement};

use super::{
    qr,
    recovery_codes::{self, RANDOM_BYTES},
    revocation, tell, tell_change, totp, trusted_devices,
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    service::{
        accounts,
        audit::{self, Action, Event},
        identity::Identity,
        letters::Letter,
        one_time_tokens, sealing,
        step_up::{self, Evidence},
    },
    store::{self, factors::NewApp},
};

/// The longest name of a factor, in characters.
pub const MAX_NAME: usize = 64;
/// Apps of one user: one for each phone, and few, because each makes guessing easier.
const MAX_APPS: i64 = 3;
/// How long what was begun can be confirmed.
const PATIENCE: Duration = Duration::from_hours(1);

/// What the first factor wants.
const PROOF: &str = "Send your `password`, or a new `id_token` of your provider with its `provider`: the first factor of an account wants one of them in this request.";

/// An app that is about to be added.
#[derive(Debug)]
pub struct Begun {
    /// The id.
    pub id: FactorId,
    /// For people who type it.
    pub secret: Secret<String>,
    /// For apps that take a link.
    pub uri: Secret<String>,
    /// For apps that look.
    pub qr: Secret<String>,
}

/// Begins to add an authenticator app. What was begun before and not confirmed is forgotten. The first factor of an account wants
/// the password or an ID token in this very request (`evidence`), because whoever stole an access token could lock the
/// owner out with one; a further factor wants a recent proof.
pub async fn begin(
    platform: &Platform,
    config: &Config,
    caller: &Identity,
    name: Option<&str>,
    evidence: Option<Evidence>,
    device: &Device,
) -> Result<Begun> {
    let user = caller.user;
    let is_first = platform.accounts.run(store::factors::of_user(user)).await?.rows.is_empty();
    if is_first {
        caller.require_open(platform).await?;
    } else {
        caller.require_recent(platform, config).await?;
    }
    let account = accounts::find(platform, user).await?;
    if account.role == Role::Guest {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "guest_account",
            "A guest signs in with nothing that a second factor could be second to. Upgrade the account first.",
        ));
    }
    let provable = config.mail.enabled && platform.mail.delivers() && account.email.is_some();
    if provable && account.email_verified_at.is_none() {
        // A reset by mail takes factors away from an account whose address nobody has proved: whoever made it may not own it.
        return Err(Error::new(
            ErrorKind::Forbidden,
            "email_not_verified",
            "Confirm your e-mail address first; /api/v1/auth/email/resend sends the mail again.",
        ));
    }
    if is_first {
        let evidence = evidence.ok_or_else(|| Error::field("/password", PROOF))?;
        step_up::prove(platform, config, caller, evidence, device).await?;
    }
    let now = platform.clock.now();
    let id = platform.entropy.id(now, FactorId::new);
    let secret = Secret::new(platform.entropy.bytes::<{ totp::SECRET_BYTES }>().to_vec());
    let sealed = sealing::seal(platform, config, user, &id.to_string(), &secret)?;
    let new = NewApp { id, user, name, secret: &sealed, now };
    let batch = vec![store::factors::delete_unconfirmed(user), store::factors::insert_app(&new, MAX_APPS)];
    let outcomes = platform.accounts.batch(batch).await?;
    if outcomes.last().is_none_or(|inserted| inserted.rows.is_empty()) {
        return Err(Error::new(
            ErrorKind::Conflict,
            "too_many_factors",
            format!("An account has at most {MAX_APPS} authenticator apps. Remove one first."),
        ));
    }
    let uri = totp::uri(&secret, &config.mail.app_name, account.email.as_deref().unwrap_or("account"));
    Ok(Begun { id, secret: totp::base32(&secret), qr: qr::svg(&uri)?, uri })
}

/// Lets the app count whose code is shown, and gives recovery codes to who has none.
pub async fn confirm(
    platform: &Platform,
    config: &Config,
    user: UserId,
    code: &Secret<String>,
    device: &Device,
) -> Result<Vec<Secret<String>>> {
    let now = platform.clock.now();
    let read = vec![store::factors::unconfirmed(user, now.minus(PATIENCE)), store::users::by_id(user)];
    let outcomes = platform.accounts.batch(read).await?;
    let nothing = || {
        Error::new(
            ErrorKind::Conflict,
            "no_factor_to_confirm",
            "There is nothing to confirm. Begin with POST /api/v1/auth/factors/totp.",
        )
    };
    let begun = outcomes.first().map(store::factors::decode_apps).transpose()?;
    let app = begun.and_then(|mut begun| begun.pop()).ok_or_else(nothing)?;
    let opened = sealing::open(config, user, &app.id.to_string(), &app.secret)?;
    let Some(step) = totp::check(&opened.secret, code.expose(), now, app.step) else {
        return Err(Error::field("/code", "Must be the code that the app shows now."));
    };
    let email = outcomes.get(1).map(store::users::decode).transpose()?.and_then(|mut users| users.pop()?.email);
    let revocation = email.map(|email| revocation::issue(platform, user, &email));
    let (codes, hashes) = fresh_codes(platform, config, user)?;
    // Not before the token was made, which takes away what came since.
    let now = platform.clock.now();
    let mut batch = vec![
        store::factors::confirm(app.id, user, step, now),
        added(platform, user, FactorKind::Totp, device),
        store::recovery_codes::delete_if_used_up(user),
        store::recovery_codes::insert(user, &hashes, now),
    ];
    let token = revocation.map(|issued| {
        batch.extend([one_time_tokens::purge(platform), issued.statement]);
        issued.token
    });
    let outcomes = platform.accounts.batch(batch).await?;
    let [confirmed, _, _, given, ..] = outcomes.as_slice() else { return Err(nothing()) };
    if confirmed.rows.is_empty() {
        return Err(nothing());
    }
    if let Some(token) = token {
        tell(platform, config, user, Letter::second_factor_added("an authenticator app was added", device, token))
            .await;
    }
    Ok(if given.rows.is_empty() { Vec::new() } else { codes })
}

/// Takes a factor away. With the last one, recovery codes go; with each, the trust in devices.
pub async fn remove(platform: &Platform, config: &Config, user: UserId, id: FactorId, device: &Device) -> Result<()> {
    let factors = store::factors::decode(&platform.accounts.run(store::factors::of_user(user)).await?)?;
    let factor = factors.iter().find(|factor| factor.id == id).ok_or_else(|| Error::not_found("Factor"))?;
    let detail = Some(factor.kind.as_str());
    let event = Event { detail, ..Event::by_user(user, Action::SecondFactorRemoved, device) };
    let outcomes = platform
        .accounts
        .batch(vec![
            store::factors::delete(id, user),
            audit::statement_if_changed(platform, &event),
            store::recovery_codes::delete_if_needless(user),
            trusted_devices::forget_all(user),
        ])
        .await?;
    if outcomes.first().is_none_or(|deleted| deleted.rows.is_empty()) {
        return Err(Error::not_found("Factor"));
    }
    tell_change(platform, config, user, "an authenticator app was removed", device).await;
    Ok(())
}

/// Gives new recovery codes; the ones before count no more.
pub async fn renew_codes(
    platform: &Platform,
    config: &Config,
    user: UserId,
    device: &Device,
) -> Result<Vec<Secret<String>>> {
    let factors = platform.accounts.run(store::factors::of_user(user)).await?;
    let none = || {
        Error::new(
            ErrorKind::Conflict,
            "no_second_factor",
            "Recovery codes go with a second factor, and this account has none.",
        )
    };
    if factors.rows.is_empty() {
        return Err(none());
    }
    let (codes, hashes) = fresh_codes(platform, config, user)?;
    let event = Event::by_user(user, Action::RecoveryCodesRenewed, device);
    let outcomes = platform
        .accounts
        .batch(vec![
            store::recovery_codes::delete(user),
            store::recovery_codes::insert(user, &hashes, platform.clock.now()),
            audit::statement_if_changed(platform, &event),
        ])
        .await?;
    if outcomes.get(1).is_none_or(|given| given.rows.is_empty()) {
        return Err(none());
    }
    tell_change(platform, config, user, "new recovery codes were made", device).await;
    Ok(codes)
}

/// The statements that take everything away that has to do with a user's second factors, and tell it as `event` if there was
/// one that counted: for [`removed`], the first one's outcome.
pub fn removal(platform: &Platform, event: &Event<'_>) -> Vec<Statement> {
    let Some(user) = event.user else { return Vec::new() };
    let told = [store::factors::delete_confirmed(user), audit::statement_if_changed(platform, event)];
    told.into_iter().chain(store::factors::delete_everything(user)).collect()
}

/// Mails the user when there was one. Returns how many.
pub async fn removed(
    platform: &Platform,
    config: &Config,
    user: UserId,
    outcome: Option<&Outcome>,
    how: &str,
    device: &Device,
) -> usize {
    let count = outcome.map_or(0, |outcome| outcome.rows.len());
    if count > 0 {
        tell_change(platform, config, user, how, device).await;
    }
    count
}

/// Ends the trust in all devices.
pub async fn distrust_all(platform: &Platform, user: UserId, device: &Device) -> Result<()> {
    let event = Event::by_user(user, Action::TrustedDevicesForgotten, device);
    platform
        .accounts
        .batch(vec![trusted_devices::forget_all(user), audit::statement_if_changed(platform, &event)])
        .await?;
    Ok(())
}

fn added(platform: &Platform, user: UserId, kind: FactorKind, device: &Device) -> Statement {
    let event = Event { detail: Some(kind.as_str()), ..Event::by_user(user, Action::SecondFactorAdded, device) };
    audit::statement_if_changed(platform, &event)
}

fn fresh_codes(
    platform: &Platform,
    config: &Config,
    user: UserId,
) -> Result<(Vec<Secret<String>>, [String; recovery_codes::COUNT])> {
    let key = config.data_keys.first().ok_or_else(|| Error::internal("no key for data"))?;
    let codes = recovery_codes::make(platform.entropy.bytes::<RANDOM_BYTES>());
    let hashes: Option<Vec<String>> = codes.iter().map(|code| recovery_codes::hash(key, user, code.expose())).collect();
    let hashes = hashes.and_then(|hashes| hashes.try_into().ok());
    Ok((codes, hashes.ok_or_else(|| Error::internal("a recovery code is none"))?))
}
