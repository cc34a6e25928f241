//! `cargo xtask timing`: whether the time of an answer tells that an address is known. It sends the same requests for known and
//! for unknown addresses in turn to the native program, and compares the means by Welch's t: values within ±2 are noise. It
//! prints and checks nothing, because a figure depends on the machine.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::Instant,
};

use super::{
    client::{Connection, request},
    native::littoral,
};
use crate::{
    build,
    command::{Result, cargo, run},
    workspace,
};

/// Addresses of each kind. Each is tried twice: from the third wrong password on there are pauses.
const ADDRESSES: usize = 200;
/// What is compared: a path, the body's part after the address, and the status of the answer.
const REQUESTS: [(&str, &str, u16); 3] = [
    ("/api/v1/auth/login", r#","password":"a wrong one""#, 401),
    ("/api/v1/auth/password/forgot", "", 202),
    ("/api/v1/auth/email/resend", "", 202),
];

/// Times in milliseconds.
#[derive(Default)]
struct Sample(Vec<f64>);

impl Sample {
    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / count(&self.0)
    }

    /// The variance of the mean.
    fn error(&self) -> f64 {
        let mean = self.mean();
        let squares = self.0.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        squares / (count(&self.0) - 1.0) / count(&self.0)
    }

    /// How many standard errors the means lie apart.
    fn t(&self, other: &Self) -> f64 {
        (self.mean() - other.mean()) / (self.error() + other.error()).sqrt()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn count(times: &[f64]) -> f64 {
    times.len() as f64
}

/// `cargo xtask timing`.
pub fn command() -> Result {
    if cfg!(debug_assertions) {
        // The clock that measures must not be slow itself.
        run(cargo().args(["build", "--quiet", "--release", "--package", "xtask"]))?;
        return run(std::process::Command::new(workspace::target().join("release/xtask")).arg("timing"));
    }
    build::native()?;
    let folder = workspace::target().join("timing");
    let _ = fs::remove_dir_all(&folder);
    // No reply is asked for: the provider need not be there.
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let process = littoral::start(&littoral::folder(&folder, "data")?, upstream)?;
    littoral::register(&process, ADDRESSES)?;
    println!("| request | known, ms | unknown, ms | t |\n|---|---|---|---|");
    for (path, rest, status) in REQUESTS {
        let (known, unknown) = compare(&mut littoral::connect(&process)?, path, rest, status)?;
        println!("| {path} | {:.3} | {:.3} | {:+.2} |", known.mean(), unknown.mean(), known.t(&unknown));
    }
    Ok(())
}

/// Turn by turn, which of the two goes first changing each time.
fn compare(connection: &mut Connection, path: &str, rest: &str, status: u16) -> Result<(Sample, Sample)> {
    let (mut known, mut unknown) = (Sample::default(), Sample::default());
    for turn in 0..2 * ADDRESSES {
        let number = turn % ADDRESSES;
        let mut kinds = [("bench", &mut known), ("nobody", &mut unknown)];
        if turn % 2 == 1 {
            kinds.reverse();
        }
        for (name, sample) in kinds {
            let body = format!(r#"{{"email":"{name}{number}@example.com"{rest}}}"#);
            let request = request("POST", path, None, &body);
            let started = Instant::now();
            littoral::ask(connection, &request, status)?;
            sample.0.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok((known, unknown))
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn t_is_the_distance_in_standard_errors() {
        let (a, b) = (Sample(vec![1.0, 2.0, 3.0]), Sample(vec![2.0, 3.0, 4.0]));
        // Means 2 and 3, variances 1 and 1: -1 / sqrt(2/3).
        assert!((a.t(&b) + 1.224_744_871_391_589).abs() < 1e-12);
        assert!(a.t(&a).abs() < 1e-12);
    }
}
