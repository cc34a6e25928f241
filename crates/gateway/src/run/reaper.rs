//! Closes runs whose owner is dead: as `interrupted`, with the text that reached the log, and an estimate of what it cost.
//! Nothing is sent to a provider again: the user would pay twice.

use domain::{
    RunId, UserId,
    run::{Event, EventKind, RunKey, RunStatus},
};
use ports::RunsError;

use super::{
    Parts, any_chats,
    charge::Bill,
    payload::{self, End, Fault},
    recorder::MAX_EVENTS,
    unavailable,
};
use crate::{
    Config,
    log::Line,
    store::{self, runs::Ending},
};

/// Closes all of them, a bounded number at once.
pub async fn close_all(config: &Config, parts: &Parts) -> Result<usize, RunsError> {
    let mut closed = 0;
    loop {
        let found = any_chats(parts).run(store::runs::expired(parts.clock.now())).await.map_err(unavailable)?;
        if found.rows.is_empty() {
            return Ok(closed);
        }
        for row in &found.rows {
            let (run, user) = (row.text(0).map_err(unavailable)?, row.text(1).map_err(unavailable)?);
            let key = RunId::parse(run).zip(UserId::parse(user)).map(|(run, user)| RunKey { user, run });
            let Some(key) = key else { return Err(RunsError::Unavailable("runs holds an id that is none".into())) };
            close(config, parts, key).await?;
            closed += 1;
        }
    }
}

/// Closes one, unless its owner lives, somebody else is closing it, or it is closed.
pub async fn close(config: &Config, parts: &Parts, key: RunKey) -> Result<(), RunsError> {
    let (now, database) = (parts.clock.now(), parts.chats.for_user(key.user));
    let taken = database.run(store::runs::take_over(key, now, now.plus(config.lease))).await.map_err(unavailable)?;
    let Some(row) = taken.rows.first() else { return Ok(()) };
    // From here on the old owner, should it still live, writes nothing any more.
    let epoch = row.integer(0).map_err(unavailable)?;
    let found = database.batch(vec![store::run_events::all(key.run), store::ledger::open(key)]).await;
    let found = found.map_err(unavailable)?;
    let [rows, entry] = found.as_slice() else {
        return Err(RunsError::Unavailable("a batch of two lost an outcome".into()));
    };
    let events = store::run_events::decode(rows).map_err(unavailable)?;
    let entry = store::ledger::decode_open(entry).map_err(unavailable)?;
    let bill = entry.map(|entry| Bill::of_dead(config, entry, &events));
    let text = payload::join(&events);
    // Readers may have seen events that never reached the log. No run has more than MAX_EVENTS, so these numbers lie beyond
    // every cursor, and nobody misses the end.
    let seq = events.last().map_or(0, |event| event.seq) + MAX_EVENTS;
    let fault = Fault::new(503, "interrupted", "The server that wrote this reply went away. What had arrived is kept.");
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
    let mut batch = vec![
        store::run_events::append_last(key.run, epoch, &last),
        store::runs::settle_message(key.run, epoch, &ending),
    ];
    if let Some(bill) = &bill {
        batch.extend(store::ledger::settle(key, Some(epoch), &bill.settled(now)));
    }
    batch.push(store::runs::end(key.run, epoch, &ending));
    database.batch(batch).await.map_err(unavailable)?;
    Line::new(now, "warn", "run interrupted").show("run_id", key.run).write(&*parts.log);
    Ok(())
}
