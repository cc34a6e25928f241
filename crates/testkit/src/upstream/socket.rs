//! What std has no safe word for: waiting for a socket with a precise timeout, resetting a connection, a long accept
//! queue, room for many open files. And the clock, which everybody but hosts and this server takes as a port.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::SockRef;

/// Connections that may wait to be accepted: many tests open a thousand at once.
const BACKLOG: i32 = 4096;
/// How long a reset waits for a client that reads nothing.
const UNSENT_PATIENCE: Duration = Duration::from_secs(1);

/// The time, for pauses and for the times of calls.
#[expect(clippy::disallowed_methods, reason = "a server of its own, not the product: it paces real sockets")]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits until the peer sent something, left, or `timeout` passed; true unless it passed. With `input` false, only an
/// error or a full close counts.
pub fn wait(stream: &TcpStream, input: bool, timeout: Option<Duration>) -> io::Result<bool> {
    ready(stream, if input { PollFlags::IN } else { PollFlags::empty() }, timeout)
}

fn ready(stream: &TcpStream, flags: PollFlags, timeout: Option<Duration>) -> io::Result<bool> {
    // A time beyond the system's range is as good as for ever.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut [PollFd::new(stream, flags)], timeout.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes the last close of this socket send RST in place of FIN. A reset drops what is unsent, so this waits first until
/// all is under way: small writes queue up behind the congestion window even on loopback.
pub fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // Elsewhere a reset may lose the last bytes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // From here on, writable means that nothing is unsent.
        socket.set_tcp_notsent_lowat(1)?;
        // A client that reads nothing is reset with bytes unsent.
        ready(stream, PollFlags::OUT, Some(UNSENT_PATIENCE))?;
    }
    socket.set_linger(Some(Duration::ZERO))
}

/// Lengthens the accept queue of a listener.
pub fn lengthen_queue(listener: &TcpListener) -> io::Result<()> {
    SockRef::from(listener).listen(BACKLOG)
}

/// Raises this process's soft limit on open files to the hard one. Left as it is where the system refuses.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Refused, the usual limit still serves all but the largest tests.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
