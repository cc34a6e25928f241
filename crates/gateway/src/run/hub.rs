//! Where a run's owner and its readers in this process meet. The events are kept once, whoever reads them: a reader holds a
//! number and nothing else, so a slow one, or one that never reads, costs nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::run::{Event, EventKind, Seq, StopPoint};
use event_listener::EventListener;
use futures_util::stream;
use ports::{EventStream, RunsError};

/// One run's meeting point.
#[derive(Default)]
pub struct Hub {
    state: Mutex<State>,
    /// Tells readers that there are new events, or none any more.
    news: event_listener::Event,
    /// Tells the owner that readers came or went, or that somebody wants it to stop or to end.
    control: event_listener::Event,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    closed: bool,
    readers: usize,
    stop: Option<StopPoint>,
    interrupted: bool,
}

enum Next {
    Event(Event),
    Wait,
    Closed,
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows events to the readers.
    pub fn push(&self, events: &[Event]) {
        if !events.is_empty() {
            self.state().events.extend_from_slice(events);
            self.news.notify(usize::MAX);
        }
    }

    /// Replaces the events: what is kept of a stopped reply. A reader that is further on sees only what comes after.
    pub fn replace(&self, events: Vec<Event>) {
        self.state().events = events;
        self.news.notify(usize::MAX);
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// No more events will come from here.
    pub fn close(&self) {
        self.state().closed = true;
        self.news.notify(usize::MAX);
    }

    /// Whether the owner let go of the run without an end.
    pub fn is_let_go(&self) -> bool {
        let state = self.state();
        state.closed && state.events.last().is_none_or(|last| last.kind != EventKind::End)
    }

    /// Returns when the hub is closed.
    pub async fn closed(&self) {
        loop {
            let news = self.news.listen();
            if self.state().closed {
                return;
            }
            news.await;
        }
    }

    /// Asks the owner to stop. The first one to ask decides where.
    pub fn ask_to_stop(&self, point: StopPoint) {
        self.state().stop.get_or_insert(point);
        self.control.notify(usize::MAX);
    }

    /// Where the owner is asked to stop, if it is.
    pub fn stop_point(&self) -> Option<StopPoint> {
        self.state().stop
    }

    /// Asks the owner to end the run as it is, because the process ends.
    pub fn interrupt(&self) {
        self.state().interrupted = true;
        self.control.notify(usize::MAX);
    }

    /// Whether the owner is asked to end the run as it is.
    pub fn is_interrupted(&self) -> bool {
        self.state().interrupted
    }

    /// How many read.
    pub fn readers(&self) -> usize {
        self.state().readers
    }

    /// Wakes the owner at the next change of readers or stop. Listen first, then look.
    pub fn listen_control(&self) -> EventListener {
        self.control.listen()
    }

    /// A reader of what comes after `after`.
    pub fn reader(self: &Arc<Self>, after: Seq) -> EventStream {
        self.state().readers += 1;
        self.control.notify(usize::MAX);
        let reader = Some(Reader { hub: self.clone(), after });
        Box::pin(stream::unfold(reader, |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Some(event) => {
                    reader.after = event.seq;
                    let open = event.kind != EventKind::End;
                    Some((Ok(event), open.then_some(reader)))
                }
                None => Some((Err(RunsError::Unavailable("the run's owner let go of it".into())), None)),
            }
        }))
    }

    fn next(&self, after: Seq) -> Next {
        let state = self.state();
        let at = state.events.partition_point(|event| event.seq <= after);
        match state.events.get(at) {
            Some(event) => Next::Event(event.clone()),
            None if state.closed => match state.events.last() {
                // Behind the end there is the end again, so that nobody waits for ever.
                Some(last) if last.kind == EventKind::End => Next::Event(last.clone()),
                _ => Next::Closed,
            },
            None => Next::Wait,
        }
    }
}

struct Reader {
    hub: Arc<Hub>,
    after: Seq,
}

impl Reader {
    async fn next(&self) -> Option<Event> {
        loop {
            if let Next::Event(event) = self.hub.next(self.after) {
                return Some(event);
            }
            let news = self.hub.news.listen();
            match self.hub.next(self.after) {
                Next::Event(event) => return Some(event),
                Next::Closed => return None,
                Next::Wait => news.await,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hub.state().readers -= 1;
        self.hub.control.notify(usize::MAX);
    }
}
