//! The black-box HTTP suite, against one host.

use crate::{
    build::{self, BEHAVIOUR},
    command::{Result, cargo, run_tests},
    host::Host,
    servers,
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

/// Builds the host with its test-only routes.
pub fn prepare(host: Host) -> Result {
    match host {
        Host::InProcess => Ok(()),
        Host::Native => build::native(),
        Host::Workers => build::workers(Some(BEHAVIOUR)),
        Host::Spin => build::spin(Some(BEHAVIOUR)).and_then(|()| build::spin_host()),
    }
}

/// Starts the host and a provider for it, and runs the suite on them. The suite learns of them through `BASE_URL` and
/// `UPSTREAM_URL`; without these it runs in process.
pub fn run(host: Host, tally: &mut Tally) -> Result {
    let mut suite = cargo();
    suite.args(["test", "--package", "tests", "--no-fail-fast"]);
    if host == Host::InProcess {
        return run_tests(&mut suite, tally);
    }
    let upstream = servers::upstream()?;
    let server = servers::host(host, upstream.url())?;
    suite.env("BASE_URL", server.url()).env("UPSTREAM_URL", upstream.url());
    run_tests(&mut suite, tally)
}
