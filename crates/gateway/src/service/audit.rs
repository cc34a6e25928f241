//! The audit log: who did what to whose account, when, from where, and whether it worked. No address that is nobody's, no
//! secret, no value that a caller sent.

use domain::{EventId, SessionId, Timestamp, UserId, account::Device};
use ports::{Database, Platform, Statement};

use crate::{
    Config,
    error::Result,
    log::Line,
    store::{self, audit_events::NewEvent},
};

pub use store::audit_events::AuditEvent;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An account was made.
    Registered,
    /// Somebody signed in, or tried to.
    SignedIn,
    /// A user signed out, of one session or of several.
    SignedOut,
    /// A session was ended from another one, or because a newer one took its place.
    SessionEnded,
    /// A refresh token came twice, and its session was ended.
    RefreshTokenReused,
    /// Another provider's identity was linked.
    IdentityLinked,
    /// Another provider's identity was unlinked.
    IdentityUnlinked,
    /// A guest became a user.
    GuestUpgraded,
    /// An API key was made.
    ApiKeyCreated,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// An account was made by an admin, or as the first admin.
    AccountCreated,
    /// The role was changed; the detail is the new one.
    RoleChanged,
    /// An admin took the account out of use.
    Suspended,
    /// An admin took it into use again.
    Restored,
    /// The account was deleted.
    AccountDeleted,
    /// An admin ended all sessions.
    SessionsEnded,
    /// An admin wants another password before the next sign-in.
    PasswordChangeDemanded,
    /// An admin no longer wants it.
    PasswordChangeWaived,
    /// An admin revoked all API keys.
    ApiKeysRevoked,
    /// An account was asked for; it can be used when its address is proved.
    SignUpAsked,
    /// A signed-in user was asked for the password.
    PasswordAsked,
    /// The password was changed by who knows it.
    PasswordChanged,
    /// The password was reset by who reads the mail.
    PasswordReset,
    /// A password from before the address was proved was taken away.
    PasswordRemoved,
    /// Too many wrong passwords: an address was locked.
    AccountLocked,
    /// Too many wrong passwords: signing in from a network was locked.
    NetworkLocked,
    /// The address was proved, or an admin vouched for it.
    EmailVerified,
    /// The account got another address.
    EmailChanged,
    /// The account got the address back that it had.
    EmailRestored,
    /// A second factor was added.
    SecondFactorAdded,
    /// A second factor was removed.
    SecondFactorRemoved,
    /// Too many wrong codes, or wrong passwords of who is signed in: nobody can prove a second factor, or step up, for a while.
    SecondFactorLocked,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// New recovery codes were made.
    RecoveryCodesRenewed,
    /// The trust in all devices was ended.
    TrustedDevicesForgotten,
    /// Somebody who is signed in proved to be there, or tried to.
    SteppedUp,
    /// An account came from another system.
    Imported,
    /// A user took a copy of everything.
    Exported,
    /// A user planned to leave.
    DeletionScheduled,
    /// A user stays after all.
    DeletionCancelled,
    /// Nothing of an account is left.
    AccountErased,
}

impl Action {
    /// The word of the API and of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::SessionEnded => "session_ended",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::GuestUpgraded => "guest_upgraded",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::AccountCreated => "account_created",
            Self::RoleChanged => "role_changed",
            Self::Suspended => "suspended",
            Self::Restored => "restored",
            Self::AccountDeleted => "account_deleted",
            Self::SessionsEnded => "sessions_ended",
            Self::PasswordChangeDemanded => "password_change_demanded",
            Self::PasswordChangeWaived => "password_change_waived",
            Self::ApiKeysRevoked => "api_keys_revoked",
            Self::SignUpAsked => "sign_up_asked",
            Self::PasswordAsked => "password_asked",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::PasswordRemoved => "password_removed",
            Self::AccountLocked => "account_locked",
            Self::NetworkLocked => "network_locked",
            Self::EmailVerified => "email_verified",
            Self::EmailChanged => "email_changed",
            Self::EmailRestored => "email_restored",
            Self::SecondFactorAdded => "second_factor_added",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::SecondFactorLocked => "second_factor_locked",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::TrustedDevicesForgotten => "trusted_devices_forgotten",
            Self::SteppedUp => "stepped_up",
            Self::Imported => "imported",
            Self::Exported => "exported",
            Self::DeletionScheduled => "deletion_scheduled",
            Self::DeletionCancelled => "deletion_cancelled",
            Self::AccountErased => "account_erased",
        }
    }
}

/// One event.
pub struct Event<'a> {
    /// Whose account it is about, if it is anybody's.
    pub user: Option<UserId>,
    /// Who did it, if not the user.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: Action,
    /// Whether it was.
    pub succeeded: bool,
    /// A word more, such as the way of signing in or why it failed.
    pub detail: Option<&'a str>,
    /// In which session.
    pub session: Option<SessionId>,
    /// From where.
    pub device: &'a Device,
}

impl<'a> Event<'a> {
    /// Something that a user did.
    pub fn by_user(user: UserId, action: Action, device: &'a Device) -> Self {
        Self { user: Some(user), ..Self::by_nobody(action, device) }
    }

    /// Something that is about no account.
    pub const fn by_nobody(action: Action, device: &'a Device) -> Self {
        Self { user: None, actor: None, action, succeeded: true, detail: None, session: None, device }
    }
}

/// The statement that writes an event: for the batch that does what it tells of.
pub fn statement(platform: &Platform, event: &Event<'_>) -> Statement {
    store::audit_events::insert(&new(platform, event))
}

/// The same right behind the statement that does it, where that may find nothing to do: then nothing is told.
pub fn statement_if_changed(platform: &Platform, event: &Event<'_>) -> Statement {
    store::audit_events::insert_if_changed(&new(platform, event))
}

fn new<'a>(platform: &Platform, event: &Event<'a>) -> NewEvent<'a> {
    let now = platform.clock.now();
    NewEvent {
        id: platform.entropy.id(now, EventId::new),
        user: event.user,
        actor: event.actor,
        action: event.action.as_str(),
        succeeded: event.succeeded,
        detail: event.detail,
        session: event.session,
        device: event.device,
        now,
    }
}

/// How many events a statement deletes at most. More than a batch writes, so that deleting keeps up.
const EXPIRED_AT_ONCE: i64 = 50;

/// The statement that deletes some of what is past its retention: for a batch that writes anyway.
pub fn expire(platform: &Platform, config: &Config) -> Statement {
    store::audit_events::expire(platform.clock.now().minus(config.sessions.audit_retention), EXPIRED_AT_ONCE)
}

/// Deletes events past their retention, for hosts that have a clock of their own to do it by.
pub async fn sweep(accounts: &dyn Database, config: &Config, now: Timestamp) -> Result<()> {
    accounts.run(store::audit_events::expire(now.minus(config.sessions.audit_retention), SWEPT_AT_ONCE)).await?;
    Ok(())
}

/// How many events a sweep deletes at most: what a batch of any store takes.
const SWEPT_AT_ONCE: i64 = 1_000;

/// Writes an event that has no batch of its own. What it tells of has happened: a store that does not take it is a matter for
/// the log, not for the caller.
pub async fn record(platform: &Platform, event: &Event<'_>) {
    if let Err(error) = platform.accounts.run(statement(platform, event)).await {
        Line::new(platform.clock.now(), "error", "a security event could not be stored")
            .with("action", event.action.as_str())
            .show("cause", &error)
            .write(&*platform.log);
    }
}

/// A page of the events of one kind, about everybody's account or one user's, latest first, and whether more follow.
pub async fn page_of(
    platform: &Platform,
    config: &Config,
    action: &str,
    user: Option<UserId>,
    before: Option<EventId>,
    limit: i64,
) -> Result<(Vec<AuditEvent>, bool)> {
    let since = platform.clock.now().minus(config.sessions.audit_retention);
    first(store::audit_events::page_of(action, user, since, before, limit), platform, limit).await
}

/// A page of the events of everybody, or about one user's account, latest first, and whether more follow.
pub async fn page(
    platform: &Platform,
    config: &Config,
    user: Option<UserId>,
    before: Option<EventId>,
    limit: i64,
) -> Result<(Vec<AuditEvent>, bool)> {
    let since = platform.clock.now().minus(config.sessions.audit_retention);
    first(store::audit_events::page(user, since, before, limit), platform, limit).await
}

/// The first of one more than a page, and whether there is that one.
async fn first(page: Statement, platform: &Platform, limit: i64) -> Result<(Vec<AuditEvent>, bool)> {
    let outcome = platform.accounts.run(page).await?;
    let mut found = store::audit_events::decode(&outcome)?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}
