//! The end of a run: what is kept, stored in one batch, and only then shown.

use std::{sync::Arc, time::Duration};

use domain::{
    chat::Finish,
    run::{Event, EventKind, RunKey, RunStatus, StopPoint},
};
use ports::{Database, DatabaseError, DatabaseErrorKind, Statement};

use super::{
    charge::Bill,
    engine::Engine,
    payload::{self, End},
    provider::{self, Failure},
    watch::EPOCH,
};
use crate::{
    log::Line,
    store::{self, runs::Ending as StoredEnding},
};

/// Payload bytes of one row of a rewritten log.
const ROW_BYTES: usize = 256 * 1024;
/// How often the last batch is tried when the store refuses it for a reason that is not in the batch.
const TRIES: u32 = 12;
/// How often it is tried when the store does not answer: for five minutes.
const PATIENT_TRIES: u32 = 70;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The first pause between two tries; each one is longer by as much.
const PAUSE: Duration = Duration::from_millis(250);

/// How a run ended.
pub enum Ending {
    /// The model finished.
    Finished(Finish),
    /// Somebody stopped it, or its readers left.
    Stopped(StopPoint),
    /// It failed.
    Failed(Failure),
    /// The process ends before the model has finished.
    Interrupted,
    /// It is not ours any more: nothing may be written.
    Fenced,
}

impl Engine {
    /// Stores the end and shows it. If it cannot be stored, nothing is shown: the readers come back and find whoever closes
    /// the run later.
    pub(super) async fn settle(&mut self, ending: Ending) {
        let ending = if self.watch.quiesce(&mut self.recorder).await.is_err() { Ending::Fenced } else { ending };
        let progress = self.progress(matches!(ending, Ending::Finished(_)));
        let bill = Bill::of(&self.config, &self.job.request, self.job.created_at, &progress);
        let (status, finish, mut failure) = match ending {
            // Whoever took it over settles it. If its conversation is gone, nobody else does.
            Ending::Fenced => return self.charge(&bill, &[]).await,
            Ending::Finished(Finish::Length) => (RunStatus::Length, Some(Finish::Length), None),
            Ending::Finished(finish) => (RunStatus::Completed, Some(finish), None),
            Ending::Failed(failure) => (RunStatus::Failed, None, Some(failure)),
            Ending::Stopped(point) => {
                self.cut(point);
                (RunStatus::Stopped, None, None)
            }
            Ending::Interrupted => (RunStatus::Interrupted, None, Some(provider::interrupted())),
        };
        let now = self.parts.clock.now();
        let usage = self.usage.map(|usage| payload::of_usage(usage).to_string());
        let mut last = Vec::new();
        if let Some(usage) = &usage {
            last.push(self.recorder.record(EventKind::Usage, Arc::from(usage.as_str()), now));
        }
        if let Some(failure) = &mut failure {
            failure.fault.request_id = Some(self.job.request_id.clone());
            let fault = serde_json::to_string(&failure.fault).unwrap_or_default();
            last.push(self.recorder.record(EventKind::Error, fault.into(), now));
        }
        let end = End::new(status, finish.map(Finish::as_str), &self.recorder.text);
        let end = serde_json::to_string(&end).unwrap_or_default();
        last.push(self.recorder.record(EventKind::End, end.into(), now));

        let error_code = failure.as_ref().map(|failure| failure.fault.code.as_str());
        let stored = !self.job.durable || self.store(status, error_code, usage.as_deref(), &bill).await;
        // A plain completion that went well has its request's line.
        if !self.job.durable && failure.is_none() && self.refusals.is_empty() {
            return self.charge(&bill, &last).await;
        }
        let mut line = Line::new(now, if failure.is_some() { "warn" } else { "info" }, "run ended")
            .with("request_id", self.job.request_id.as_str())
            .show("run_id", self.key.run)
            .with("status", status.as_str())
            .with("provider", self.asked)
            .with("stored", stored);
        if !self.refusals.is_empty() {
            line = line.with("refusals", self.refusals.as_slice());
        }
        if let Some(failure) = &failure {
            line = line.with("code", failure.fault.code.as_str()).with("cause", failure.cause.as_str());
        }
        line.write(&*self.parts.log);
        if !self.job.durable {
            self.charge(&bill, &last).await;
        } else if stored {
            self.hub.push(&last);
        } else {
            // Deleted meanwhile, so that nobody else settles it. A run that is still there, whosever it is, stays as it is.
            self.charge(&bill, &[]).await;
        }
    }

    /// Settles a run that has no row, and shows its end: once it is settled, or once we know that this takes longer.
    async fn charge(&mut self, bill: &Bill, last: &[Event]) {
        let database = self.parts.chats.for_user(self.key.user);
        for attempt in 1.. {
            let settled = database.batch(self.settling(None, bill)).await;
            if attempt == 1 {
                self.hub.push(last);
            }
            let Err(error) = settled else { return };
            let wait = self.wait_after(attempt, &error, "a completion could not be settled");
            let Some(wait) = wait else { return };
            self.parts.tasks.sleep(wait).await;
        }
    }

    /// The statements that settle the run, if there is anything to write about it.
    fn settling(&self, epoch: Option<i64>, bill: &Bill) -> Vec<Statement> {
        let [budget, entry] = store::ledger::settle(self.key, epoch, &bill.settled(self.parts.clock.now()));
        // Nothing was set aside and nothing is to be paid.
        let moves = self.job.reserved.get() > 0 || bill.cost.get() > 0;
        moves.then_some(budget).into_iter().chain([entry]).collect()
    }

    /// Logs what went wrong with a last write; how long to wait before it is tried again. Only what the batch itself is to
    /// blame for is not: stores have many words for being overloaded.
    fn wait_after(&self, attempt: u32, error: &DatabaseError, message: &'static str) -> Option<Duration> {
        Line::new(self.parts.clock.now(), "error", message)
            .with("request_id", self.job.request_id.as_str())
            .show("run_id", self.key.run)
            .show("cause", error)
            .write(&*self.parts.log);
        let tries = match error.kind {
            DatabaseErrorKind::Busy | DatabaseErrorKind::Unavailable => PATIENT_TRIES,
            DatabaseErrorKind::Other => TRIES,
            DatabaseErrorKind::Unique { .. } | DatabaseErrorKind::ForeignKey | DatabaseErrorKind::Check => 0,
        };
        (attempt < tries).then(|| (PAUSE * attempt).min(LONGEST_PAUSE))
    }

    /// Writes the rest of the log, the message, the bill and the final status, all or none.
    async fn store(&mut self, status: RunStatus, error_code: Option<&str>, usage: Option<&str>, bill: &Bill) -> bool {
        let (run, database) = (self.key.run, self.parts.chats.for_user(self.key.user));
        let unwritten = self.recorder.take();
        let ending = StoredEnding {
            status,
            last_seq: self.recorder.last(),
            error_code,
            usage,
            text: &self.recorder.text,
            keeps_text: !self.job.has_message,
            now: self.parts.clock.now(),
        };
        let rewrite = self.rewrite.then(|| store::run_events::truncate(run, EPOCH, 0));
        let settling = self.settling(Some(EPOCH), bill);
        // Made anew for each try: a reply may be long, and the first try is nearly always the last.
        let batch = || {
            let events = rows(&unwritten).map(|events| store::run_events::append_last(run, EPOCH, events));
            let message = store::runs::settle_message(run, EPOCH, &ending);
            let end = store::runs::end(run, EPOCH, &ending);
            rewrite.clone().into_iter().chain(events).chain([message]).chain(settling.clone()).chain([end]).collect()
        };
        for attempt in 1.. {
            let failed = match database.batch(batch()).await {
                Ok(outcomes) if outcomes.last().is_some_and(|outcome| !outcome.rows.is_empty()) => return true,
                // Not ours any more; or an earlier try was kept though we heard otherwise.
                Ok(_) => return attempt > 1 && is_stored_as(&*database, self.key, status).await,
                Err(error) => error,
            };
            let wait = self.wait_after(attempt, &failed, "the end of a run could not be stored");
            let Some(wait) = wait else { return false };
            self.parts.tasks.sleep(wait).await;
        }
        false
    }

    /// Keeps of a stopped reply what `point` says: the log and the text are cut alike.
    fn cut(&mut self, point: StopPoint) {
        let events = self.hub.events();
        let (kept, text) = match point {
            StopPoint::Now => return,
            StopPoint::Seq(seq) => {
                let kept: Vec<Event> = events.into_iter().filter(|event| event.seq <= seq.max(1)).collect();
                let text = payload::join(&kept);
                (kept, text)
            }
            StopPoint::Length(length) => cut_to_length(events, usize::try_from(length).unwrap_or(usize::MAX)),
        };
        self.recorder.text = text;
        self.recorder.take();
        self.recorder.give_back(kept.clone(), self.parts.clock.now());
        self.rewrite = true;
        self.hub.replace(kept);
    }
}

async fn is_stored_as(database: &dyn Database, key: RunKey, status: RunStatus) -> bool {
    let found = database.run(store::runs::by_id(key)).await.and_then(|outcome| store::runs::decode(&outcome));
    matches!(found, Ok(Some(run)) if run.status == status && run.epoch == EPOCH)
}

/// The events that hold the first `length` characters of the reply; the last one may lose its rest.
fn cut_to_length(events: Vec<Event>, length: usize) -> (Vec<Event>, String) {
    let (mut kept, mut text, mut left) = (Vec::new(), String::new(), length);
    for event in events {
        if event.kind != EventKind::Delta {
            if left > 0 || event.kind == EventKind::State {
                kept.push(event);
            }
            continue;
        }
        if left == 0 {
            break;
        }
        let piece: String = payload::text_of(&event).chars().take(left).collect();
        left -= piece.chars().count();
        kept.push(Event { data: payload::of_text(&piece), ..event });
        text.push_str(&piece);
    }
    (kept, text)
}

/// Consecutive events in rows of a bounded size.
fn rows(events: &[Event]) -> impl Iterator<Item = &[Event]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let end = rest.iter().position(|event| {
            bytes += event.data.len();
            bytes > ROW_BYTES
        });
        let (row, after) = rest.split_at(end.map_or(rest.len(), |end| end.max(1)));
        rest = after;
        (!row.is_empty()).then_some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, kind: EventKind, data: &str) -> Event {
        Event { seq, kind, data: data.into() }
    }

    #[test]
    fn a_cut_by_length_counts_characters_and_may_split_an_event() {
        let events = vec![
            event(1, EventKind::State, "{}"),
            event(2, EventKind::Delta, r#"{"text":"äb"}"#),
            event(3, EventKind::Delta, r#"{"text":"cd"}"#),
            event(4, EventKind::Delta, r#"{"text":"ef"}"#),
        ];
        let (kept, text) = cut_to_length(events.clone(), 3);
        assert_eq!(text, "äbc");
        assert_eq!(kept.last().unwrap(), &event(3, EventKind::Delta, r#"{"text":"c"}"#));
        let (kept, text) = cut_to_length(events, 0);
        assert_eq!((kept.len(), text.as_str()), (1, ""));
    }

    #[test]
    fn rows_hold_every_event_once() {
        let big = format!("{{\"text\":\"{}\"}}", "x".repeat(ROW_BYTES));
        let events: Vec<_> =
            (1..=4).map(|seq| event(seq, EventKind::Delta, if seq == 2 { &big } else { "{}" })).collect();
        let joined: Vec<_> = rows(&events).flatten().cloned().collect();
        assert_eq!(joined, events);
        assert_eq!(rows(&events).count(), 3);
        assert_eq!(rows(&[]).count(), 0);
    }
}
