//! What timers do on other hosts, done beside sign-ins: on a host without a timer they are the clock. What each chore is, is said
//! where it belongs.

use std::{sync::Arc, time::Duration};

use ports::Platform;

use super::erasure;
use crate::{
    Config,
    log::Line,
    run::{self, Parts},
};

/// How often sign-ins do them. Hosts with a timer do so themselves, and more often.
const EVERY: Duration = Duration::from_mins(10);
/// Where it is noted when they last did.
const DONE: &str = "chores-done";

/// Does them beside the request, now and then.
pub fn begin_if_time(platform: &Arc<Platform>, config: &Arc<Config>) {
    let (own, config) = (Arc::clone(platform), Arc::clone(config));
    platform.tasks.spawn(Box::pin(async move {
        if erasure::is_time(&own, DONE, EVERY).await {
            tidy(&own, &config).await;
            erasure::attend(&own, &config).await;
        }
    }));
}

/// Closes the runs of dead instances and forgets what has expired.
async fn tidy(platform: &Platform, config: &Config) {
    let parts = Parts::of(platform);
    let closed = run::reap(&parts, &*platform.runs).await.map(drop);
    let swept = run::sweep(config, &parts).await;
    let limits = platform.limiter.sweep(platform.clock.now()).await.map_err(|error| error.to_string());
    let keys = platform.keys.sweep(platform.clock.now()).await.map_err(|error| error.to_string());
    let stores = [closed.err(), swept.err()].into_iter().flatten().map(|error| error.to_string());
    for error in stores.chain(limits.err()).chain(keys.err()) {
        Line::new(platform.clock.now(), "error", "what has expired could not be tidied up")
            .with("cause", error)
            .write(&*platform.log);
    }
}
