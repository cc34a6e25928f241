//! The way back from a second factor that the owner did not add: the letter that tells of it carries a token, which for seven days
//! takes away every factor that came since then.
//!
//! Whoever added the factor was signed in and knew the password or signed in at a provider. So every session ends, and the password
//! signs in no more until its owner sets another one by mail.

use domain::{Secret, UserId, account::Device};
use ports::Platform;

use super::enrolment;
use crate::{
    Config,
    error::Result,
    service::{
        audit::{self, Action, Event},
        letters::{self, Letter},
        one_time_tokens::{self, Issued, Purpose},
        sessions,
    },
    store,
};

/// Makes the token of the letter about a new factor.
pub fn issue(platform: &Platform, user: UserId, email: &str) -> Issued {
    one_time_tokens::issue(platform, user, email, Purpose::RemoveFactor, None, store::one_time_tokens::insert)
}

/// Takes away the factors that came since a token was made, and signs everybody out.
pub async fn revoke(platform: &Platform, config: &Config, token: &Secret<String>, device: &Device) -> Result<()> {
    let found = one_time_tokens::find(platform, Purpose::RemoveFactor, token).await?;
    let (user, since, now) = (&found.user, found.created_at, platform.clock.now());
    if user.email.as_deref() != Some(&found.email) {
        // A change of address has a way back of its own; when it is taken, this token counts again.
        return Err(one_time_tokens::refused());
    }
    let event = Event { detail: Some("mail"), ..Event::by_user(user.id, Action::SecondFactorRemoved, device) };
    let mut batch = vec![
        store::sessions::end_all(user.id, None, "second_factor_removed", now),
        store::proofs::delete_factors_since(user.id, since),
        audit::statement_if_changed(platform, &event),
        store::proofs::delete_codes_since(user.id, since),
        store::recovery_codes::delete_if_needless(user.id),
        store::trusted_devices::delete_all(user.id),
        store::challenges::delete_all(user.id),
        store::users::demand_new_password(user.id, now),
        store::one_time_tokens::revoke(user.id, Purpose::RemoveFactor.as_str(), now),
    ];
    let reset = user.password_hash.as_ref().map(|_| {
        let insert = store::one_time_tokens::insert;
        one_time_tokens::issue(platform, user.id, &found.email, Purpose::ResetPassword, None, insert)
    });
    let reset = reset.map(|issued| {
        batch.push(issued.statement);
        issued.token
    });
    let outcomes = one_time_tokens::spend(platform, &found, batch).await?;
    if let Some(ended) = outcomes.first() {
        sessions::remember_ends(platform, config, &store::sessions::ids(ended)?).await?;
    }
    if let Some(token) = reset {
        letters::send(platform, config, &found.email, Letter::ResetPassword { token });
    }
    let how = "your second factor was removed by the link in our letter, and all your devices were signed out";
    enrolment::removed(platform, config, user.id, outcomes.get(1), how, device).await;
    Ok(())
}
