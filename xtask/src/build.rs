//! Building the hosts.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{Result, cargo, run},
    setup,
    stamp::Stamp,
    workspace,
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

/// The Workers script, where `wrangler.toml` expects it, or in `build/<features>/workers`. Nothing but Cargo runs when that
/// changed nothing.
pub fn workers(features: Option<&str>) -> Result {
    setup::workers()?;
    // wrangler says which of its commands builds. What is only tried must be there soon; a deployment is small.
    let quick = features.is_some() || env::var_os("WRANGLER_COMMAND").is_some_and(|command| command == "dev");
    let profile = if quick { "wasm-quick" } else { "wasm-script" };
    let features: Vec<&str> = features.map(|features| ["--features", features]).into_iter().flatten().collect();
    let mut compile = cargo();
    compile.args(["build", "--profile", profile, "--target", "wasm32-unknown-unknown", "--package", "host-workers"]);
    // As worker-build does it, which then finds it done.
    run(compile.arg("--lib").args(&features).env("WASM_BINDGEN_USE_JS_SYS", "1"))?;

    let folder = features.last().map_or_else(|| "build/workers".into(), |features| format!("build/{features}/workers"));
    let compiled = workspace::target().join("wasm32-unknown-unknown").join(profile).join("host_workers.wasm");
    let stamp = Stamp::of(&compiled, &workspace::root().join(&folder).join("index.js"))?;
    if stamp.is_current() {
        println!("build: {folder}: nothing has changed");
        return Ok(());
    }
    let mut build = Command::new(workspace::cargo_program("worker-build"));
    // The folder is relative to the crate: worker-build wants it so.
    build.current_dir(workspace::root().join("crates/host-workers"));
    build.args(["--profile", profile, "--no-opt", "--out-dir", &format!("../../{folder}")]);
    build.args(&features).env("PATH", workspace::search_path()?);
    // Given these, it downloads nothing.
    build.env("WASM_BINDGEN_BIN", workspace::cargo_program("wasm-bindgen"));
    build.env("ESBUILD_BIN", workspace::npm_program("esbuild"));
    run(&mut build)?;
    if !quick {
        optimize(&workspace::root().join(&folder).join("index_bg.wasm"))?;
    }
    stamp.write()
}

/// What wasm-opt may use. The first is what wasm-bindgen's wrappers of imports that throw are made of, and which no section of the
/// file announces; the others are those of the target. Nothing newer: workerd must read it.
const FEATURES: [&str; 7] = [
    "--enable-exception-handling",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Runs wasm-opt on a file. (worker-build would keep the names of all functions, a seventh of the compressed size.)
fn optimize(wasm: &Path) -> Result {
    let mut optimize = Command::new(workspace::npm_program("wasm-opt"));
    optimize.env("PATH", workspace::search_path()?).arg("-O").args(FEATURES).arg(wasm).arg("-o").arg(wasm);
    run(&mut optimize)
}

/// The Spin component, where `spin.toml` expects it, or in `build/<features>/host_spin.wasm`.
pub fn spin(features: Option<&str>) -> Result {
    setup::spin()?;
    let mut build = cargo();
    // What ships is small; what is only tested is built quickly.
    let profile = if features.is_some() { "wasm-quick" } else { "wasm" };
    build.args(["build", "--profile", profile, "--target", "wasm32-wasip2", "--package", "host-spin"]);
    run(build.args(features.map(|features| ["--features", features]).into_iter().flatten()))?;
    let Some(features) = features else { return Ok(()) };
    let folder = workspace::root().join("build").join(features);
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(quick_component(), folder.join("host_spin.wasm")).map(drop))
        .map_err(|error| format!("{}: {error}", folder.display()))
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
    run(&mut in_spin_host("build"))
}

/// Cargo in the test host's workspace, which is its own.
pub fn in_spin_host(command: &str) -> Command {
    let folder = workspace::root().join("tests/spin-host");
    let mut cargo = cargo();
    cargo.current_dir(&folder).args([command, "--target-dir"]).arg(folder.join("target"));
    cargo
}
