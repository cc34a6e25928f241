//! The black-box HTTP suite, against one host.

use std::process::Command;

use crate::{
    build::{self, BEHAVIOUR},
    command::{Result, cargo, run_tests},
    host::{Host, Variant},
    secrets, servers,
    tally::Tally,
};

/// `cargo xtask conformance --host …`: builds the host, then runs the suite on it.
pub fn command(host: Host) -> Result {
    prepare(host)?;
    let mut tally = Tally::default();
    let result = run(host, &mut tally);
    println!("{tally}");
    result
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

/// Starts the host and a provider for it, and runs the suite on them; then the behaviour suites of the ports inside. The
/// tests learn of them through `BASE_URL`, `UPSTREAM_URL` and `HOST_KIND`; without these they run in process. Last, the host's log is searched for secrets.
pub fn run(host: Host, tally: &mut Tally) -> Result {
    if host == Host::InProcess {
        return run_tests(&mut suite("suite"), tally);
    }
    let on = |variant, test: &str, tally: &mut Tally| {
        let upstream = servers::upstream()?;
        let server = servers::host(host, variant, upstream.url())?;
        let mut suite = suite(test);
        suite.env("BASE_URL", server.url()).env("UPSTREAM_URL", upstream.url()).env("HOST_KIND", host.name());
        let result = run_tests(&mut suite, tally);
        // Whatever the tests did, the log may not tell.
        result.and(secrets::look_for(server.log(), tally))
    };
    let promises = on(Variant::Shipped, "suite", tally);
    let ports = if host.has_inner_ports() { on(Variant::Behaviour, "behaviour", tally) } else { Ok(()) };
    promises.and(ports)
}

fn suite(test: &str) -> Command {
    let mut suite = cargo();
    suite.args(["test", "--package", "tests", "--test", test, "--no-fail-fast"]);
    suite
}
