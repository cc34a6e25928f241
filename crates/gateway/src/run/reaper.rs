//! Closes runs whose owner is dead: as `interrupted`, with the text that reached the log, and an estimate of what it cost.
//! Nothing is sent to a provider again: the user would pay twice.
//!
//! The owner decides whether it lives, not the clock: a process or object that finds a run in its own hubs never gets here.
//! The lease counts where nobody can ask the owner: between several processes or instances over one store.
//!
//! What cannot be closed is logged and tried again when the lease that this took is over. If it then fails for a reason that
//! stays, the run is closed without its text, so that every run ends.

use domain::{
    RunId, Timestamp, UserId,
    run::{Event, EventKind, RunKey, RunStatus},
};
use ports::{DatabaseError, DatabaseErrorKind, Row, Runs, RunsError};

use super::{
    Parts, any_chats,
    charge::Bill,
    payload::{self, End, Fault},
    provider,
    recorder::MAX_EVENTS,
    unavailable,
    watch::EPOCH,
};
use crate::{
    Config,
    log::Line,
    store::{
        self,
        runs::{Ending, Run},
    },
};

/// Where the owner of a run can be that is in no hub here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nowhere: runs of this store, or of this object, are owned here or by nobody.
    Gone,
    /// In another process or instance. Only its lease tells whether it lives.
    Elsewhere,
}

/// How many leases beyond the first one an owner elsewhere may be silent: a store that answers late kills no run.
const SPARE_LEASES: u32 = 3;

impl Owner {
    /// A lease that expired by then belongs to a dead owner.
    fn expired_by(self, config: &Config, now: Timestamp) -> Timestamp {
        match self {
            Self::Gone => now,
            Self::Elsewhere => now.minus(config.lease * SPARE_LEASES),
        }
    }

    /// Whether the owner of an open run is dead. A run that waits for its owner to begin is not given up before its lease
    /// has expired.
    pub fn is_dead(self, config: &Config, run: &Run, now: Timestamp) -> bool {
        let begun = run.epoch == EPOCH && run.status == RunStatus::Running;
        run.lease_expires_at <= self.expired_by(config, now) || (self == Self::Gone && begun)
    }
}

/// Closes all runs whose owner is dead, and returns how many of those that it looked at gave no trouble. One that cannot be
/// closed does not keep the others open.
pub async fn close_all(parts: &Parts, runs: &dyn Runs) -> Result<usize, RunsError> {
    let (mut seen, mut after) = (0, String::new());
    loop {
        let expired = store::runs::expired(parts.clock.now(), &after);
        let found = any_chats(parts).run(expired).await.map_err(unavailable)?;
        if found.rows.is_empty() {
            return Ok(seen);
        }
        for row in &found.rows {
            row.text(0).map_err(unavailable)?.clone_into(&mut after);
            match key_of(row) {
                Ok(key) => seen += usize::from(runs.close_if_dead(key).await.is_ok()),
                Err(error) => complain(parts, None, &error),
            }
        }
    }
}

fn key_of(row: &Row) -> Result<RunKey, DatabaseError> {
    let key = RunId::parse(row.text(0)?).zip(UserId::parse(row.text(1)?)).map(|(run, user)| RunKey { user, run });
    key.ok_or_else(|| DatabaseError::new(DatabaseErrorKind::Other, "runs holds an id that is none"))
}

fn complain(parts: &Parts, key: Option<RunKey>, error: &DatabaseError) {
    let line = Line::new(parts.clock.now(), "error", "a run could not be closed");
    let line = if let Some(key) = key { line.show("run_id", key.run) } else { line };
    line.show("cause", error).write(&*parts.log);
}

/// Closes a run that is in no hub here, unless its owner lives, somebody else is closing it, or it is closed. A failure is in
/// the log, too.
pub async fn close(config: &Config, parts: &Parts, key: RunKey, owner: Owner) -> Result<(), RunsError> {
    take_and_end(config, parts, key, owner).await.map_err(|error| {
        complain(parts, Some(key), &error);
        unavailable(error)
    })
}

async fn take_and_end(config: &Config, parts: &Parts, key: RunKey, owner: Owner) -> Result<(), DatabaseError> {
    let (now, database) = (parts.clock.now(), parts.chats.for_user(key.user));
    let expired_by = owner.expired_by(config, now);
    let take = store::runs::take_over(key, expired_by, owner == Owner::Gone, now.plus(config.lease));
    let taken = database.run(take).await?;
    let Some(row) = taken.rows.first() else { return Ok(()) };
    // From here on the old owner, should it still live, writes nothing any more.
    let epoch = row.integer(0)?;
    match end(config, parts, key, epoch, Keeps::Text).await {
        // Every try takes an epoch: whoever had the one before failed too.
        Err(error) if epoch > EPOCH + 1 && !may_pass(&error) => {
            complain(parts, Some(key), &error);
            end(config, parts, key, epoch, Keeps::Nothing).await
        }
        result => result,
    }
}

fn may_pass(error: &DatabaseError) -> bool {
    matches!(error.kind, DatabaseErrorKind::Busy | DatabaseErrorKind::Unavailable)
}

/// What is kept of a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// What reached the log.
    Text,
    /// Nothing: the log, or what is made from it, cannot be read or stored.
    Nothing,
}

async fn end(config: &Config, parts: &Parts, key: RunKey, epoch: i64, keeps: Keeps) -> Result<(), DatabaseError> {
    let (now, database) = (parts.clock.now(), parts.chats.for_user(key.user));
    let found = database.batch(vec![store::run_events::all(key.run), store::ledger::open(key)]).await?;
    let [rows, entry] = found.as_slice() else {
        return Err(DatabaseError::new(DatabaseErrorKind::Other, "a batch of two lost an outcome"));
    };
    let events = if keeps == Keeps::Text { store::run_events::decode(rows)? } else { Vec::new() };
    let entry = store::ledger::decode_open(entry)?;
    let bill = entry.map(|entry| Bill::of_dead(config, entry, &events));
    let text = payload::join(&events);
    // Readers may have seen events that never reached the log. No run has more than MAX_EVENTS, so these numbers lie beyond
    // every cursor, and nobody misses the end.
    let seq = events.last().map_or(MAX_EVENTS, |event| event.seq) + MAX_EVENTS;
    let fault = match keeps {
        Keeps::Text => provider::interrupted().fault,
        Keeps::Nothing => {
            let detail = "The server that wrote this reply went away, and what had arrived is lost. Ask again.";
            Fault::new(503, "interrupted", detail)
        }
    };
    let end = End::new(RunStatus::Interrupted, None, &text);
    let last = [
        Event { seq, kind: EventKind::Error, data: serde_json::to_string(&fault).unwrap_or_default().into() },
        Event { seq: seq + 1, kind: EventKind::End, data: serde_json::to_string(&end).unwrap_or_default().into() },
    ];
    let ending = Ending {
        status: RunStatus::Interrupted,
        last_seq: seq + 1,
        error_code: Some(&fault.code),
        usage: None,
        text: &text,
        keeps_text: true,
        now,
    };
    let mut batch = Vec::new();
    if keeps == Keeps::Nothing {
        batch.push(store::run_events::truncate(key.run, epoch, 0));
    }
    batch.extend([
        store::run_events::append_last(key.run, epoch, &last),
        store::runs::settle_message(key.run, epoch, &ending),
    ]);
    if let Some(bill) = &bill {
        batch.extend(store::ledger::settle(key, Some(epoch), &bill.settled(now)));
    }
    batch.push(store::runs::end(key.run, epoch, &ending));
    database.batch(batch).await?;
    Line::new(now, "warn", "run interrupted").show("run_id", key.run).write(&*parts.log);
    Ok(())
}
