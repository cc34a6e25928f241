//! Reads a run from the store: one that is over, or one that another process owns.

use std::{collections::VecDeque, sync::Arc};

use domain::run::{Event, EventKind, RunKey, Seq, StopPoint};
use futures_util::stream;
use ports::{Database, EventStream, RunsError};

use super::{
    POLL, Parts, STOP_PATIENCE, payload,
    payload::End,
    reaper::{self, Owner},
    unavailable,
};
use crate::{
    Config,
    store::{self, runs::Run},
};

struct Reading {
    config: Arc<Config>,
    parts: Parts,
    database: Arc<dyn Database>,
    key: RunKey,
    owner: Owner,
    after: Seq,
    ready: VecDeque<Event>,
    over: bool,
}

/// A reader of the events after `after`. A run that is over gives what is left and ends; an open one is asked for news now
/// and then, and closed if its owner is dead.
pub async fn open(
    config: Arc<Config>,
    parts: Parts,
    key: RunKey,
    owner: Owner,
    after: Seq,
) -> Result<EventStream, RunsError> {
    let database = parts.chats.for_user(key.user);
    find(&*database, key).await?;
    let reading = Reading { config, parts, database, key, owner, after, ready: VecDeque::new(), over: false };
    Ok(Box::pin(stream::unfold(reading, |mut reading| async move {
        if reading.over {
            return None;
        }
        let next = reading.next().await;
        reading.over = !matches!(&next, Ok(event) if event.kind != EventKind::End);
        Some((next, reading))
    })))
}

/// Asks a run's owner, wherever it is, to stop, and waits until it has.
pub async fn stop(
    config: &Config,
    parts: &Parts,
    key: RunKey,
    owner: Owner,
    point: StopPoint,
) -> Result<(), RunsError> {
    let database = parts.chats.for_user(key.user);
    let give_up = parts.clock.now().plus(STOP_PATIENCE);
    find(&*database, key).await?;
    database.run(store::runs::ask_to_stop(key, point)).await.map_err(unavailable)?;
    loop {
        let run = find(&*database, key).await?;
        let now = parts.clock.now();
        if run.status.is_final() {
            return Ok(());
        }
        if owner.is_dead(config, &run, now) {
            reaper::close(config, parts, key, owner).await?;
        } else if now >= give_up {
            return Err(RunsError::Unavailable("the run did not stop in time".into()));
        } else {
            parts.tasks.sleep(POLL).await;
        }
    }
}

/// The run, or "not found" for everybody but its owner.
pub async fn find(database: &dyn Database, key: RunKey) -> Result<Run, RunsError> {
    let outcome = database.run(store::runs::by_id(key)).await.map_err(unavailable)?;
    store::runs::decode(&outcome).map_err(unavailable)?.ok_or(RunsError::NotFound)
}

impl Reading {
    async fn next(&mut self) -> Result<Event, RunsError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                return Ok(event);
            }
            // The run first: what it says is over has all its events in the log.
            let run = find(&*self.database, self.key).await?;
            let rows =
                self.database.run(store::run_events::after(self.key.run, self.after)).await.map_err(unavailable)?;
            let events = store::run_events::decode(&rows).map_err(unavailable)?;
            self.ready.extend(events.into_iter().filter(|event| event.seq > self.after));
            if !self.ready.is_empty() {
                continue;
            }
            if run.status.is_final() {
                self.ready = self.replay(&run).await?;
            } else if self.owner.is_dead(&self.config, &run, self.parts.clock.now()) {
                reaper::close(&self.config, &self.parts, self.key, self.owner).await?;
            } else {
                self.parts.tasks.sleep(POLL).await;
            }
        }
    }

    /// A run that is over and has nothing left in its log: either the reader has seen the end, or the log was deleted. Both get
    /// the end; the second also the text anew, because nobody knows any more how far its cursor was.
    async fn replay(&self, run: &Run) -> Result<VecDeque<Event>, RunsError> {
        let text = match (run.user_message, run.message) {
            (Some(user_message), Some(message)) => {
                let outcome =
                    self.database.run(store::messages::pair(user_message, message)).await.map_err(unavailable)?;
                let found = store::messages::decode(&outcome).map_err(unavailable)?;
                found.into_iter().find(|found| found.id == message).map(|found| found.content).unwrap_or_default()
            }
            _ => run.text.clone().unwrap_or_default(),
        };
        let end = Event {
            seq: run.last_seq,
            kind: EventKind::End,
            data: serde_json::to_string(&End::new(run.status, None, &text)).unwrap_or_default().into(),
        };
        if self.after >= run.last_seq {
            return Ok([end].into());
        }
        let reset = Event { seq: 0, kind: EventKind::Reset, data: "{}".into() };
        let whole =
            Event { seq: run.last_seq.saturating_sub(1), kind: EventKind::Delta, data: payload::of_text(&text) };
        let text = (!text.is_empty()).then_some(whole);
        Ok((self.after > 0).then_some(reset).into_iter().chain(text).chain([end]).collect())
    }
}
