//! The Worker's script under `workerd serve`, next to two scripts of ten lines in the same process: one answers a constant, one
//! passes the request on to the provider. Never under `wrangler dev`, which would measure its own proxy.

mod config;
mod logins;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Scale,
    client::request,
    compare::{Row, Target, compare},
    native::littoral,
    process::{Process, free_address},
    scripts::{self, SHORT, SIGN, direct, through},
    table::{markdown, verdict},
};
use crate::{command::Result, workspace};

/// Connections under load.
const MANY: usize = 32;

/// Measures all of it.
pub fn report(folder: &Path, scale: Scale) -> Result<String> {
    let upstream = scripts::upstream()?;
    let tokens = {
        // Registering takes the database, which is what plain workerd has not. The native host signs with the same keys.
        let native = littoral::start(&littoral::folder(folder, "tokens")?, upstream.address)?;
        littoral::register(&native, MANY)?
    };
    let places = config::Places {
        littoral: free_address()?,
        constant: free_address()?,
        pass_through: free_address()?,
        upstream: upstream.address,
    };
    let folder = littoral::folder(folder, "workerd")?;
    config::write(&folder, &places)?;
    eprintln!("bench: Worker, a storm of logins");
    // In a process of its own: what replies leave behind would hide what logins take.
    let storm = logins::report(&serve(&folder, places.littoral)?)?;
    let workerd = serve(&folder, places.littoral)?;

    let token = tokens.first().map(String::as_str);
    let public = |address: SocketAddr, path: &str, token: Option<&str>, status: u16, sign: &'static str| Target {
        address,
        requests: vec![request("GET", path, token, "")],
        status,
        sign,
    };
    let json = |address: SocketAddr, requests: Vec<Vec<u8>>| Target { address, requests, status: 200, sign: SIGN };
    let complete = tokens.iter().map(|token| through(SHORT, false, token)).collect();
    let cases = [
        ("upstream itself", json(upstream.address, vec![direct(SHORT, false)])),
        ("a constant", public(places.constant, "/", None, 200, "ok")),
        ("pass-through to the upstream", json(places.pass_through, vec![direct(SHORT, false)])),
        ("Littoral: `GET /api/v1/health`", public(places.littoral, "/api/v1/health", None, 200, "")),
        (
            "Littoral: 401 of `GET /api/v1/auth/me`",
            public(places.littoral, "/api/v1/auth/me", None, 401, "not_authenticated"),
        ),
        (
            "Littoral: signed in, 404 of `GET /api/v1/runs/none`",
            public(places.littoral, "/api/v1/runs/none", token, 404, "not_found"),
        ),
        ("Littoral: `POST /api/v1/ai/complete`", json(places.littoral, complete)),
    ];
    let targets: Vec<Target> = cases.iter().map(|(_, target)| target.clone()).collect();
    eprintln!("bench: Worker, 1 connection");
    let one = compare(&targets, 1, scale, &[&workerd])?;
    eprintln!("bench: Worker, {MANY} connections");
    let many = compare(&targets, MANY, scale, &[&workerd])?;
    let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
    Ok(introduction() + &table(&names, &one, &many) + &storm)
}

fn serve(folder: &Path, address: SocketAddr) -> Result<Process> {
    let mut program = Command::new(binary()?);
    program.current_dir(folder).args(["serve", config::FILE]);
    Process::start(&mut program, address, "/api/v1/health")
}

/// The program itself: npm's command of this name may be a script that starts it.
fn binary() -> Result<PathBuf> {
    let packages = workspace::root().join("node_modules/@cloudflare");
    let entries = fs::read_dir(&packages).map_err(|error| format!("{}: {error}", packages.display()))?;
    let mut programs = entries.filter_map(|entry| Some(entry.ok()?.path().join("bin/workerd")));
    programs.find(|path| path.is_file()).ok_or_else(|| "no workerd in node_modules: run `cargo xtask setup`".into())
}

fn introduction() -> String {
    let version = binary().ok().and_then(|path| Command::new(path).arg("--version").output().ok());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!(
        "## Worker, under `workerd serve` ({version})\n\nOne process serves the script of `cargo xtask build workers` and the two scripts that it is \
         compared with. Durable Objects are workerd's own, kept on disk. Workers KV is an empty stub and D1 a stub that takes \
         every statement and keeps nothing, since workerd has neither without wrangler's shims: what a database takes is not measured \
         here. `ai/complete` checks the token (KV), takes from the rate limit (one Durable Object), reserves in the ledger (D1), and runs \
         in a Durable Object of its own that asks the upstream and settles (D1).\n\n"
    )
}

fn table(names: &[&str], one: &[Row], many: &[Row]) -> String {
    let base = |index: usize| (&one[index], &many[index]);
    let rows: Vec<_> = (0..names.len().min(one.len()).min(many.len()))
        .map(|index| {
            let (one, many) = base(index);
            let ratio = |to: usize| {
                let (first, load) = base(to);
                let (latency, rate) = (one.p50.over(&first.p50), load.rate.over(&many.rate));
                (format!("{latency} / {rate}"), latency.median().max(rate.median()))
            };
            let (constant, passed) = (ratio(1), ratio(2));
            let is_ours = names[index].starts_with("Littoral");
            [
                names[index].to_owned(),
                format!("{} / {}", one.p50, one.p99),
                one.rate.to_string(),
                many.rate.to_string(),
                many.cpu.first().map(ToString::to_string).unwrap_or_default(),
                constant.0,
                passed.0,
                if is_ours { verdict(passed.1 <= 1.5) } else { String::new() },
            ]
        })
        .collect();
    let head = [
        "",
        "p50 / p99, ms, 1 connection",
        "a second, 1 connection",
        "a second, 32 connections",
        "processor time of workerd at 32, µs",
        "cost to the constant, 1 / 32 connections",
        "cost to the pass-through",
        "line: at most 1.5 × the pass-through",
    ];
    markdown(head, &rows)
}
