//! Waiting until a server answers.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use super::child::Child;
use crate::command::Result;

/// Waits until `GET /api/v1/health` answers 200.
pub fn wait(child: &mut Child, port: u16, patience: Duration) -> Result {
    let started = Instant::now();
    while started.elapsed() < patience {
        child.check()?;
        if healthy(port).unwrap_or(false) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(format!("not healthy after {} s:\n{}", patience.as_secs(), child.tail()))
}

fn healthy(port: u16) -> std::io::Result<bool> {
    let timeout = Duration::from_secs(5);
    let mut socket = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), timeout)?;
    socket.set_read_timeout(Some(timeout))?;
    let request = format!("GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut status = [0; 12];
    socket.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}
