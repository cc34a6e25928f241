//! The black-box HTTP suite, against one host.

use std::process::Command;

use crate::{
    build::{self, BEHAVIOUR},
    command::{Result, cargo, run_tests},
    host::{Host, Variant},
    log_lines, secrets,
    servers::{self, Server},
    settings::{self, PROFILES, Profile},
    tally::Tally,
};

/// `cargo xtask conformance --host …`: builds the host, then runs the suite on it, or only what is for one profile.
pub fn command(host: Host, profile: Option<&str>) -> Result {
    let profile = profile.map(find).transpose()?;
    prepare(host)?;
    let mut tally = Tally::default();
    let result = match profile {
        Some(_) => promises(host, profile, &mut tally),
        None => run(host, &mut tally),
    };
    println!("{tally}");
    result
}

fn find(name: &str) -> Result<&'static Profile> {
    let names = || PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ");
    settings::profile(name).ok_or_else(|| format!("unknown profile `{name}`: expected {}", names()))
}

/// Builds the host as it ships, and where its ports exist only inside of it, once more with its test-only route.
pub fn prepare(host: Host) -> Result {
    match host {
        Host::InProcess => Ok(()),
        Host::Native => build::native(),
        Host::Workers => build::workers(Some(BEHAVIOUR)).and_then(|()| build::workers(None)),
        Host::Spin => build::spin(Some(BEHAVIOUR)).and_then(|()| build::spin(None)).and_then(|()| build::spin_host()),
    }
}

/// Runs the suite on the host, then for each profile the tests that are for it, then the behaviour suites of the ports inside.
/// What fails does not stop the rest. In process every test has the settings that it asks for.
pub fn run(host: Host, tally: &mut Tally) -> Result {
    if host == Host::InProcess {
        return run_tests(&mut suite("suite"), tally);
    }
    let mut result = promises(host, None, tally);
    for profile in PROFILES {
        result = result.and(promises(host, Some(profile), tally));
    }
    if host.has_inner_ports() {
        let mut inside = suite("behaviour");
        inside.args(["--test", "faults"]);
        result = result.and(on(host, Variant::Behaviour, None, &mut inside, tally));
    }
    result
}

/// The part of the suite that is for these settings: in modules of the profile's name, or in those of none.
fn promises(host: Host, profile: Option<&Profile>, tally: &mut Tally) -> Result {
    let mut suite = suite("suite");
    suite.arg("--");
    if let Some(profile) = profile {
        suite.arg(profile.module());
    } else {
        suite.args(PROFILES.iter().flat_map(|profile| ["--skip".to_owned(), profile.module()]));
    }
    if host == Host::InProcess {
        return run_tests(&mut suite, tally);
    }
    let result = on(host, Variant::Shipped, profile, &mut suite, tally);
    result.map_err(|problem| profile.map_or(problem.clone(), |profile| format!("profile {}: {problem}", profile.name)))
}

/// Starts the host and a provider for it, and runs tests on them.
fn on(host: Host, variant: Variant, profile: Option<&Profile>, tests: &mut Command, tally: &mut Tally) -> Result {
    let upstream = servers::upstream()?;
    let server = servers::host(host, variant, upstream.url(), profile)?;
    against(&server, &upstream, host, profile, tests, tally)
}

/// Runs the part of the suite whose names hold one of these words on a native host that was started with the suite's settings.
pub fn part(server: &Server, upstream: &Server, words: &[&str], tally: &mut Tally) -> Result {
    let mut suite = suite("suite");
    suite.arg("--").args(words).args(PROFILES.iter().flat_map(|profile| ["--skip".to_owned(), profile.module()]));
    against(server, upstream, Host::Native, None, &mut suite, tally)
}

/// Runs tests on a host and its provider, which they learn of through `BASE_URL`, `UPSTREAM_URL`, `HOST_KIND` and `HOST_PROFILE`.
/// Last, the host's log is read: it holds whole lines and no secrets.
fn against(
    server: &Server,
    upstream: &Server,
    host: Host,
    profile: Option<&Profile>,
    tests: &mut Command,
    tally: &mut Tally,
) -> Result {
    tests.env("BASE_URL", server.url()).env("UPSTREAM_URL", upstream.url()).env("HOST_KIND", host.name());
    tests.env("HOST_PROFILE", profile.map_or("", |profile| profile.name));
    let mut ran = Tally::default();
    let mut result = run_tests(tests, &mut ran);
    if result.is_ok() && ran.passed == 0 {
        ran.failed = 1;
        result = Err("no test is for these settings".into());
    }
    tally.add(ran);
    // Whatever the tests did, the log may not tell.
    result.and(secrets::look_for(server.log(), tally)).and(log_lines::demand_whole(server.log(), tally))
}

fn suite(test: &str) -> Command {
    let mut suite = cargo();
    suite.args(["test", "--package", "tests", "--test", test, "--no-fail-fast"]);
    suite
}
