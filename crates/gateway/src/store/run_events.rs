//! The log of a run: rows of consecutive events, exactly as readers saw them.

use std::sync::Arc;

use domain::{
    RunId, Timestamp, UserId,
    run::{Event, EventKind, Seq},
};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement, Value};
use serde_json::value::RawValue;

use super::runs::seq;

/// Appends consecutive events, if the run is still this owner's. Appending again from the same event on replaces what an
/// earlier try may have left, unless that holds more: a try whose answer got lost may arrive after the one that repeated it.
pub fn append(run: RunId, epoch: i64, events: &[Event]) -> Statement {
    Statement::new(
        "INSERT INTO run_events (run_id, first_seq, last_seq, events)
         SELECT id, ?3, ?4, ?5 FROM runs WHERE id = ?1 AND epoch = ?2 AND ended_at IS NULL
         ON CONFLICT (run_id, first_seq) DO UPDATE SET last_seq = excluded.last_seq, events = excluded.events
         WHERE excluded.last_seq >= run_events.last_seq",
        row(run, epoch, events),
    )
}

/// Appends the last events, in the batch that ends the run: no earlier try can arrive after it, and what one left is replaced
/// whatever it holds, since the last events may be spread over rows otherwise.
pub fn append_last(run: RunId, epoch: i64, events: &[Event]) -> Statement {
    Statement::new(
        "INSERT INTO run_events (run_id, first_seq, last_seq, events)
         SELECT id, ?3, ?4, ?5 FROM runs WHERE id = ?1 AND epoch = ?2 AND ended_at IS NULL
         ON CONFLICT (run_id, first_seq) DO UPDATE SET last_seq = excluded.last_seq, events = excluded.events",
        row(run, epoch, events),
    )
}

fn row(run: RunId, epoch: i64, events: &[Event]) -> [Value; 5] {
    let (first, last) = (events.first().map_or(0, |event| event.seq), events.last().map_or(0, |event| event.seq));
    [run.to_string().into(), epoch.into(), seq(first).into(), seq(last).into(), encode(events).into()]
}

/// Forgets the events from `first` on, if the run is still this owner's: what a stopped reader did not see.
pub fn truncate(run: RunId, epoch: i64, first: Seq) -> Statement {
    Statement::new(
        "DELETE FROM run_events WHERE run_id = ?1 AND first_seq >= ?3
           AND EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND epoch = ?2 AND ended_at IS NULL)",
        [run.to_string().into(), epoch.into(), seq(first).into()],
    )
}

/// Rows with events after `after`, in order, a bounded number of them.
pub fn after(run: RunId, after: Seq) -> Statement {
    Statement::new(
        "SELECT events FROM run_events WHERE run_id = ?1 AND last_seq > ?2 ORDER BY first_seq LIMIT 64",
        [run.to_string().into(), seq(after).into()],
    )
}

/// All rows of a run: to put a reply together whose owner died.
pub fn all(run: RunId) -> Statement {
    Statement::new("SELECT events FROM run_events WHERE run_id = ?1 ORDER BY first_seq", [run.to_string().into()])
}

/// Deletes a few logs of a user's runs that ended before `before`, and notes that they are gone. The messages stay. Each
/// message and each stored completion makes one more log, so that this keeps up.
pub fn expire(user: UserId, before: Timestamp) -> [Statement; 2] {
    let params = || [user.to_string().into(), before.millis().into()];
    [
        Statement::new(
            "DELETE FROM run_events WHERE run_id IN
               (SELECT id FROM runs WHERE user_id = ?1 AND has_log = 1 AND ended_at <= ?2 ORDER BY ended_at, id LIMIT 20)",
            params(),
        ),
        Statement::new(
            "UPDATE runs SET has_log = 0 WHERE id IN
               (SELECT id FROM runs WHERE user_id = ?1 AND has_log = 1 AND ended_at <= ?2 ORDER BY ended_at, id LIMIT 20)",
            params(),
        ),
    ]
}

/// The same for everybody, at most `limit` runs. The second statement returns their ids.
pub fn expire_all(before: Timestamp, limit: i64) -> [Statement; 2] {
    let params = || [before.millis().into(), limit.into()];
    [
        Statement::new(
            "DELETE FROM run_events WHERE run_id IN
               (SELECT id FROM runs WHERE has_log = 1 AND ended_at <= ?1 ORDER BY user_id, ended_at, id LIMIT ?2)",
            params(),
        ),
        Statement::new(
            "UPDATE runs SET has_log = 0 WHERE id IN
               (SELECT id FROM runs WHERE has_log = 1 AND ended_at <= ?1 ORDER BY user_id, ended_at, id LIMIT ?2)
             RETURNING id",
            params(),
        ),
    ]
}

/// Whether [`expire_all`] has something to do: a row says so.
pub fn any_expired(before: Timestamp) -> Statement {
    Statement::new("SELECT id FROM runs WHERE has_log = 1 AND ended_at <= ?1 LIMIT 1", [before.millis().into()])
}

/// Decodes the events of all rows, in order.
pub fn decode(outcome: &Outcome) -> Result<Vec<Event>, DatabaseError> {
    let bad = |_| DatabaseError::new(DatabaseErrorKind::Other, "run_events holds a row that is no log");
    let mut events = Vec::new();
    for row in &outcome.rows {
        let list: Vec<(Seq, String, Box<RawValue>)> = serde_json::from_str(row.text(0)?).map_err(bad)?;
        for (seq, kind, data) in list {
            let kind = EventKind::parse(&kind)
                .ok_or_else(|| DatabaseError::new(DatabaseErrorKind::Other, "run_events holds an unknown kind"))?;
            events.push(Event { seq, kind, data: Arc::from(data.get()) });
        }
    }
    Ok(events)
}

/// `[[seq,"kind",{…}],…]`; the payloads are JSON already and go in as they are.
fn encode(events: &[Event]) -> String {
    let rows: Vec<_> =
        events.iter().map(|event| format!("[{},\"{}\",{}]", event.seq, event.kind.as_str(), event.data)).collect();
    format!("[{}]", rows.join(","))
}

#[cfg(test)]
mod tests {
    use ports::Row;

    use super::*;

    #[test]
    fn events_come_back_byte_for_byte() {
        let events = vec![
            Event { seq: 1, kind: EventKind::State, data: r#"{"a": 1.0}"#.into() },
            Event { seq: 2, kind: EventKind::Delta, data: r#"{"text":"é\n\"],["}"#.into() },
        ];
        let outcome = Outcome { rows: vec![Row(vec![encode(&events).into()])] };
        assert_eq!(decode(&outcome).unwrap(), events);
    }
}
