//! Leaving: planning the deletion of one's account, taking the plan back, or leaving at once. What happens to the data of a
//! deleted account is in `erasure`.

use domain::{SessionId, Timestamp, UserId, account::Device};
use ports::{DatabaseErrorKind, Platform};

use super::{
    admin,
    audit::{self, Action, Event},
    erasure,
    identity::Identity,
    letters::{self, Letter},
    profiles::{self, Profile},
    sessions,
};
use crate::{Config, error::Result, store};

/// A deletion that is planned, or done.
#[derive(Clone, Copy, Debug)]
pub struct Deletion {
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// From when on nobody can use the account.
    pub scheduled_at: Timestamp,
}

/// Plans the deletion of the caller's account: until the day it works as before, so that the plan can be taken back, but only
/// where the caller is: every other session ends, so that the caller must have proved to be there. Planning again changes nothing. The last admin who does not plan to leave
/// stays. (Who leaves as planned and is the only admin on the day stays until there is another one.)
pub async fn schedule(platform: &Platform, config: &Config, caller: &Identity, device: &Device) -> Result<Deletion> {
    let session = caller.session()?;
    caller.require_recent_unless_guest(platform, config).await?;
    let profile = profiles::find(platform, caller.user).await?;
    let deletion = match planned(&profile) {
        Some(deletion) => deletion,
        None => plan(platform, config, &profile, session, device).await?,
    };
    // At a repetition as well: the first time may have come no further.
    sessions::end_all(platform, config, caller.user, Some(session), "deletion_scheduled").await?;
    Ok(deletion)
}

fn planned(profile: &Profile) -> Option<Deletion> {
    let (requested_at, scheduled_at) = (profile.deletion_requested_at?, profile.deletion_scheduled_at?);
    Some(Deletion { requested_at, scheduled_at })
}

/// Writes the plan and tells of it, unless another request was faster.
async fn plan(
    platform: &Platform,
    config: &Config,
    profile: &Profile,
    session: SessionId,
    device: &Device,
) -> Result<Deletion> {
    let (user, now) = (profile.id, platform.clock.now());
    let deletion = Deletion { requested_at: now, scheduled_at: now.plus(config.deletion_delay) };
    let event = Event { session: Some(session), ..Event::by_user(user, Action::DeletionScheduled, device) };
    let plan = store::users::schedule_deletion(user, now, deletion.scheduled_at);
    match platform.accounts.batch(vec![plan, audit::statement(platform, &event)]).await {
        Ok(_) => {}
        Err(error) if error.kind == DatabaseErrorKind::Check => {
            return planned(&profiles::find(platform, user).await?).ok_or_else(admin::last_admin);
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(address) = profile.email.as_ref().filter(|_| profile.email_verified_at.is_some()) {
        letters::send(platform, config, address, Letter::DeletionScheduled { at: deletion.scheduled_at.to_string() });
    }
    Ok(deletion)
}

/// Takes the plan back, if there is one, and returns the profile.
pub async fn cancel(platform: &Platform, user: UserId, device: &Device) -> Result<Profile> {
    let profile = profiles::find(platform, user).await?;
    if profile.deletion_scheduled_at.is_none() {
        return Ok(profile);
    }
    let event = audit::statement_if_changed(platform, &Event::by_user(user, Action::DeletionCancelled, device));
    platform.accounts.batch(vec![store::users::cancel_deletion(user), event]).await?;
    // Read again: if the day was just there, it is too late.
    profiles::find(platform, user).await
}

/// Deletes the caller's account at once: when this returns, nobody can use it and its address is free. Not that of the last admin.
pub async fn leave(platform: &Platform, config: &Config, caller: &Identity, device: &Device) -> Result<Deletion> {
    let (user, now) = (caller.user, platform.clock.now());
    caller.require_recent_unless_guest(platform, config).await?;
    let event = audit::statement(platform, &Event::by_user(user, Action::AccountDeleted, device));
    let batch = std::iter::once(store::directory::delete(user, now)).chain(erasure::close(user, now)).chain([event]);
    let ended = admin::done(platform.accounts.batch(batch.collect()).await)?;
    sessions::remember_ends(platform, config, &store::sessions::ids(&ended)?).await?;
    Ok(Deletion { requested_at: now, scheduled_at: now })
}
