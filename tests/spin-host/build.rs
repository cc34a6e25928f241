//! Points the binding generator at the WIT files of Spin, which the `spin-sdk` crate carries.

use std::{env, fs, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");

    let wit = spin_sdk().join("wit");
    // A folder that has gone since counts as changed, and is then fetched again.
    println!("cargo::rerun-if-changed={}", wit.display());
    let bindings = BINDINGS.replace("@WIT@", &format!("{:?}", wit.display().to_string()));
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("bindings.rs"), bindings).expect("OUT_DIR can be written");
}

/// The generator takes its path from a literal only, so the call itself is generated.
const BINDINGS: &str = r#"
wasmtime::component::bindgen!({
    path: @WIT@,
    inline: "
        package littoral:spin-host;
        world spin-imports {
            import spin:sqlite/sqlite@3.1.0;
            import spin:key-value/key-value@3.0.0;
            import spin:variables/variables@3.0.0;
        }
    ",
    world: "littoral:spin-host/spin-imports",
    imports: { default: trappable },
    with: {
        "spin:sqlite/sqlite.connection": crate::sqlite::Connection,
        "spin:key-value/key-value.store": crate::key_value::Store,
    },
});
"#;

/// The folder of the locked `spin-sdk`. Asking for the metadata of all platforms downloads what is not there yet.
fn spin_sdk() -> std::path::PathBuf {
    let cargo = env::var_os("CARGO").expect("cargo sets CARGO");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(folder)
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));

    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON");
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "spin-sdk")
        .and_then(|package| package["manifest_path"].as_str())
        .and_then(|manifest| Path::new(manifest).parent())
        .expect("Cargo.lock names spin-sdk")
        .to_owned()
}
