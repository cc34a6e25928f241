//! The hosts that the HTTP suite runs on.

use std::{fmt, str::FromStr};

/// Where the product runs while it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Inside the test program.
    InProcess,
    /// The `littoral` program.
    Native,
    /// Cloudflare's runtime, `workerd`, under `wrangler dev`.
    Workers,
    /// Spin, or the test host that serves the same component.
    Spin,
}

/// Which build of a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The one that ships.
    Shipped,
    /// A quick one with the test-only route that runs the behaviour suites inside the host.
    Behaviour,
}

impl Host {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::InProcess, Self::Native, Self::Workers, Self::Spin];

    /// Whether some of its ports exist only inside of it, so that their suites must run there.
    pub fn has_inner_ports(self) -> bool {
        matches!(self, Self::Workers | Self::Spin)
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Native => "native",
            Self::Workers => "workers",
            Self::Spin => "spin",
        }
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let host = Self::ALL.into_iter().find(|host| host.name() == name);
        host.ok_or_else(|| format!("unknown host `{name}`: expected {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
