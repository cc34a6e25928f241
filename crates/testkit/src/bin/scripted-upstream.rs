//! The scripted upstream as a program, for tests of hosts that run in another process and for benchmarks. Everything it
//! does is in `testkit::upstream`.

use std::io::Write as _;
use std::process::ExitCode;

use testkit::upstream::Upstream;

const USAGE: &str = "usage: scripted-upstream [--listen ADDRESS:PORT]   (default 127.0.0.1:0, a free port)";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("scripted-upstream: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut address = "127.0.0.1:0".to_owned();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--listen" => address = arguments.next().ok_or(USAGE)?,
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(());
            }
            other => return Err(format!("unknown argument `{other}`\n{USAGE}")),
        }
    }
    let upstream = Upstream::listen(&address)
        .map_err(|error| format!("cannot listen on {address}: {error}; give a free address with --listen"))?;
    println!("listening on {}", upstream.url());
    // Whoever started the program reads this line through a pipe.
    std::io::stdout().flush().map_err(|error| format!("cannot print the address: {error}"))?;
    // The server has threads of its own; a signal ends the program.
    loop {
        std::thread::park();
    }
}
