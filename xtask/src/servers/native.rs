//! The native host.

use std::process::Command;

use super::Place;
use crate::{settings, workspace};

/// The `littoral` program with a data folder of its own.
pub fn command(place: &Place<'_>) -> Command {
    let mut program = Command::new(workspace::target().join("release/littoral"));
    program.envs(settings::for_tests(place.url, place.upstream, place.profile));
    program.env("LITTORAL_LISTEN", format!("127.0.0.1:{}", place.port)).env("LITTORAL_DATA_DIR", &place.state);
    program
}
