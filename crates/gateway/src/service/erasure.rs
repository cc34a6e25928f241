//! Erasing deleted accounts: from the store of chats first, from the store of accounts last. No statement spans the two, so
//! every step may be repeated, and whoever comes next goes on where a crash left off.
//!
//! 1. The account is marked as deleted: nobody can use it, and its address is free.
//! 2. Its sessions end, its keys, identities, second factors and profile go ([`close`]), its chats are deleted and its security events made
//!    anonymous, piece by piece.
//! 3. When no access token of it can be valid any more, so that nothing can come after, the same once more, and the row goes.

use std::{sync::Arc, time::Duration};

use domain::{Timestamp, UserId, account::Device};
use ports::{Outcome, Platform, Statement};

use super::{
    audit::{self, Action, Event},
    guests, sessions,
};
use crate::{Config, error::Result, log::Line, store};

/// How many accounts are looked at in one go.
const ACCOUNTS: i64 = 50;
/// How many pieces of one account are erased in one go; the rest follows in the next.
const PIECES: usize = 200;
/// How long after an access token expired a host whose clock is slow may still take it.
const SKEW: Duration = Duration::from_mins(1);
/// How often guests that nobody uses are looked for.
const GUESTS_EVERY: Duration = Duration::from_hours(1);
/// Where it is noted when they last were.
const LOOKED_FOR_GUESTS: &str = "erasure-looked-for-guests";
/// How many of them are deleted in one go.
const GUESTS: i64 = 500;

/// Deletes the accounts whose day has come and erases what is left of deleted ones: a bounded number, each as far as it goes now.
/// Safe to run at any time, by several at once. Returns how many accounts are gone for good.
pub async fn run_due(platform: &Platform, config: &Config) -> Result<usize> {
    let now = platform.clock.now();
    let due = store::users::ids(&platform.accounts.run(store::users::due(now, ACCOUNTS)).await?)?;
    for user in due {
        let deleted = platform.accounts.run(store::users::delete_due(user, now)).await?;
        if !deleted.rows.is_empty() {
            Line::new(now, "info", "an account is deleted on its day").show("user_id", user).write(&*platform.log);
        }
    }
    delete_unused_guests(platform, config).await?;
    let deleted = platform.accounts.run(store::users::deleted(ACCOUNTS)).await?;
    let mut gone = 0;
    for (user, row) in store::users::ids(&deleted)?.into_iter().zip(&deleted.rows) {
        let since = Timestamp::from_millis(row.integer(1)?);
        match erase(platform, config, user, since).await {
            Ok(done) => gone += usize::from(done),
            // The others do not wait for this one, and this one is tried again.
            Err(error) => Line::new(now, "error", "an account could not be erased")
                .show("user_id", user)
                .show("cause", &error)
                .write(&*platform.log),
        }
    }
    Ok(gone)
}

/// Guests are many, and looking for those that nobody uses means looking at all of them: so now and then.
async fn delete_unused_guests(platform: &Platform, config: &Config) -> Result<()> {
    if !is_time(platform, LOOKED_FOR_GUESTS, GUESTS_EVERY).await {
        return Ok(());
    }
    let now = platform.clock.now();
    let unused = guests::unused(platform, config, GUESTS).await?;
    for user in unused {
        let mark = store::users::mark_unused(user, now, now.minus(config.guests.unused));
        platform.accounts.run(mark).await?;
    }
    Ok(())
}

/// Whether something is due that happens every so often, and notes that it happens now. It may happen more often, where what
/// was noted is not seen at once.
pub async fn is_time(platform: &Platform, what: &str, every: Duration) -> bool {
    let now = platform.clock.now();
    let last = platform.keys.get(what).await.ok().flatten();
    let last = last.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()).map(Timestamp::from_millis);
    if last.is_some_and(|last| now.since(last) < every) {
        return false;
    }
    // Should it not be noted, the next one looks as well.
    let _ = platform.keys.put(what, now.millis().to_string().as_bytes(), Some(every)).await;
    true
}

/// Runs it beside the request.
pub fn begin(platform: &Arc<Platform>, config: &Arc<Config>) {
    let (own, config) = (Arc::clone(platform), Arc::clone(config));
    platform.tasks.spawn(Box::pin(async move { attend(&own, &config).await }));
}

/// Runs it, and tells the log if it fails.
pub async fn attend(platform: &Platform, config: &Config) {
    if let Err(error) = run_due(platform, config).await {
        Line::new(platform.clock.now(), "error", "deleted accounts could not be looked for")
            .show("cause", &error)
            .write(&*platform.log);
    }
}

/// What goes with an account at once, to be repeated as often as one likes: behind the statement that deletes it. The first one
/// returns the sessions that end.
pub fn close(user: UserId, now: Timestamp) -> Vec<Statement> {
    let mut batch = vec![
        store::sessions::end_all(user, None, "deleted", now),
        store::api_keys::delete_all(user),
        store::identities::delete_all(user),
        store::one_time_tokens::delete_all(user),
        store::password_history::delete_all(user),
        store::profiles::forget(user),
    ];
    batch.extend(store::factors::delete_everything(user));
    batch
}

/// Goes as far as it goes now. Returns whether nothing is left.
async fn erase(platform: &Platform, config: &Config, user: UserId, since: Timestamp) -> Result<bool> {
    platform.accounts.batch(close(user, platform.clock.now())).await?;
    sessions::repeat_ends(platform, config, user).await?;
    // Until then a token may be valid, or a reply under way whose cost is still to come.
    let longest = config.access_token.max(config.timeouts.total + config.lease);
    let may_finish = platform.clock.now() > since.plus(longest + SKEW);
    let erased = erase_chats(platform, user).await? && forget_events(platform, user).await?;
    if !erased || !may_finish {
        return Ok(false);
    }
    platform.chats.for_user(user).run(store::ledger::forget_rest(user, platform.clock.now())).await?;
    // What remains is that somebody was erased, and when.
    let nowhere = Device::default();
    let event = Event { user: None, ..Event::by_user(user, Action::AccountErased, &nowhere) };
    platform.accounts.batch(vec![store::users::erase(user), audit::statement(platform, &event)]).await?;
    Ok(true)
}

/// Conversations, messages, runs and their logs; what they cost stays, as nobody's. The owner of a run that is under way finds
/// its row gone, stops, and settles what it has cost until then.
async fn erase_chats(platform: &Platform, user: UserId) -> Result<bool> {
    let chats = platform.chats.for_user(user);
    for _ in 0..PIECES {
        let (runs, messages) = (store::runs::erase(user), store::messages::erase(user));
        let (ledger, budgets) = (store::ledger::forget(user), store::ledger::forget_budgets(user));
        let outcomes = chats.batch(vec![runs, messages, ledger, budgets]).await?;
        if !is_empty(&outcomes) {
            continue;
        }
        if is_empty(&[chats.run(store::conversations::erase(user)).await?]) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Security events stay until their retention ends, but tell of nobody.
async fn forget_events(platform: &Platform, user: UserId) -> Result<bool> {
    for _ in 0..PIECES {
        let batch = vec![store::audit_events::forget_user(user), store::audit_events::forget_actor(user)];
        if is_empty(&platform.accounts.batch(batch).await?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_empty(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| outcome.rows.is_empty())
}
