//! `worker-build` and the `wasm-bindgen` program, in the versions that fit the locked crates.

use std::fs;

use crate::{
    command::{Result, cargo, run_quietly},
    workspace,
};

/// Installs what is missing into `target/tools`.
pub fn ready() -> Result {
    install("worker-build", &workspace::locked_version("worker")?, &[])?;
    // Of its programs we want one, and of its features none: they are for downloads.
    let one = ["--bin", "wasm-bindgen", "--no-default-features"];
    install("wasm-bindgen-cli", &workspace::locked_version("wasm-bindgen")?, &one)
}

fn install(package: &str, version: &str, options: &[&str]) -> Result {
    let root = workspace::target().join("tools");
    // Cargo's own list of what it installed there.
    let installed = fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
    if installed.contains(&format!("\"{package} {version} ")) {
        println!("setup: {package} {version}: there");
        return Ok(());
    }
    println!("setup: {package} {version}: installing, some minutes");
    let install = |lock: &[&str]| {
        let mut command = cargo();
        command.args(["install", "--quiet", "--debug", "--version", version, "--root"]).arg(&root);
        // Built fast: these programs run for seconds.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_DEV_STRIP", "true");
        // What several of them stand on is built once.
        command.arg("--target-dir").arg(root.join("build"));
        run_quietly(command.args(options).args(lock).arg(package))
    };
    // A published lock file can name versions that a registry no longer offers, or not yet.
    install(&["--locked"]).or_else(|first| install(&[]).map_err(|second| format!("{first}\n{second}")))
}
