//! The rules of ARCHITECTURE.md that a machine can check: who depends on whom, and what is named where.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const HOSTS: [&str; 3] = ["host-native", "host-spin", "host-workers"];
const PLATFORM: [&str; 7] = ["getrandom", "js-sys", "libsql", "reqwest", "spin-sdk", "tokio", "worker"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Direct dependencies of every crate, without those of its tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names = |package: &Value| {
        let all = package["dependencies"].as_array().expect("dependencies").iter();
        let normal = all.filter(|dependency| dependency["kind"].is_null());
        normal.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages.map(|package| (package["name"].as_str().expect("a name").to_owned(), names(package))).collect()
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    found
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn only_hosts_and_test_tools_name_a_platform() {
    for (name, dependencies) in dependencies() {
        if HOSTS.contains(&name.as_str()) || ["testkit", "tests", "xtask"].contains(&name.as_str()) {
            continue;
        }
        for platform in PLATFORM {
            assert!(!dependencies.iter().any(|dependency| dependency == platform), "{name} depends on {platform}");
        }
    }
    // testkit's are behind its feature `native`, which no host's release build has.
    assert!(read("crates/testkit/Cargo.toml").contains("tokio = { workspace = true, optional = true }"));
}

#[test]
fn crates_depend_inwards_only() {
    let ours =
        ["domain", "ports", "adapters", "providers", "gateway", "testkit", "host-native", "host-spin", "host-workers"];
    let allowed: BTreeMap<&str, &[&str]> = [
        ("domain", &[] as &[&str]),
        ("ports", &["domain"]),
        ("providers", &["domain"]),
        ("adapters", &["domain", "ports"]),
        ("gateway", &["domain", "ports", "providers"]),
        ("testkit", &["domain", "ports"]),
    ]
    .into();
    let dependencies = dependencies();
    for (name, allowed) in allowed {
        for dependency in dependencies[name].iter().filter(|dependency| ours.contains(&dependency.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} depends on {dependency}");
        }
    }
    for (name, forbidden) in [
        ("domain", &["http", "serde", "serde_json", "async-trait", "futures-util", "bytes"][..]),
        ("ports", &["serde", "serde_json", "axum"]),
        ("providers", &["async-trait", "futures-util", "axum"]),
    ] {
        for dependency in &dependencies[name] {
            assert!(!forbidden.contains(&dependency.as_str()), "{name} depends on {dependency}");
        }
    }
}

#[test]
fn inside_the_gateway_dialects_call_services_and_services_call_stores() {
    for (folder, forbidden) in [
        ("crates/gateway/src/dialect", &["crate::store", "store::", "ports::Statement", "dialect::"][..]),
        ("crates/gateway/src/service", &["axum", "use http", "crate::http", "http::"]),
        ("crates/gateway/src/store", &["axum", "crate::service", "crate::http", "crate::run"]),
        ("crates/gateway/src/run", &["axum::extract", "crate::http", "crate::service", "crate::dialect"]),
    ] {
        for (path, text) in sources(folder) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                for word in forbidden {
                    assert!(!line.contains(word), "{} names {word}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn the_core_knows_no_target() {
    for folder in ["domain", "ports", "adapters", "providers", "gateway"] {
        for (path, text) in sources(&format!("crates/{folder}/src")) {
            for word in ["cfg(target_", "cfg(not(target_", "?Send", "SystemTime::now", "Instant::now"] {
                assert!(!text.contains(word), "{} says {word}", path.display());
            }
        }
    }
}

/// The names of settings in a text.
fn settings(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|word| word.starts_with("LITTORAL_") && word.len() > "LITTORAL_".len())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_setting_is_known_to_every_host_and_to_the_reader() {
    let mut text = read("crates/gateway/src/config.rs");
    for (path, source) in sources("crates/gateway/src/config") {
        if !path.ends_with("tests.rs") {
            text.push_str(&source);
        }
    }
    let names = settings(&text);
    assert!(names.len() > 20, "{names:?}");
    let (wrangler, spin, readme) = (read("wrangler.toml"), read("spin.toml"), read("README.md"));
    for name in names {
        assert!(wrangler.contains(&name), "wrangler.toml does not know {name}");
        assert_eq!(spin.matches(&format!("{} =", name.to_lowercase())).count(), 2, "spin.toml: {name}");
        assert!(readme.contains(&name), "README.md does not explain {name}");
    }
}

#[test]
fn manifests_and_locks_name_no_private_host() {
    for file in ["Cargo.lock", "tests/spin-host/Cargo.lock", "fuzz/Cargo.lock"] {
        for line in read(file).lines().filter(|line| line.starts_with("source = ")) {
            assert_eq!(line, "source = \"registry+https://github.com/rust-lang/crates.io-index\"", "{file}");
        }
    }
    for line in read("package-lock.json").lines().filter(|line| line.contains("\"resolved\"")) {
        assert!(line.contains("\"https://registry.npmjs.org/"), "{line}");
    }
}
