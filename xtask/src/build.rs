//! Building the hosts.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    command::{Result, cargo, run},
    setup, workspace,
};

/// The feature that adds the test-only routes to the Wasm hosts.
pub const BEHAVIOUR: &str = "behaviour";

/// `cargo xtask build …`.
pub fn command(arguments: &[&str]) -> Result {
    let (what, features) = match arguments {
        [] => ("all", None),
        ["--features", features] => ("all", Some(*features)),
        [what] => (*what, None),
        [what, "--features", features] => (*what, Some(*features)),
        _ => return Err("usage: cargo xtask build [native|workers|spin|spin-host|all] [--features F]".into()),
    };
    match what {
        "native" => native(),
        "workers" => workers(features),
        "spin" => spin(features),
        "spin-host" => spin_host(),
        "all" => native().and_then(|()| workers(features)).and_then(|()| spin(features)).and_then(|()| spin_host()),
        _ => Err(format!("unknown build `{what}`: expected native, workers, spin, spin-host or all")),
    }
}

/// The `littoral` program.
pub fn native() -> Result {
    run(cargo().args(["build", "--release", "--package", "host-native"]))
}

/// The Workers script, where `wrangler.toml` expects it, or in `build/<features>/workers`.
pub fn workers(features: Option<&str>) -> Result {
    setup::workers()?;
    let mut build = Command::new(workspace::cargo_program("worker-build"));
    build.current_dir(workspace::root().join("crates/host-workers")).args([
        "--profile",
        profile(features),
        "--out-dir",
    ]);
    // Relative to the crate: worker-build wants it so.
    build.arg(features.map_or_else(|| "../../build/workers".into(), |f| format!("../../build/{f}/workers")));
    build.args(features.map(|features| ["--features", features]).into_iter().flatten());
    build.env("PATH", workspace::search_path()?);
    // Given these, it downloads nothing.
    build.env("WASM_BINDGEN_BIN", workspace::cargo_program("wasm-bindgen"));
    build.env("ESBUILD_BIN", workspace::npm_program("esbuild")).env("WASM_OPT_BIN", workspace::npm_program("wasm-opt"));
    run(&mut build)
}

/// The Spin component, where `spin.toml` expects it, or in `build/<features>/host_spin.wasm`.
pub fn spin(features: Option<&str>) -> Result {
    setup::spin()?;
    let mut build = cargo();
    build.args(["build", "--profile", profile(features), "--target", "wasm32-wasip2", "--package", "host-spin"]);
    run(build.args(features.map(|features| ["--features", features]).into_iter().flatten()))?;
    let Some(features) = features else { return Ok(()) };
    let folder = workspace::root().join("build").join(features);
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(quick_component(), folder.join("host_spin.wasm")).map(drop))
        .map_err(|error| format!("{}: {error}", folder.display()))
}

/// What ships is small; what is only tested is built quickly.
fn profile(features: Option<&str>) -> &'static str {
    if features.is_some() { "wasm-quick" } else { "wasm" }
}

fn quick_component() -> PathBuf {
    workspace::target().join("wasm32-wasip2/wasm-quick/host_spin.wasm")
}

/// Where Cargo puts the Spin component.
pub fn component() -> PathBuf {
    workspace::target().join("wasm32-wasip2/wasm/host_spin.wasm")
}

/// The program that serves the Spin component where there is no `spin`.
pub fn spin_host() -> Result {
    let folder = workspace::root().join("tests/spin-host");
    run(cargo().current_dir(&folder).args(["build", "--target-dir"]).arg(folder.join("target")))
}
