//! What linking a program statically takes: Rust's standard library for musl, and a C compiler that compiles for it.

use std::{env::consts::ARCH, path::Path, process::Command};

use crate::command::{Result, line, run_quietly};

/// The target of this machine's architecture.
pub fn target() -> String {
    format!("{ARCH}-unknown-linux-musl")
}

/// Adds the standard library if the compiler does not have it. The C compiler is the system's to install.
pub fn ready() -> Result {
    let target = target();
    if !has_library(&target)? {
        run_quietly(Command::new("rustup").args(["target", "add", &target]))?;
    }
    Command::new("musl-gcc")
        .arg("--version")
        .output()
        .map(drop)
        .map_err(|error| format!("cannot start musl-gcc: {error}; install musl-tools (Debian's name)"))
}

fn has_library(target: &str) -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]);
    let output = rustc.output().map_err(|error| format!("{}: {error}", line(&rustc)))?;
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
