//! Rust's standard library for the Wasm targets.

use std::{fs, process::Command};

use crate::{
    command::{Result, run_quietly},
    workspace,
};

/// Adds the target if the compiler does not have it.
pub fn ready(target: &str) -> Result {
    if compiles(target)? {
        println!("setup: {target}: there");
        return Ok(());
    }
    let added = run_quietly(Command::new("rustup").args(["target", "add", target]));
    if added.is_ok() && compiles(target)? {
        println!("setup: {target}: added");
        return Ok(());
    }
    Err(format!("no standard library for {target}: {}", added.err().unwrap_or_default()))
}

const PROBE: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn probe() -> usize { String::from(\"x\").len() }\n";

/// Whether a small library links.
fn compiles(target: &str) -> Result<bool> {
    let folder = workspace::target().join("setup");
    let probe = folder.join("probe.rs");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&probe, PROBE))
        .map_err(|error| format!("{}: {error}", probe.display()))?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "--target", target, "-o"]);
    rustc.arg(folder.join(format!("{target}.wasm"))).arg(probe);
    Ok(run_quietly(&mut rustc).is_ok())
}
