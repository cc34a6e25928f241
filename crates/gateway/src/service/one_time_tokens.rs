//! Tokens that a mail carries: random, good for one purpose, once, and not for long. The store knows their SHA-256 alone.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Secret, Timestamp, UserId, account::User};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Platform, Statement};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, ErrorKind, Result},
    store::{
        self,
        one_time_tokens::{Brought, NewToken},
    },
};

/// The longest token that is looked at, in characters.
pub const MAX_TOKEN: usize = 128;
/// How long a token is remembered after it expired.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What a token permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To prove the address of an account.
    VerifyEmail,
    /// To give an account another address.
    ConfirmEmail,
    /// To choose a new password.
    ResetPassword,
    /// To give an account the address back that it had.
    RestoreEmail,
    /// To take away a second factor that came lately.
    RemoveFactor,
}

impl Purpose {
    /// The word of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ConfirmEmail => "confirm_email",
            Self::ResetPassword => "reset_password",
            Self::RestoreEmail => "restore_email",
            Self::RemoveFactor => "remove_factor",
        }
    }

    /// How long a token counts.
    pub const fn life(self) -> Duration {
        match self {
            Self::VerifyEmail | Self::ConfirmEmail => Duration::from_hours(24),
            Self::ResetPassword => Duration::from_hours(1),
            Self::RestoreEmail | Self::RemoveFactor => Duration::from_hours(7 * 24),
        }
    }
}

/// A token about to be given out.
pub struct Issued {
    /// For the mail.
    pub token: Secret<String>,
    /// Stores it.
    pub statement: Statement,
}

/// Makes a token for an address. `store` is the statement that keeps it; `password_hash` comes with it.
pub fn issue(
    platform: &Platform,
    user: UserId,
    email: &str,
    purpose: Purpose,
    password_hash: Option<&str>,
    store: fn(&NewToken<'_>) -> Statement,
) -> Issued {
    let now = platform.clock.now();
    let token = Secret::new(URL_SAFE_NO_PAD.encode(platform.entropy.bytes::<32>()));
    let statement = store(&NewToken {
        hash: &hash(token.expose()),
        user,
        purpose: purpose.as_str(),
        email,
        password_hash,
        now,
        expires_at: now.plus(purpose.life()),
    });
    Issued { token, statement }
}

/// Forgets some of the old ones: for the batch that stores a new one.
pub fn purge(platform: &Platform) -> Statement {
    store::one_time_tokens::purge(platform.clock.now().minus(REMEMBERED))
}

/// A token that counts.
pub struct Found {
    /// Its hash.
    pub hash: String,
    /// Whose it is, as of now.
    pub user: User,
    /// Where it was sent.
    pub email: String,
    /// The hash of the password that comes with it.
    pub password_hash: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The token that a client brought.
pub async fn find(platform: &Platform, purpose: Purpose, token: &Secret<String>) -> Result<Found> {
    let hash = hash(token.expose());
    let batch = vec![
        store::one_time_tokens::find(&hash, purpose.as_str(), platform.clock.now()),
        store::users::by_token(&hash),
    ];
    let outcomes = platform.accounts.batch(batch).await?;
    let found = outcomes.first().map(store::one_time_tokens::decode).transpose()?.flatten();
    let user = outcomes.get(1).map(store::users::decode).transpose()?.and_then(|mut users| users.pop());
    match (found, user) {
        (Some(Brought { email, password_hash, created_at }), Some(user)) => {
            Ok(Found { hash, user, email, password_hash, created_at })
        }
        _ => Err(refused()),
    }
}

/// Runs a batch whose first statement uses a token up.
pub async fn spend(platform: &Platform, found: &Found, rest: Vec<Statement>) -> Result<Vec<Outcome>> {
    let consume = store::one_time_tokens::consume(&found.hash, platform.clock.now());
    let batch = std::iter::once(consume).chain(rest).collect();
    let mut outcomes = platform.accounts.batch(batch).await.map_err(|error: DatabaseError| {
        // Used up meanwhile, or the address that it would give is somebody's: told alike.
        if error.kind == DatabaseErrorKind::Check || error.is_unique("users.email") { refused() } else { error.into() }
    })?;
    outcomes.drain(..1);
    Ok(outcomes)
}

/// A token that does not count: unknown, used, expired or for something else.
pub fn refused() -> Error {
    Error::new(
        ErrorKind::Refused,
        "invalid_token",
        "This token is not valid: it was used before, has expired, or is not complete. Ask for a new mail.",
    )
}

fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
