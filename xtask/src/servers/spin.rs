//! The Spin host: the real `spin` where there is one, else the test host that serves the same component.

use std::{env, fs, path::PathBuf, process::Command};

use super::Place;
use crate::{build::BEHAVIOUR, command::Result, host::Variant, settings, workspace};

/// Serves the component.
pub fn command(variant: Variant, place: &Place<'_>) -> Result<Command> {
    let manifest = match variant {
        Variant::Shipped => workspace::root().join("spin.toml"),
        Variant::Behaviour => manifest()?,
    };
    let listen = format!("127.0.0.1:{}", place.port);
    let mut program = if let Some(spin) = spin() {
        println!("spin: {}", spin.display());
        let mut program = Command::new(spin);
        program.arg("up").arg("--from").arg(&manifest);
        program
    } else {
        println!("spin: no SPIN_BIN and no `spin` on the PATH; the component runs in tests/spin-host");
        let mut program = Command::new(workspace::root().join("tests/spin-host/target/debug/spin-host"));
        program.arg("--manifest").arg(&manifest);
        program
    };
    program.args(["--listen", &listen, "--state-dir"]).arg(&place.state);
    let mut settings = settings::for_tests(place.url, place.upstream, place.profile);
    // Spin asks before it lets a component out.
    settings.insert("LITTORAL_OUTBOUND_HOST", place.upstream.to_owned());
    for (name, value) in settings {
        program.args(["--variable", &format!("{}={value}", name.to_lowercase())]);
    }
    Ok(program)
}

fn spin() -> Option<PathBuf> {
    let on_path = || env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join("spin")).find(|path| path.is_file());
    env::var_os("SPIN_BIN").map(PathBuf::from).or_else(on_path)
}

/// A copy of `spin.toml` that names the component with the test-only routes. It lies beside the original: Spin takes paths
/// relative to the manifest, and no files from outside its folder.
fn manifest() -> Result<PathBuf> {
    let original = workspace::root().join("spin.toml");
    let text = fs::read_to_string(&original).map_err(|error| format!("{}: {error}", original.display()))?;
    let copy = workspace::root().join(format!("spin.{BEHAVIOUR}.toml"));
    fs::write(&copy, adapted(&text)).map_err(|error| format!("{}: {error}", copy.display()))?;
    Ok(copy)
}

fn adapted(text: &str) -> String {
    let source = format!("source = \"build/{BEHAVIOUR}/host_spin.wasm\"");
    let lines = text.lines().map(|line| if line.starts_with("source = ") { source.as_str() } else { line });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::adapted;

    #[test]
    fn the_copy_names_another_component_and_the_same_files() {
        let text = "source = \"target/a.wasm\"\nfiles = [{ source = \"crates/a\", destination = \"/a\" }]\n";
        let copy =
            "source = \"build/behaviour/host_spin.wasm\"\nfiles = [{ source = \"crates/a\", destination = \"/a\" }]\n";
        assert_eq!(adapted(text), copy);
    }
}
