//! Automation in Rust: sets the tools up, builds the three hosts, tests them and measures them.
//!
//! What a command does is in the module of its name; this file reads the command line.
#![expect(clippy::disallowed_methods, reason = "this program times its own steps")]

mod bench;
mod build;
mod command;
mod conformance;
mod container;
mod host;
mod log_lines;
mod report;
mod secrets;
mod servers;
mod settings;
mod setup;
mod size;
mod stamp;
mod tally;
mod test;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup [WHAT]                 what building takes, WHAT: native (nothing), spin (a Wasm target), workers (a Wasm target,
                               npm tools, worker-build and wasm-bindgen) or all (default); what is there already is kept
  build [WHAT] [--features F]  WHAT: native, workers, spin, spin-host or all (default); F goes to workers and spin,
                               whose result then goes to build/F; under `wrangler dev`, workers is built quickly
  test                         everything: style, unit tests, builds, all hosts, sizes
  conformance --host HOST [--profile P]
                               the HTTP suite; HOST: in-process, native, workers or spin; P: only what is tested with
                               the settings of this profile
  container [--root FOLDER]    builds the files of the container image and tries them in an empty root, or lays them out
                               in FOLDER; needs musl-gcc
  size                         the compressed sizes of the Workers script and the Spin component
  bench [--quick] [--only W]   what the product adds to calling the provider, as tables; W: native or workers
  timing                       whether the time of an answer tells that an address is known
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["setup", rest @ ..] => setup::command(rest),
        ["build", rest @ ..] => build::command(rest),
        ["test"] => return test::everything(),
        ["conformance", "--host", host] => host.parse().and_then(|host| conformance::command(host, None)),
        ["conformance", "--host", host, "--profile", profile] => {
            host.parse().and_then(|host| conformance::command(host, Some(profile)))
        }
        ["container", rest @ ..] => container::command(rest),
        ["size"] => size::print(),
        ["bench", rest @ ..] => bench::command(rest),
        ["timing"] => bench::timing::command(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("unknown command `{}`\n\n{USAGE}", arguments.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
