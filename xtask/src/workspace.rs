//! Where things are: folders, programs and versions of this workspace.

use std::{env, ffi::OsString, fs, path::PathBuf};

use crate::command::Result;

/// The folder of the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, PathBuf::from)
}

/// Cargo's output folder.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The folder of a host's files while it is tested, emptied by whoever starts the host.
pub fn scratch(name: &str) -> PathBuf {
    target().join("conformance").join(name)
}

/// A program that npm delivered. Its interpreter is found by [`search_path`].
pub fn npm_program(name: &str) -> PathBuf {
    root().join("node_modules/.bin").join(name)
}

/// A program that `cargo install` put into this workspace.
pub fn cargo_program(name: &str) -> PathBuf {
    target().join("tools/bin").join(name)
}

/// `PATH` with npm's programs in front: among them the Node that wrangler needs, which may be newer than the system's.
pub fn search_path() -> Result<OsString> {
    let system = env::var_os("PATH").unwrap_or_default();
    let npm = root().join("node_modules/.bin");
    env::join_paths(std::iter::once(npm).chain(env::split_paths(&system))).map_err(|error| format!("PATH: {error}"))
}

/// The version of a package in `Cargo.lock`.
pub fn locked_version(package: &str) -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    version_in(&lock, package).ok_or_else(|| format!("Cargo.lock has no package `{package}`"))
}

fn version_in(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"worker-macros\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"worker\"\nversion = \"0.8.7\"\n";
        assert_eq!(version_in(lock, "worker").as_deref(), Some("0.8.7"));
        assert_eq!(version_in(lock, "work"), None);
    }
}
