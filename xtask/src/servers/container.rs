//! The program of the container image, alone in its root.

use std::{path::Path, process::Command};

use super::Place;
use crate::{command::Result, container::Image, settings};

/// The program with this root, as the image's user, in a namespace where that takes no rights of ours. It gets the image's
/// environment and the suite's settings, and nothing of our own environment.
pub fn command(root: &Path, place: &Place<'_>) -> Result<Command> {
    let Image { environment, user: (user, group), program } = Image::read()?;
    let mut command = Command::new("env");
    command.arg("-i").args(environment.iter().map(|(name, value)| format!("{name}={value}")));
    let settings = settings::for_tests(place.url, place.upstream, place.profile);
    command.args(settings.iter().map(|(name, value)| format!("{name}={value}")));
    // The image listens on all addresses, and a port of its own is the engine's to map.
    command.arg(format!("LITTORAL_LISTEN=127.0.0.1:{}", place.port));
    command.args(["unshare", "--user"]).arg(format!("--map-user={user}")).arg(format!("--map-group={group}"));
    command.arg(format!("--root={}", root.display())).args(["--wd=/", &program]);
    Ok(command)
}
