//! Who calls, by which credential, and what that allows.

use domain::{
    SessionId, Timestamp, UserId,
    permission::{Permission, Permissions, Role},
};
use ports::Platform;

use super::{access_tokens, api_keys};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    store,
};

/// A caller whose credential is good.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Who.
    pub user: UserId,
    /// What the user is.
    pub role: Role,
    /// What the role and the credential allow.
    pub permissions: Permissions,
    /// Whether the user's address is proved.
    pub email_verified: bool,
    /// Signed in where; none with a personal API key.
    pub session: Option<SessionId>,
    /// When the user last proved to be there; never with a personal API key.
    pub authenticated_at: Option<Timestamp>,
}

/// The caller that an access token or a personal API key names.
pub async fn authenticate(platform: &Platform, config: &Config, token: &str) -> Result<Identity> {
    if token.starts_with(api_keys::PREFIX) {
        return api_keys::authenticate(platform, token).await;
    }
    let claims = access_tokens::verify(platform, config, token).await?;
    Ok(Identity {
        user: claims.user,
        role: claims.role,
        permissions: claims.role.permissions(),
        email_verified: claims.email_verified,
        session: Some(claims.session),
        authenticated_at: Some(claims.authenticated_at),
    })
}

impl Identity {
    /// Refuses who lacks a permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions.allow(permission) {
            return Ok(());
        }
        let detail = format!("This needs the permission `{permission}`, which your account or API key does not have.");
        Err(Error::new(ErrorKind::Forbidden, "permission_denied", detail))
    }

    /// Refuses a chat to who has not confirmed their address, where the settings ask for that. A guest has none to confirm.
    pub fn require_verified(&self, config: &Config, permission: Permission) -> Result<()> {
        let closed = !config.accounts.unverified_chat && permission == Permission::Chat;
        if !closed || self.email_verified || self.role == Role::Guest {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            "email_not_verified",
            "Confirm your e-mail address first, then refresh; /api/v1/auth/email/resend sends the mail again.",
        ))
    }

    /// The session; an error for who came with an API key.
    pub fn session(&self) -> Result<SessionId> {
        let needs = || {
            Error::new(
                ErrorKind::Forbidden,
                "session_required",
                "This needs a signed-in session; an API key is not enough.",
            )
        };
        self.session.ok_or_else(needs)
    }

    /// Refuses who has not proved to be there for longer than the settings allow, and looks whether the session is open.
    pub async fn require_recent(&self, platform: &Platform, config: &Config) -> Result<()> {
        let (now, within) = (platform.clock.now(), config.second_factors.step_up);
        if self.authenticated_at.is_some_and(|at| now.since(at) <= within) {
            return self.require_open(platform).await;
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            "step_up_required",
            "Prove that it is you: POST your password, a code of your second factor, or a new id_token of the provider that you sign in with to /api/v1/auth/step-up, then repeat this with the new access token.",
        ))
    }

    /// Looks whether the session and the role are still what the token says: what is done now may outlast the time in which an
    /// outdated token is still believed.
    pub async fn require_open(&self, platform: &Platform) -> Result<()> {
        let open = store::sessions::stands(self.session()?, self.user, self.role);
        if !platform.accounts.run(open).await?.rows.is_empty() {
            return Ok(());
        }
        Err(Error::bad_bearer("token_outdated", "This access token is outdated. Refresh and try again."))
    }

    /// The same as [`Self::require_recent`] for what a guest may do as well, who has nothing to prove itself with.
    pub async fn require_recent_unless_guest(&self, platform: &Platform, config: &Config) -> Result<()> {
        if self.role == Role::Guest { Ok(()) } else { self.require_recent(platform, config).await }
    }
}
