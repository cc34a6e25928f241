//! Plays a plan on a connection, and notices when the client leaves. Which plan, and what comes after, is the
//! connection's business.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::connection::Connection;
use super::journal::Record;
use super::plan::{Action, Plan};
use super::socket::{self, now};

/// What a client may send ahead while its call is played, in bytes; beyond it only a full close is noticed.
const AHEAD_LIMIT: usize = 1 << 20;

/// How playing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The script came to its end; the connection can take the next request.
    Reusable,
    /// The script came to its end; the connection did too.
    Closed,
    /// The client left first.
    Left,
}

/// Plays to the end, or until the client leaves.
pub fn play(connection: &mut Connection, plan: &Plan, record: &Record) -> Ending {
    for action in &plan.actions {
        let done = match action {
            Action::Write { bytes, body, .. } => connection.write(bytes).map(|()| {
                record.sent.fetch_add(u64::try_from(*body).unwrap_or(u64::MAX), Ordering::Relaxed);
            }),
            Action::Pause(length) => watch(connection, Some(*length)),
            Action::Stall => watch(connection, None),
            Action::Close => {
                // A client that is gone already has seen all of it.
                let _ = connection.stream.shutdown(Shutdown::Write);
                return Ending::Closed;
            }
            Action::Reset => {
                return match socket::reset_on_close(&connection.stream) {
                    Ok(()) => Ending::Closed,
                    Err(_) => Ending::Left,
                };
            }
        };
        if done.is_err() {
            return Ending::Left;
        }
    }
    if plan.reusable { Ending::Reusable } else { Ending::Closed }
}

/// Waits, for ever without a length; an error as soon as the client closes or resets. What it sends meanwhile is kept
/// for the next request.
fn watch(connection: &mut Connection, length: Option<Duration>) -> io::Result<()> {
    let start = now();
    loop {
        let left = length.map(|length| length.saturating_sub(now().saturating_duration_since(start)));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(());
        }
        let room = connection.input.len() < AHEAD_LIMIT;
        if socket::wait(&connection.stream, room, left)? && (!room || connection.receive()? == 0) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
