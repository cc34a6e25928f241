//! Waiting as the owner of a run: for the provider, while the log is written, the lease renewed, and stop, departure of the
//! readers and every deadline are heard.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

use domain::{
    RunId, Timestamp,
    run::{DisconnectPolicy, Event, Seq, StopPoint},
};
use futures_util::future::{Either, select};
use ports::{BoxFuture, Database, DatabaseError, DatabaseErrorKind, Statement};

use super::{Parts, hub::Hub, recorder::Recorder};
use crate::{Config, store};

/// What ended the waiting instead of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Somebody stopped the run.
    Stop(StopPoint),
    /// The readers left, and the policy says that this is the end.
    Abandoned,
    /// The run is somebody else's now, or deleted.
    Fenced,
    /// The process ends.
    Ending,
    /// This time is over.
    TimedOut,
}

enum Step<T> {
    Work(T),
    Flushed(Result<Lease, DatabaseError>),
    Renewed(Result<Lease, DatabaseError>),
    Look,
}

/// What a write says about our hold on the run.
#[derive(Clone, Copy)]
enum Lease {
    /// It is ours; somebody asks us, elsewhere, to stop here.
    Held(Option<StopPoint>),
    /// It is somebody else's now, or deleted.
    Lost,
}

/// A write of the log under way, with the events in it.
struct Flush {
    events: Vec<Event>,
    writing: BoxFuture<Result<Lease, DatabaseError>>,
}

/// How often the work is asked again once its time is over, before that counts.
const LATE_LOOKS: u32 = 5;
/// The pause between two of these looks.
const LATE_PAUSE: Duration = Duration::from_millis(50);

/// A deadline that has passed. A timer may fire before data that came in time is delivered: a thread that was busy finds both due
/// at once. So the work gets a few more looks.
struct Late {
    deadline: Timestamp,
    looks: u32,
    next: Timestamp,
}

/// The owner's ears.
pub struct Watch {
    config: Arc<Config>,
    parts: Parts,
    hub: Arc<Hub>,
    policy: DisconnectPolicy,
    /// The log, its run and our epoch; none for a run that is not stored.
    log: Option<(Arc<dyn Database>, RunId)>,
    flushing: Option<Flush>,
    renewing: Option<BoxFuture<Result<Lease, DatabaseError>>>,
    timer: Option<(Timestamp, BoxFuture<()>)>,
    /// Stays from one wait to the next with the same deadline, so that a provider that goes on sending gains no time by it.
    late: Option<Late>,
    renew_at: Timestamp,
    retry_flush_at: Timestamp,
    alone_since: Option<Timestamp>,
}

/// The first owner's fencing number.
pub const EPOCH: i64 = 1;

/// How often a silent owner renews its lease while it lasts.
const RENEWALS: u32 = 5;

impl Watch {
    pub fn new(
        config: Arc<Config>,
        parts: Parts,
        hub: Arc<Hub>,
        policy: DisconnectPolicy,
        log: Option<(Arc<dyn Database>, RunId)>,
    ) -> Self {
        // The insert of the run was the first sign of life.
        let renew_at = parts.clock.now().plus(config.lease / RENEWALS);
        Self {
            config,
            parts,
            hub,
            policy,
            log,
            flushing: None,
            renewing: None,
            timer: None,
            late: None,
            renew_at,
            retry_flush_at: Timestamp::default(),
            alone_since: None,
        }
    }

    /// Waits for `work`, at most until `deadline`.
    pub async fn wait<F: Future + Unpin>(
        &mut self,
        recorder: &mut Recorder,
        mut work: F,
        deadline: Timestamp,
    ) -> Result<F::Output, Interruption> {
        loop {
            let mut control = self.hub.listen_control();
            if let Some(point) = self.hub.stop_point() {
                return Err(Interruption::Stop(point));
            }
            if self.hub.is_interrupted() {
                return Err(Interruption::Ending);
            }
            let now = self.parts.clock.now();
            let abandoned_at = self.abandoned_at(now);
            if abandoned_at.is_some_and(|at| at <= now) {
                return Err(Interruption::Abandoned);
            }
            let Some(due) = next_look(&mut self.late, deadline, now) else { return Err(Interruption::TimedOut) };
            self.flush_if_due(recorder, now);
            self.renew_if_due(now);
            let next_flush = if self.flushing.is_some() { None } else { self.next_flush(recorder) };
            let next_renewal = (self.log.is_some() && self.renewing.is_none()).then_some(self.renew_at);
            let wake_at =
                [Some(due), abandoned_at, next_flush, next_renewal].into_iter().flatten().min().unwrap_or(due);
            self.arm(wake_at, now);

            let (flushing, renewing, timer) = (&mut self.flushing, &mut self.renewing, &mut self.timer);
            let step = poll_fn(|cx| {
                if let Poll::Ready(output) = Pin::new(&mut work).poll(cx) {
                    return Poll::Ready(Step::Work(output));
                }
                if let Some(flush) = flushing
                    && let Poll::Ready(result) = flush.writing.as_mut().poll(cx)
                {
                    return Poll::Ready(Step::Flushed(result));
                }
                if let Some(renewal) = renewing
                    && let Poll::Ready(result) = renewal.as_mut().poll(cx)
                {
                    return Poll::Ready(Step::Renewed(result));
                }
                if Pin::new(&mut control).poll(cx).is_ready() {
                    return Poll::Ready(Step::Look);
                }
                if let Some((_, sleep)) = timer
                    && sleep.as_mut().poll(cx).is_ready()
                {
                    *timer = None;
                    return Poll::Ready(Step::Look);
                }
                Poll::Pending
            })
            .await;
            match step {
                Step::Work(output) => return Ok(output),
                Step::Flushed(result) => self.flushed(recorder, result.ok())?,
                Step::Renewed(result) => {
                    self.renewing = None;
                    self.held(result.ok())?;
                }
                Step::Look => {}
            }
        }
    }

    /// Lets a write of the log that is under way end, so that none is in flight any more.
    pub async fn quiesce(&mut self, recorder: &mut Recorder) -> Result<(), Interruption> {
        self.renewing = None;
        let Some(flush) = &mut self.flushing else { return Ok(()) };
        let result = flush.writing.as_mut().await;
        self.flushed(recorder, result.ok())
    }

    /// When the policy gives the run up; `None` while somebody reads, or if it never does.
    fn abandoned_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.hub.readers() > 0 {
            self.alone_since = None;
            return None;
        }
        let since = *self.alone_since.get_or_insert(now);
        match self.policy {
            DisconnectPolicy::Finish => None,
            DisconnectPolicy::Cancel => Some(since),
            DisconnectPolicy::Grace(grace) => Some(since.plus(grace)),
        }
    }

    fn next_flush(&self, recorder: &Recorder) -> Option<Timestamp> {
        self.log.as_ref()?;
        recorder.oldest().map(|oldest| oldest.plus(self.config.flush).max(self.retry_flush_at))
    }

    fn flush_if_due(&mut self, recorder: &mut Recorder, now: Timestamp) {
        let Some((database, run)) = &self.log else { return };
        let full = recorder.is_full() && now >= self.retry_flush_at;
        let due = full || self.next_flush(recorder).is_some_and(|due| due <= now);
        if !due || self.flushing.is_some() {
            return;
        }
        let events = recorder.take();
        let append = store::run_events::append(*run, EPOCH, &events);
        let writing = write(database.clone(), vec![append, self.renewal(*run, recorder.last(), now)]);
        self.renew_at = now.plus(self.config.lease / RENEWALS);
        self.flushing = Some(Flush { events, writing });
    }

    /// Shows that the owner lives when no write of the log does: there is nothing to write, or one hangs. A renewal that hangs
    /// itself is given up in time for the next one.
    fn renew_if_due(&mut self, now: Timestamp) {
        let Some((database, run)) = &self.log else { return };
        if self.renew_at > now || self.renewing.is_some() {
            return;
        }
        let writing = write(database.clone(), vec![self.renewal(*run, 0, now)]);
        let (tasks, patience) = (self.parts.tasks.clone(), self.config.lease / 3);
        self.renew_at = now.plus(self.config.lease / RENEWALS);
        self.renewing = Some(Box::pin(async move {
            match select(writing, tasks.sleep(patience)).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(DatabaseError::new(DatabaseErrorKind::Unavailable, "a renewal took too long")),
            }
        }));
    }

    /// A sign of life, with how far the log is once it is written.
    fn renewal(&self, run: RunId, last: Seq, now: Timestamp) -> Statement {
        store::runs::renew(run, EPOCH, last, now.plus(self.config.lease))
    }

    fn flushed(&mut self, recorder: &mut Recorder, lease: Option<Lease>) -> Result<(), Interruption> {
        let events = self.flushing.take().map(|flush| flush.events).unwrap_or_default();
        if lease.is_none() {
            // The store did not take it, or we did not hear that it did: the events are written again.
            let now = self.parts.clock.now();
            recorder.give_back(events, now);
            self.retry_flush_at = now.plus(self.config.flush * 5);
        }
        self.held(lease)
    }

    /// Takes in what a write said about our hold on the run; a write that failed says nothing.
    fn held(&self, lease: Option<Lease>) -> Result<(), Interruption> {
        match lease {
            Some(Lease::Lost) => return Err(Interruption::Fenced),
            Some(Lease::Held(Some(point))) => self.hub.ask_to_stop(point),
            Some(Lease::Held(None)) | None => {}
        }
        Ok(())
    }

    /// Keeps one timer that fires no later than `wake_at`.
    fn arm(&mut self, wake_at: Timestamp, now: Timestamp) {
        if self.timer.as_ref().is_some_and(|(at, _)| *at <= wake_at) {
            return;
        }
        let (tasks, wait) = (self.parts.tasks.clone(), wake_at.since(now));
        self.timer = Some((wake_at, Box::pin(async move { tasks.sleep(wait).await })));
    }
}

/// A write of the log or of the lease; the last statement is the renewal, whose row says that the run is still ours.
fn write(database: Arc<dyn Database>, batch: Vec<Statement>) -> BoxFuture<Result<Lease, DatabaseError>> {
    Box::pin(async move {
        let outcomes = database.batch(batch).await?;
        let Some(row) = outcomes.last().and_then(|outcome| outcome.rows.first()) else { return Ok(Lease::Lost) };
        Ok(Lease::Held(row.maybe_text(0)?.and_then(store::runs::parse_stop_point)))
    })
}

/// When to look whether the time is over; `None` when it is.
fn next_look(late: &mut Option<Late>, deadline: Timestamp, now: Timestamp) -> Option<Timestamp> {
    if now < deadline {
        return Some(deadline);
    }
    let next = now.plus(LATE_PAUSE);
    let Some(late) = late.as_mut().filter(|late| late.deadline == deadline) else {
        *late = Some(Late { deadline, looks: 1, next });
        return Some(next);
    };
    if now >= late.next {
        if late.looks == LATE_LOOKS {
            return None;
        }
        *late = Late { deadline, looks: late.looks + 1, next };
    }
    Some(late.next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_deadline_counts_after_five_more_looks() {
        let mut late = None;
        assert_eq!(next_look(&mut late, at(1_000), at(999)), Some(at(1_000)));
        // The thread was busy: all of these looks lie behind the deadline.
        for now in [2_300, 2_350, 2_400, 2_450, 2_500] {
            assert_eq!(next_look(&mut late, at(1_000), at(now)), Some(at(now + 50)));
            // Whatever else wakes it in between is no look.
            assert_eq!(next_look(&mut late, at(1_000), at(now + 49)), Some(at(now + 50)));
        }
        assert_eq!(next_look(&mut late, at(1_000), at(2_550)), None);
    }

    #[test]
    fn another_deadline_has_looks_of_its_own_and_the_same_one_has_no_new_ones() {
        let mut late = None;
        for now in [100, 150, 200, 250, 300] {
            assert_eq!(next_look(&mut late, at(100), at(now)), Some(at(now + 50)));
        }
        assert_eq!(next_look(&mut late, at(100), at(1_000)), None);
        assert_eq!(next_look(&mut late, at(900), at(1_000)), Some(at(1_050)));
    }
}
