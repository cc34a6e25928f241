//! Running programs.

use std::{
    env,
    ffi::OsString,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use crate::{tally::Tally, workspace};

/// What went wrong, for people.
pub type Result<T = ()> = std::result::Result<T, String>;

/// Cargo, at the root of the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(workspace::root());
    if env::var_os("CI").is_some() {
        // Nobody debugs there, and nothing is built twice.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// Runs it; what it prints goes where our own output goes.
pub fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    status.success().then_some(()).ok_or_else(|| format!("{} ended with {status}", line(command)))
}

/// Runs it quietly; its output is part of the error if it fails.
pub fn run_quietly(command: &mut Command) -> Result {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Err(format!("{} ended with {}:\n{}", line(command), output.status, text.trim_end()))
}

/// Runs tests, shows what they print and counts their results, also when some of them fail.
pub fn run_tests(command: &mut Command, tally: &mut Tally) -> Result {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n').map_while(std::result::Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.read(&line);
        }
    }
    let status = child.wait().map_err(|error| format!("{}: {error}", line(command)))?;
    status.success().then_some(()).ok_or_else(|| format!("{} ended with {status}", line(command)))
}

/// The command line, for messages.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start {}: {error}", line(command))
}
