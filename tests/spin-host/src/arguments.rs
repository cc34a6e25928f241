//! The command line. What the options mean is up to the modules that take them.

use std::{collections::BTreeMap, path::PathBuf};

use wasmtime::{Result, bail, error::Context as _, format_err};

const USAGE: &str = "usage: spin-host --manifest SPIN_TOML --listen ADDRESS:PORT \
    [--state-dir DIR] [--variable NAME=VALUE]... [--component-wasm FILE]";

/// What the program was asked to do.
#[derive(Debug)]
pub struct Arguments {
    /// The `spin.toml` to serve.
    pub manifest: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: String,
    /// Where databases and stores live. Without it they are in memory and end with the program.
    pub state_dir: Option<PathBuf>,
    /// Values of application variables, stronger than the environment and the defaults.
    pub variables: BTreeMap<String, String>,
    /// A component to serve in place of the one that the manifest names.
    pub component_wasm: Option<PathBuf>,
}

impl Arguments {
    /// Reads the arguments, without the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut manifest = None;
        let mut listen = None;
        let mut state_dir = None;
        let mut variables = BTreeMap::new();
        let mut component_wasm = None;

        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format_err!("{option} needs a value\n{USAGE}"));
            match option.as_str() {
                "--manifest" => manifest = Some(value()?.into()),
                "--listen" => listen = Some(value()?),
                "--state-dir" => state_dir = Some(value()?.into()),
                "--component-wasm" => component_wasm = Some(value()?.into()),
                "--variable" => {
                    let pair = value()?;
                    let (name, value) =
                        pair.split_once('=').with_context(|| format!("--variable {pair}: expected NAME=VALUE"))?;
                    variables.insert(name.to_owned(), value.to_owned());
                }
                _ => bail!("unknown option {option}\n{USAGE}"),
            }
        }

        Ok(Self {
            manifest: manifest.with_context(|| format!("--manifest is missing\n{USAGE}"))?,
            listen: listen.with_context(|| format!("--listen is missing\n{USAGE}"))?,
            state_dir,
            variables,
            component_wasm,
        })
    }
}
