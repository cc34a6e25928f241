//! A hundred logins at once: what they take of a Worker's memory, of which the platform gives 128 MB. Workerd alone sets no such
//! limit, so that the growth of its process is measured. The database has no user, and a password that belongs to nobody costs
//! the same hash.

use std::time::{Duration, Instant};

use crate::{
    bench::{
        client::request,
        load::{Pace, drive},
        native::{
            littoral::{ask, connect},
            logins::CONNECTIONS,
        },
        process::Process,
    },
    command::Result,
};

/// What the platform gives a Worker, in MB: <https://developers.cloudflare.com/workers/platform/limits/>.
const LIMIT: f64 = 128.0;

/// Logins before that.
const SINGLE: usize = 10;

/// Sends them, and says what it saw.
pub fn report(workerd: &Process) -> Result<String> {
    let login = |name: &str| {
        let body = format!(r#"{{"email":"{name}@example.com","password":"of nobody, 7 times"}}"#);
        request("POST", "/api/v1/auth/login", None, &body)
    };
    let start = workerd.rss()? / 1e6;
    // One after the other first: what the engine compiles and a hash takes is there then.
    let mut connection = connect(workerd)?;
    for index in 0..SINGLE {
        ask(&mut connection, &login(&format!("single{index}")), 401)?;
    }
    let before = workerd.rss()? / 1e6;
    let callers = (0..CONNECTIONS)
        .map(|index| {
            let login = login(&format!("nobody{index}"));
            move |connection: &mut _| ask(connection, &login, 401)
        })
        .collect();
    let started = Instant::now();
    // The first call of each connection is made by all at once; there is no second one.
    drive(workerd.address, callers, Pace { length: Duration::ZERO, stagger: Duration::ZERO })?;
    let elapsed = started.elapsed().as_secs_f64();
    let peak = workerd.peak()? / 1e6;
    Ok(format!(
        "\n{CONNECTIONS} logins at once, argon2id at its default cost: answered within {elapsed:.1} s. Resident memory of \
         workerd as a whole, with all three scripts: {start:.0} MB at first, {before:.0} MB after {SINGLE} logins one after the other, {peak:.0} MB at \
         most during the hundred: {:.0} MB more than at first, workerd's own part of it included. A Worker has {LIMIT:.0} MB.\n",
        peak - start
    ))
}
