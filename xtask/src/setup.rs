//! Setting the tools up. Every step looks first and does nothing when there is nothing to do.

mod cargo_tools;
pub mod musl;
mod npm;
mod wasm_targets;

use crate::command::Result;

/// `cargo xtask setup …`.
pub fn command(arguments: &[&str]) -> Result {
    match arguments {
        [] | ["all"] => all(),
        ["native"] => {
            println!("setup: native: nothing but Rust and a C compiler");
            Ok(())
        }
        ["workers"] => workers(),
        ["spin"] => spin(),
        _ => Err("usage: cargo xtask setup [native|workers|spin|all]".into()),
    }
}

/// Everything that any command needs.
pub fn all() -> Result {
    spin()?;
    workers()
}

/// What building and serving the Workers host takes.
pub fn workers() -> Result {
    wasm_targets::ready("wasm32-unknown-unknown")?;
    npm::ready()?;
    cargo_tools::ready()
}

/// What building the Spin component takes.
pub fn spin() -> Result {
    wasm_targets::ready("wasm32-wasip2")
}
