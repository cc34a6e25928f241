//! A child process with all that it starts in turn.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};

use crate::{
    command::{Result, line},
    workspace,
};

/// Becomes the program, at the head of a process group of its own. Beside it waits a shell whose input ends when we do,
/// by whatever death; then it ends the group, so that no server outlives its test.
const GUARDED: &str = "exec 3<&0; (read -r _ <&3; kill -s TERM -- -$$) & exec \"$@\" 3<&- </dev/null";

/// How long a program may take to end before its group is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running program. Dropping it ends its process group.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts it; what it prints goes to `target/logs/<name>.log`.
    pub fn start(name: &str, program: &Command) -> Result<Self> {
        let log = workspace::target().join("logs").join(format!("{name}.log"));
        let open = || {
            fs::create_dir_all(log.parent().unwrap_or(Path::new(".")))?;
            let file = File::create(&log)?;
            Ok((file.try_clone()?, file))
        };
        let (output, errors) = open().map_err(|error: std::io::Error| format!("{}: {error}", log.display()))?;
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARDED, name]).arg(program.get_program()).args(program.get_args());
        shell.envs(program.get_envs().filter_map(|(variable, value)| Some((variable, value?))));
        shell.current_dir(program.get_current_dir().unwrap_or(&workspace::root()));
        shell.stdin(Stdio::piped()).stdout(output).stderr(errors).process_group(0);
        let process = shell.spawn().map_err(|error| format!("cannot start {}: {error}", line(program)))?;
        Ok(Self { process, log })
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// All it printed so far.
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// An error with the end of its output, if it is no longer running.
    pub fn check(&mut self) -> Result {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("it ended with {status}:\n{}", self.tail())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The end of its output.
    pub fn tail(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -s {signal} -- -{} 2>/dev/null", self.process.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal("TERM");
        let mut waited = Duration::ZERO;
        while waited < PATIENCE && matches!(self.process.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
            waited += Duration::from_millis(20);
        }
        // Whatever the program left behind. The group keeps its number as long as anybody is in it.
        self.signal("KILL");
        let _ = self.process.wait();
    }
}
