//! Log lines to a stream, without ever making a request wait for it.

use std::{
    fmt,
    io::Write,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use ports::Log;

/// Lines that may wait for a slow stream. What comes on top is lost, as the port allows.
const WAITING: usize = 4096;

/// Bytes that are written at once at most.
const BLOCK: usize = 64 * 1024;

/// How long a line waits for others to be written with it: one wake of the thread and one write serve them all.
const GATHER: Duration = Duration::from_millis(5);

/// How long the last lines may take to be written.
const LAST: Duration = Duration::from_secs(1);

/// Lines written by a thread of their own, those that wait together in one write.
pub struct Lines {
    sender: Option<mpsc::SyncSender<Box<str>>>,
    /// Hears that the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Lines {
    /// Lines to this stream. Starts the thread.
    pub fn new(stream: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (sender, lines) = mpsc::sync_channel(WAITING);
        let (end, ended) = mpsc::channel::<()>();
        thread::Builder::new().name("log".into()).spawn(move || {
            write_all(stream, &lines);
            drop(end);
        })?;
        Ok(Self { sender: Some(sender), ended: Mutex::new(ended) })
    }
}

fn write_all(mut stream: impl Write, lines: &mpsc::Receiver<Box<str>>) {
    let mut block = Vec::new();
    while let Ok(first) = lines.recv() {
        thread::sleep(GATHER);
        let mut next = Some(first);
        while let Some(line) = next {
            block.extend_from_slice(line.as_bytes());
            block.push(b'\n');
            next = if block.len() < BLOCK { lines.try_recv().ok() } else { None };
        }
        // A stream that is closed (a broken pipe) loses lines; it must not stop the server.
        let _ = stream.write_all(&block).and_then(|()| stream.flush());
        block.clear();
    }
}

impl Log for Lines {
    fn write(&self, line: &str) {
        if let Some(sender) = &self.sender {
            let _ = sender.try_send(line.into());
        }
    }
}

/// Writes what waits, unless nobody reads it: a pipe that is full must not keep the process from ending.
impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.sender.take());
        let _ = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(LAST);
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_before_the_end() {
        let memory = Memory::default();
        let lines = Lines::new(memory.clone()).unwrap();
        (0..100).for_each(|n| lines.write(&n.to_string()));
        drop(lines);
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>(), (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    /// A pipe that nobody reads.
    struct Full(mpsc::Receiver<()>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_end_does_not_wait_for_a_stream_that_nobody_reads() {
        let (reader, stream) = mpsc::channel();
        let lines = Lines::new(Full(stream)).unwrap();
        lines.write("a line");
        drop(lines);
        drop(reader);
    }
}
