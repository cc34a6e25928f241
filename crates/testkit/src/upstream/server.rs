//! The listening socket, the list of open connections, and stopping both.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::connection::Connection;
use super::journal::{Journal, lock};
use super::socket;

/// Enough for everything a connection does, reading a deeply nested script included. Only touched pages cost memory.
const STACK: usize = 256 << 10;
/// The longest wait for threads to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running server; stops when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub journal: Arc<Journal>,
    pub open: Arc<Open>,
    accepting: Option<JoinHandle<()>>,
}

/// The connections that are open. It holds them weakly: a reset needs its thread's handle to be the last.
#[derive(Default)]
pub struct Open {
    streams: Mutex<HashMap<u64, Weak<TcpStream>>>,
    fewer: Condvar,
}

impl Server {
    pub fn start(address: &str) -> io::Result<Self> {
        socket::raise_file_limit();
        let listener = TcpListener::bind(address)?;
        socket::lengthen_queue(&listener)?;
        let address = listener.local_addr()?;
        let journal = Arc::new(Journal::new());
        let open = Arc::new(Open::default());
        let accepting = {
            let (journal, open) = (Arc::clone(&journal), Arc::clone(&open));
            thread::Builder::new().name("upstream".to_owned()).spawn(move || accept(&listener, &journal, &open))?
        };
        Ok(Self { address, journal, open, accepting: Some(accepting) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.journal.stop();
        // Wakes the accepting thread, which then sees that it shall stop. Where that fails, the thread is left behind.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            // A panic of that thread has been printed already.
            let _ = accepting.join();
        }
        self.open.close_all();
    }
}

impl Open {
    pub fn count(&self) -> usize {
        lock(&self.streams).len()
    }

    fn add(&self, number: u64, stream: &Arc<TcpStream>) {
        lock(&self.streams).insert(number, Arc::downgrade(stream));
    }

    fn remove(&self, number: u64) {
        lock(&self.streams).remove(&number);
        self.fewer.notify_all();
    }

    fn close_all(&self) {
        let streams = lock(&self.streams);
        for stream in streams.values().filter_map(Weak::upgrade) {
            // One that is closed already is what we want.
            let _ = stream.shutdown(Shutdown::Both);
        }
        let wait = self.fewer.wait_timeout_while(streams, PATIENCE, |streams| !streams.is_empty());
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }
}

fn accept(listener: &TcpListener, journal: &Arc<Journal>, open: &Arc<Open>) {
    let mut number = 0;
    loop {
        let accepted = listener.accept();
        if journal.stopped() {
            return;
        }
        match accepted.and_then(|(stream, _)| serve(stream, number, journal, open)) {
            Ok(()) => number += 1,
            Err(error) => {
                eprintln!(
                    "scripted upstream: a connection was not served: {error}; are open files or threads limited (ulimit -n, -u)?"
                );
                // Out of files or threads: let some end before the next try.
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Gives a connection its thread.
fn serve(stream: TcpStream, number: u64, journal: &Arc<Journal>, open: &Arc<Open>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    open.add(number, &stream);
    let connection = Connection::new(stream, number, Arc::clone(journal));
    let listed = Arc::clone(open);
    let spawned = thread::Builder::new().stack_size(STACK).spawn(move || {
        // Also when the connection's code panics: a test that stops the server must not wait for it.
        let _leave = Leave { open: listed, number };
        connection.serve();
    });
    if spawned.is_err() {
        open.remove(number);
    }
    spawned.map(drop)
}

/// Takes a connection off the list when its thread ends.
struct Leave {
    open: Arc<Open>,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.open.remove(self.number);
    }
}
