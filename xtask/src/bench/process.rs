//! Servers under measurement, and what the system says about them. They are stopped by their process id.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::client::{Connection, request};
use crate::command::{Result, line};

/// Waits until its input ends, which it does when we die by whatever death; then ends the program of this id.
const GUARD: &str = "read -r _; kill -s KILL \"$1\"";

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: Option<Child>,
    /// Where it listens.
    pub address: SocketAddr,
    /// From before it was started until it answered.
    pub start: Duration,
}

impl Process {
    /// Starts a program and waits until `GET path` answers with something else than 5xx. What it prints is thrown away, as
    /// the disk that the database is written to is not to be shared with a log.
    pub fn start(program: &mut Command, address: SocketAddr, path: &str) -> Result<Self> {
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let child = program.spawn().map_err(|error| format!("cannot start {}: {error}", line(program)))?;
        let mut process = Self { child, guard: None, address, start: Duration::ZERO };
        let health = request("GET", path, None, "");
        loop {
            let answer = Connection::open(address).and_then(|mut connection| connection.call(&health));
            if answer.is_ok_and(|status| status < 500) {
                break;
            }
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(format!("{} ended with {status}: start it by hand to see why", line(program)));
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("{} does not answer: start it by hand to see why", line(program)));
            }
            thread::sleep(Duration::from_micros(200));
        }
        process.start = started.elapsed();
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", &process.id().to_string()]).stdin(Stdio::piped()).stderr(Stdio::null());
        process.guard = Some(guard.spawn().map_err(|error| format!("cannot start {}: {error}", line(&guard)))?);
        Ok(process)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory, in bytes.
    pub fn rss(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most resident memory that it has had, in bytes.
    pub fn peak(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.id());
        let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let kib = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
        kib.map(|kib: f64| kib * 1024.0).ok_or_else(|| format!("{path}: no {name}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard first, so that it cannot mean another program of the same id.
        for child in self.guard.iter_mut().chain([&mut self.child]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The processor time that a process has used so far, user and system; zero if it is gone. `self` is this program.
pub fn cpu(id: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // Counted after the name, which may hold anything: the 12th and the 13th, in ticks of 10 ms (proc(5)).
    let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// An address of this machine whose port was free a moment ago.
pub fn free_address() -> Result<SocketAddr> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(|error| format!("no free port: {error}"))
}
