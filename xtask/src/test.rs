//! `cargo xtask test`: everything there is to check, and one closing line. A step that fails does not stop the others.

use std::process::ExitCode;

use crate::{
    build,
    command::{cargo, run, run_tests},
    conformance,
    host::Host,
    report::Report,
    setup, size,
};

/// Runs it all and prints the closing line.
pub fn everything() -> ExitCode {
    let mut report = Report::default();
    report.step("setup", setup::all);
    report.step("format", || run(cargo().args(["fmt", "--all", "--check"])));
    report.step("lint", || run(cargo().args(["clippy", "--all-targets", "--", "-D", "warnings"])));
    report.tests("unit and in-process tests", |tally| run_tests(cargo().args(["test", "--no-fail-fast"]), tally));
    for host in [Host::Native, Host::Workers, Host::Spin] {
        let name = format!("conformance on {host}");
        if report.step(&format!("build {host}"), || conformance::prepare(host)) {
            report.tests(&name, |tally| conformance::run(host, tally));
        } else {
            report.skip(&name, "its build failed");
        }
    }
    report.tests("tests of the Spin test host", |tally| run_tests(&mut build::in_spin_host("test"), tally));
    report.step("size", size::print);
    report.close()
}
