//! Runs as their owner sees them: reading the outcome of one, following it, stopping it.

use std::time::Duration;

use domain::{
    RunId, UserId,
    run::{Event, EventKind, RunKey, Seq, StopPoint},
};
use futures_util::{StreamExt as _, future::Either};
use ports::{EventStream, Platform};
use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    run::payload::{self, End, Fault},
    store::{self, ledger::Cost, runs::Run},
};

/// The state of a stored run, and what it cost if that is known. One that only passes through the store counts as not
/// stored.
pub async fn find(platform: &Platform, key: RunKey) -> Result<(Run, Option<Cost>)> {
    let batch = vec![store::runs::by_id(key), store::ledger::cost(key)];
    let outcomes = platform.chats.for_user(key.user).batch(batch).await?;
    let [run, cost] = outcomes.as_slice() else { return Err(Error::internal("a batch of two lost an outcome")) };
    let run = store::runs::decode(run)?.filter(|run| !run.is_passing).ok_or_else(|| Error::not_found("Run"))?;
    Ok((run, store::ledger::decode_cost(cost)?))
}

/// Deletes a stored completion with its text. What it cost stays in the ledger.
pub async fn delete(platform: &Platform, key: RunKey) -> Result<()> {
    let outcome = platform.chats.for_user(key.user).run(store::runs::delete(key)).await?;
    if outcome.rows.is_empty() { Err(Error::not_found("Run")) } else { Ok(()) }
}

/// The run that an idempotency key made earlier, if the request is the same one.
pub async fn find_same(
    platform: &Platform,
    user: UserId,
    idempotency_key: &str,
    fingerprint: &str,
) -> Result<Option<Run>> {
    let outcome = platform.chats.for_user(user).run(store::runs::by_idempotency_key(user, idempotency_key)).await?;
    match store::runs::decode(&outcome)? {
        Some(run) if run.fingerprint != fingerprint => Err(Error::new(
            ErrorKind::IdempotencyMismatch,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new key for a new request.",
        )),
        found => Ok(found),
    }
}

/// The events after `after`.
pub async fn follow(platform: &Platform, user: UserId, run: RunId, after: Seq) -> Result<EventStream> {
    Ok(platform.runs.follow(RunKey { user, run }, after).await?)
}

/// Stops a run and keeps what `point` says.
pub async fn stop(platform: &Platform, user: UserId, run: RunId, point: StopPoint) -> Result<()> {
    Ok(platform.runs.stop(RunKey { user, run }, point).await?)
}

/// A reply, whole.
#[derive(Debug)]
pub struct Reply {
    /// The visible text.
    pub text: String,
    /// How it ended.
    pub end: End,
    /// Tokens, if the provider counted them.
    pub usage: Option<Value>,
}

/// Reads a run to its end. A failed run is an error.
pub async fn collect(events: EventStream) -> Result<Reply> {
    let mut reading = events;
    let (mut text, mut usage, mut fault) = (String::new(), None, None);
    while let Some(event) = reading.next().await {
        let event = event?;
        match event.kind {
            EventKind::Delta => text.push_str(&payload::text_of(&event)),
            EventKind::Reset => text.clear(),
            EventKind::Usage => usage = serde_json::from_str(&event.data).ok(),
            EventKind::Error => fault = serde_json::from_str(&event.data).ok(),
            EventKind::End => {
                let end: End = serde_json::from_str(&event.data).map_err(Error::internal)?;
                if matches!(end.status.as_str(), "failed" | "interrupted") {
                    return Err(failed(fault));
                }
                let kept = usize::try_from(end.text_length).unwrap_or(usize::MAX);
                return Ok(Reply { text: text.chars().take(kept).collect(), end, usage });
            }
            EventKind::State | EventKind::Reasoning | EventKind::Tool => {}
        }
    }
    Err(Error::unavailable("a run's events broke off"))
}

/// The same of a stored run. Where its events break off, it changed hands or was deleted: the store knows which, and one that was
/// deleted is not found.
pub async fn collect_stored(platform: &Platform, key: RunKey, events: EventStream) -> Result<Reply> {
    match collect(events).await {
        Err(error) if error.kind == ErrorKind::Unavailable => {
            collect(follow(platform, key.user, key.run, 0).await?).await
        }
        reply => reply,
    }
}

/// Waits up to `hold` for the first output, so that an early failure can be a true status. Returns the events that came.
pub async fn hold(platform: &Platform, mut events: EventStream, hold: Duration) -> Result<(Vec<Event>, EventStream)> {
    let (mut first, mut fault) = (Vec::new(), None);
    let mut patience = platform.tasks.sleep(hold);
    loop {
        let event = match futures_util::future::select(events.next(), patience).await {
            Either::Left((Some(event), rest)) => {
                patience = rest;
                event?
            }
            Either::Left((None, _)) => return Err(Error::unavailable("a run's events broke off")),
            Either::Right(_) => return Ok((first, events)),
        };
        let kind = event.kind;
        if kind == EventKind::Error {
            fault = serde_json::from_str(&event.data).ok();
        }
        let failed_early = kind == EventKind::End && fault.is_some();
        first.push(event);
        match kind {
            EventKind::End if failed_early => return Err(failed(fault)),
            EventKind::State | EventKind::Usage | EventKind::Error => {}
            _ => return Ok((first, events)),
        }
    }
}

/// The same of a stored run, for which [`collect_stored`] says what events that break off mean.
pub async fn hold_stored(
    platform: &Platform,
    key: RunKey,
    events: EventStream,
    patience: Duration,
) -> Result<(Vec<Event>, EventStream)> {
    match hold(platform, events, patience).await {
        Err(error) if error.kind == ErrorKind::Unavailable => {
            hold(platform, follow(platform, key.user, key.run, 0).await?, patience).await
        }
        held => held,
    }
}

fn failed(fault: Option<Fault>) -> Error {
    let fault = fault.unwrap_or_else(|| Fault::new(502, "provider_error", "The reply failed."));
    let retry_after = fault.retry_after_ms.map(Duration::from_millis);
    Error::new(ErrorKind::Provider { status: fault.status, retry_after }, fault.code, fault.detail)
}
