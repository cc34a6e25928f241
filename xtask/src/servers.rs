//! Servers as child processes: the three hosts and the scripted upstream. Each ends when its [`Server`] is dropped.

mod child;
mod container;
mod health;
mod native;
mod spin;
mod upstream;
mod workers;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

pub use workers::wrangler;

use crate::{
    command::Result,
    host::{Host, Variant},
    settings::Profile,
    workspace,
};
use child::Child;

/// A server that answers.
#[derive(Debug)]
pub struct Server {
    url: String,
    child: Child,
}

impl Server {
    /// Its address, without a closing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it prints.
    pub fn log(&self) -> &Path {
        self.child.log()
    }
}

/// Starts the scripted upstream.
pub fn upstream() -> Result<Server> {
    upstream::start()
}

/// Starts a host that was built before, with empty stores and perhaps the settings of a profile, and waits until it is healthy.
pub fn host(host: Host, variant: Variant, upstream: &str, profile: Option<&Profile>) -> Result<Server> {
    let name = profile.map_or_else(|| host.name().to_owned(), |profile| format!("{host}-{}", profile.name));
    start(&name, upstream, profile, |place| match host {
        Host::InProcess => Err("in-process is no server".into()),
        Host::Native => Ok(native::command(place)),
        Host::Workers => workers::command(variant, place),
        Host::Spin => spin::command(variant, place),
    })
}

/// Starts the program of the container image, whose files are in this folder, and waits until it is healthy.
pub fn container(root: &Path, upstream: &str) -> Result<Server> {
    start("container", upstream, None, |place| container::command(root, place))
}

fn start(
    name: &str,
    upstream: &str,
    profile: Option<&Profile>,
    command: impl FnOnce(&Place<'_>) -> Result<Command>,
) -> Result<Server> {
    let state = workspace::scratch(name);
    let _ = fs::remove_dir_all(&state);
    fs::create_dir_all(&state).map_err(|error| format!("{}: {error}", state.display()))?;
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{port}");
    let command = command(&Place { url: &url, upstream, profile, port, state })?;
    let mut child = Child::start(name, &command)?;
    health::wait(&mut child, port, Duration::from_mins(2))?;
    println!("{name} answers on {url}, its log is {}", child.log().display());
    Ok(Server { url, child })
}

/// What a host is told about where it stands.
struct Place<'a> {
    url: &'a str,
    upstream: &'a str,
    profile: Option<&'a Profile>,
    port: u16,
    state: PathBuf,
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}
