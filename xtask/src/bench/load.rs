//! Closed-loop load: each connection has a thread that sends, waits for the whole answer, and sends again. What is sent is
//! the callers' business.

use std::{
    net::SocketAddr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use super::client::Connection;
use crate::command::Result;

/// How long, and how the connections begin.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// No call begins later than this after the first.
    pub length: Duration,
    /// How much later each connection begins than the one before.
    pub stagger: Duration,
}

/// Lets each caller call on a connection of its own until the time is over. What the calls gave, and how long it all took. The
/// first call of each is not counted: it opens connections and fills caches.
pub fn drive<T: Send>(
    address: SocketAddr,
    callers: Vec<impl FnMut(&mut Connection) -> Result<T> + Send>,
    pace: Pace,
) -> Result<(Vec<T>, Duration)> {
    let ready = Barrier::new(callers.len());
    let work = |call: &mut dyn FnMut(&mut Connection) -> Result<T>, wait: Duration| {
        let warm =
            Connection::open(address).map_err(|error| format!("{address}: {error}")).and_then(|mut connection| {
                call(&mut connection)?;
                Ok(connection)
            });
        // Also when that failed, since the others wait.
        ready.wait();
        let (mut connection, mut given) = (warm?, Vec::new());
        let started = Instant::now();
        thread::sleep(wait);
        while started.elapsed() < pace.length {
            given.push(call(&mut connection)?);
        }
        Ok::<_, String>((given, started.elapsed()))
    };
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(callers)
            .map(|(index, mut call)| scope.spawn(move || work(&mut call, pace.stagger * index)))
            .collect();
        let (mut all, mut longest) = (Vec::new(), Duration::ZERO);
        for thread in threads {
            let (given, elapsed) = thread.join().map_err(|_| "a thread of the load generator panicked")??;
            all.extend(given);
            longest = longest.max(elapsed);
        }
        Ok((all, longest))
    })
}
