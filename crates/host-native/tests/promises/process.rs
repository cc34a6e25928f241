//! The `littoral` program as a child process, with the scripted upstream in this one.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use tests::{Api, Provider, settings::SETTINGS};

/// A running server. Dropping it kills it.
pub struct Littoral {
    child: Child,
    /// A client of it.
    pub api: Api,
    /// `host:port`.
    pub address: String,
}

impl Littoral {
    /// Starts one on this data folder, and returns when it answers.
    pub fn start(data: &Path, provider: &Arc<Provider>, more: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_littoral"))
            .env_clear()
            .envs(SETTINGS.iter().copied())
            .env("LITTORAL_OPENAI_BASE_URL", format!("{}/v1", provider.url()))
            .env("LITTORAL_LISTEN", "127.0.0.1:0")
            .env("LITTORAL_DATA_DIR", data)
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let found =
            lines.map_while(Result::ok).find_map(|line| Some(line.split_once("listening on ")?.1.trim().to_owned()));
        let url = found.expect("the program says where it listens");
        let address = url.trim_start_matches("http://").to_owned();
        Self { child, api: Api::at(&url, Arc::clone(provider)), address }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }

    /// Asks it to stop, as a supervisor does.
    pub fn ask_to_stop(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("`kill`").success());
    }

    /// Waits for the end that it was asked for.
    pub fn ended(mut self) {
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "{status}");
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it ever was, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find(|line| line.starts_with(name)).expect("its memory");
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).expect("a number") * 1024
    }
}

impl Drop for Littoral {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
