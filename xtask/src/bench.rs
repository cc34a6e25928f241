//! `cargo xtask bench`: what the product adds to calling the provider directly, natively and as a Worker, next to the lines
//! that it is to beat. It prints Markdown and checks nothing: a figure depends on the machine, and no test does.

mod client;
mod compare;
mod figures;
mod load;
mod native;
mod process;
mod scripts;
mod table;
pub mod timing;
mod workers;

use std::{
    fmt::Write as _,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    build,
    command::{Result, cargo, run},
    workspace,
};

/// How thoroughly it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Turns of each target.
    pub rounds: u32,
    /// One turn.
    pub length: Duration,
    /// Before each turn.
    pub rest: Duration,
    /// Streams that are held open.
    pub streams: usize,
    /// Starts that are timed.
    pub starts: u32,
}

const FULL: Scale = Scale {
    rounds: 5,
    length: Duration::from_millis(1_500),
    rest: Duration::from_millis(100),
    streams: 1_000,
    starts: 10,
};

const QUICK: Scale =
    Scale { rounds: 3, length: Duration::from_millis(400), rest: Duration::from_millis(50), streams: 1_000, starts: 3 };

/// `cargo xtask bench …`.
pub fn command(arguments: &[&str]) -> Result {
    let (mut scale, mut native, mut workers) = (FULL, true, true);
    let mut rest = arguments;
    loop {
        rest = match rest {
            [] => break,
            ["--quick", rest @ ..] => {
                scale = QUICK;
                rest
            }
            ["--only", "native", rest @ ..] => {
                workers = false;
                rest
            }
            ["--only", "workers", rest @ ..] => {
                native = false;
                rest
            }
            _ => return Err("usage: cargo xtask bench [--quick] [--only native|workers]".into()),
        };
    }
    if cfg!(debug_assertions) {
        // The load generator must not be what is measured.
        run(cargo().args(["build", "--quiet", "--release", "--package", "xtask"]))?;
        return run(Command::new(workspace::target().join("release/xtask")).arg("bench").args(arguments));
    }
    run(cargo().args(["build", "--release", "--package", "testkit", "--bin", "scripted-upstream"]))?;
    build::native()?;
    if workers {
        build::workers(None)?;
    }
    let folder = workspace::target().join("bench");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (started, mut report) = (Instant::now(), introduction(scale));
    if native {
        report += &native::report(&folder, scale)?;
    }
    if workers {
        report += &workers::report(&folder, scale)?;
    }
    println!("{report}\nmeasured in {:.0} s", started.elapsed().as_secs_f64());
    let _ = fs::remove_dir_all(&folder);
    let path = workspace::target().join("bench.md");
    fs::write(&path, report).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("also in {}", path.display());
    Ok(())
}

fn introduction(scale: Scale) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let mut text = String::from("# Benchmark\n\n");
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{cores} cores, shared by the load generator, the scripted upstream and what is measured; loopback; kept-alive \
         connections with `TCP_NODELAY`. The targets take turns in {} rounds of {} s each, direct first. Figures are medians \
         of the rounds with the least and the greatest; what is added is taken round by round.\n",
        scale.rounds,
        scale.length.as_secs_f64()
    );
    text
}
