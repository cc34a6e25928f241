//! How often somebody may guess at a user's second factor. A try is counted before it is checked, so that tries at the same
//! time gain nothing; one that succeeds forgets the others.
//!
//! Whoever guesses here knows the password or holds a session. Ten tries, then half an hour, and twice as long each time: about
//! thirty tries a day at codes of which three in a million are right.

use std::time::Duration;

use domain::{Timestamp, UserId, account::Device};
use ports::{Outcome, Platform, Statement};

use super::{Letter, tell};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
    service::audit::{self, Action, Event},
    store,
};

/// The first lock.
const LOCK: Duration = Duration::from_mins(30);

/// A try that was counted.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// After this one the user is locked until then.
    last: Option<Timestamp>,
}

/// The statements that count a try; [`taken`] reads the first two outcomes.
pub fn take(user: UserId, now: Timestamp) -> Vec<Statement> {
    vec![store::factor_guesses::take(user, LOCK, now), store::factor_guesses::lock(user)]
}

/// What counting came to: an error for who is locked.
pub fn taken(outcomes: &[Outcome], now: Timestamp) -> Result<Try> {
    let [taken, lock, ..] = outcomes else { return Err(Error::internal("a try was not counted")) };
    let until = store::factor_guesses::decode_lock(lock)?;
    if taken.rows.is_empty() {
        let retry_after = until.since(now);
        return Err(Error::new(
            ErrorKind::RateLimited { retry_after },
            "second_factor_locked",
            "Too many wrong codes. Wait, or sign in on a device that you trust.",
        ));
    }
    Ok(Try { last: (until > now).then_some(until) })
}

/// The statement that forgets the tries of who succeeded.
pub fn forget(user: UserId) -> Statement {
    store::factor_guesses::forget(user)
}

/// After a try that failed: notes the lock and tells the user, if it was the last before one.
pub async fn failed(platform: &Platform, config: &Config, user: UserId, counted: Try, device: &Device) {
    let Some(until) = counted.last else { return };
    audit::record(platform, &Event::by_user(user, Action::SecondFactorLocked, device)).await;
    tell(platform, config, user, Letter::SecondFactorLocked { until: until.to_string() }).await;
}
