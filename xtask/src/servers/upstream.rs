//! The scripted upstream: the provider that the hosts talk to while they are tested.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{Child, Server};
use crate::{
    command::{Result, cargo, run},
    workspace,
};

/// Builds it if need be, and starts it on a free port.
pub fn start() -> Result<Server> {
    run(cargo().args(["build", "--quiet", "--package", "testkit", "--bin", "scripted-upstream"]))?;
    let mut program = Command::new(workspace::target().join("debug/scripted-upstream"));
    program.args(["--listen", "127.0.0.1:0"]);
    let mut child = Child::start("upstream", &program)?;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        if let Some(url) = child.output().lines().find_map(|line| line.strip_prefix("listening on ")) {
            return Ok(Server { url: url.trim().to_owned(), child });
        }
        child.check()?;
        thread::sleep(Duration::from_millis(20));
    }
    Err(format!("the scripted upstream does not say where it listens:\n{}", child.tail()))
}
