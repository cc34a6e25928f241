//! Closes runs whose owner is dead: as `interrupted`, with the text that reached the log, and an estimate of what it cost.
//! Nothing is sent to a provider again: the user would pay twice.
//!
//! What cannot be closed is logged and tried again when the lease that this took is over. If it then fails for a reason that
//! stays, the run is closed without its text, so that every run ends.

use domain::{
    RunId, UserId,
    run::{Event, EventKind, RunKey, RunStatus},
};
use ports::{DatabaseError, DatabaseErrorKind, Row, RunsError};

use super::{
    Parts, any_chats,
    charge::Bill,
    payload::{self, End, Fault},
    recorder::MAX_EVENTS,
    unavailable,
    watch::EPOCH,
};
use crate::{
    Config,
    log::Line,
    store::{self, runs::Ending},
};

/// Closes all of them, a bounded number at once, and returns how many. One that cannot be closed does not keep the others open.
pub async fn close_all(config: &Config, parts: &Parts) -> Result<usize, RunsError> {
    let mut closed = 0;
    loop {
        let found = any_chats(parts).run(store::runs::expired(parts.clock.now())).await.map_err(unavailable)?;
        let before = closed;
        for row in &found.rows {
            match key_of(row) {
                Ok(key) => closed += usize::from(try_close(config, parts, key).await),
                Err(error) => complain(parts, None, &error),
            }
        }
        // A pass that closed nothing would find the same runs again.
        if closed == before {
            return Ok(closed);
        }
    }
}

fn key_of(row: &Row) -> Result<RunKey, DatabaseError> {
    let key = RunId::parse(row.text(0)?).zip(UserId::parse(row.text(1)?)).map(|(run, user)| RunKey { user, run });
    key.ok_or_else(|| DatabaseError::new(DatabaseErrorKind::Other, "runs holds an id that is none"))
}

/// Closes one like [`close`]; a failure goes to the log. Returns whether it went well.
pub async fn try_close(config: &Config, parts: &Parts, key: RunKey) -> bool {
    let result = take_and_end(config, parts, key).await;
    if let Err(error) = &result {
        complain(parts, Some(key), error);
    }
    result.is_ok()
}

fn complain(parts: &Parts, key: Option<RunKey>, error: &DatabaseError) {
    let line = Line::new(parts.clock.now(), "error", "a run could not be closed");
    let line = if let Some(key) = key { line.show("run_id", key.run) } else { line };
    line.show("cause", error).write(&*parts.log);
}

/// Closes one, unless its owner lives, somebody else is closing it, or it is closed.
pub async fn close(config: &Config, parts: &Parts, key: RunKey) -> Result<(), RunsError> {
    take_and_end(config, parts, key).await.map_err(unavailable)
}

async fn take_and_end(config: &Config, parts: &Parts, key: RunKey) -> Result<(), DatabaseError> {
    let (now, database) = (parts.clock.now(), parts.chats.for_user(key.user));
    let taken = database.run(store::runs::take_over(key, now, now.plus(config.lease))).await?;
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
    let detail = match keeps {
        Keeps::Text => "The server that wrote this reply went away. What had arrived is kept.",
        Keeps::Nothing => "The server that wrote this reply went away, and what had arrived is lost. Ask again.",
    };
    let fault = Fault::new(503, "interrupted", detail);
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
