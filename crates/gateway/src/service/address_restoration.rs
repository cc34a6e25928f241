//! The way back from a change of address: for seven days, who reads the mail of the address before may take the change back.
//!
//! Whoever changed the address could do everything in the account, and from the change on its letters went to them. So all that came
//! since then goes: sessions, API keys, identities, second factors and recovery codes. The password signs in no more until its owner
//! sets another one by mail. What is older stays, since the owner was told of it.

use domain::{
    Secret,
    account::{Device, Email},
};
use ports::Platform;

use super::{
    audit::{self, Action, Event},
    letters::{self, Letter},
    one_time_tokens::{self, Purpose},
    sessions,
};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// Gives an account the address back that a token was sent to, and mails its owner how to set a new password.
pub async fn restore(platform: &Platform, config: &Config, token: Secret<String>, device: &Device) -> Result<()> {
    let found = one_time_tokens::find(platform, Purpose::RestoreEmail, &token).await?;
    let (user, now, since) = (&found.user, platform.clock.now(), found.created_at);
    let old = Email::parse(&found.email).ok_or_else(one_time_tokens::refused)?;
    let holder = store::users::decode(&platform.accounts.run(store::users::by_email(&old)).await?)?.pop();
    if holder.is_some_and(|holder| holder.id != user.id && holder.email_verified_at.is_some()) {
        return Err(in_use());
    }
    let insert = store::one_time_tokens::insert;
    let reset = one_time_tokens::issue(platform, user.id, old.as_str(), Purpose::ResetPassword, None, insert);
    let told = |action| audit::statement_if_changed(platform, &Event::by_user(user.id, action, device));
    let mut batch = vec![
        store::sessions::end_all(user.id, None, "email_restored", now),
        store::users::give_up_unproved(old.as_str(), user.id, now),
        store::users::restore_email(user.id, old.as_str(), now),
        audit::statement(platform, &Event::by_user(user.id, Action::EmailRestored, device)),
        store::api_keys::delete_all(user.id),
        told(Action::ApiKeysRevoked),
        store::proofs::delete_identities_since(user.id, since),
        told(Action::IdentityUnlinked),
        store::proofs::delete_factors_since(user.id, since),
        told(Action::SecondFactorRemoved),
        store::proofs::delete_codes_since(user.id, since),
        store::recovery_codes::delete_if_needless(user.id),
        store::trusted_devices::delete_all(user.id),
        store::challenges::delete_all(user.id),
        store::users::cancel_deletion(user.id),
        told(Action::DeletionCancelled),
    ];
    let purposes = [Purpose::VerifyEmail, Purpose::ConfirmEmail, Purpose::ResetPassword, Purpose::RestoreEmail];
    batch.extend(purposes.map(|purpose| store::one_time_tokens::revoke(user.id, purpose.as_str(), now)));
    batch.push(reset.statement);
    let outcomes = one_time_tokens::spend(platform, &found, batch).await?;
    if let Some(ended) = outcomes.first() {
        sessions::remember_ends(platform, config, &store::sessions::ids(ended)?).await?;
    }
    letters::send(platform, config, old.as_str(), Letter::ResetPassword { token: reset.token });
    letters::tell(platform, config, user, Letter::EmailRestored);
    Ok(())
}

fn in_use() -> Error {
    let detail = "Another account has confirmed this address meanwhile. Delete that account, or give it another address; then try again.";
    Error::new(ErrorKind::Conflict, "email_in_use", detail)
}
