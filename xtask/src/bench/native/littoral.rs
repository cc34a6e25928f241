//! The `littoral` program under measurement, and its users.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use crate::{
    bench::{
        client::{Connection, request},
        process::{Process, free_address},
        scripts,
    },
    command::Result,
    settings, workspace,
};

/// What differs from a fresh installation: every model, limits that no load reaches (a bucket refills by whole milliseconds, so that only a long
/// period lets a burst be large), and the provider. All else is the default, among it the
/// cost of password hashes, the five timeouts, the hold and one log line for every request.
pub const LIMITS: [(&str, &str); 9] = [
    ("LITTORAL_READ_LIMIT", "1000000/86400"),
    ("LITTORAL_WRITE_LIMIT", "1000000/86400"),
    // Tokens outlive a start, which takes another port each time.
    ("LITTORAL_PUBLIC_URL", "http://127.0.0.1:8787"),
    ("LITTORAL_MODELS", "*"),
    ("LITTORAL_AUTH_LIMIT", "1000000/86400"),
    ("LITTORAL_LOCKOUT_NETWORK_FAILURES", "0"),
    ("LITTORAL_SIGN_UP_LIMIT", "1000000/86400"),
    ("LITTORAL_RECOVERY_LIMIT", "1000000/86400"),
    ("LITTORAL_MESSAGE_LIMIT", "1000000/86400"),
];

/// Starts it with this data folder, and waits until `/api/v1/health` answers.
pub fn start(data: &Path, upstream: SocketAddr) -> Result<Process> {
    let address = free_address()?;
    let mut program = Command::new(workspace::target().join("release/littoral"));
    program.env("LITTORAL_LISTEN", address.to_string()).env("LITTORAL_DATA_DIR", data);
    program.env("LITTORAL_MODEL", scripts::SHORT).env("LITTORAL_OPENAI_BASE_URL", scripts::base_url(upstream));
    program.envs(LIMITS).envs(keys());
    Process::start(&mut program, address, "/api/v1/health")
}

/// The suite's keys: known, so that a Worker takes the same tokens.
pub fn keys() -> Vec<(&'static str, String)> {
    let all = settings::for_tests("", "", None);
    all.into_iter().filter(|(name, _)| name.ends_with("_KEYS")).collect()
}

/// An empty data folder.
pub fn folder(parent: &Path, name: &str) -> Result<std::path::PathBuf> {
    let folder = parent.join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Registers users; an access token of each.
pub fn register(littoral: &Process, count: usize) -> Result<Vec<String>> {
    let mut connection = connect(littoral)?;
    (0..count)
        .map(|number| {
            let body = format!(r#"{{"email":"bench{number}@example.com","password":"{}"}}"#, password(number));
            let register = request("POST", "/api/v1/auth/register", None, &body);
            ask(&mut connection, &register, 201)?;
            field(connection.body(), "access_token")
        })
        .collect()
}

/// The password of a registered user.
pub fn password(number: usize) -> String {
    // No three equal or consecutive digits in a row, whatever the number.
    format!("No-Secret-at-4ll{}", number.to_string().replace("", "/"))
}

/// A connection to it.
pub fn connect(littoral: &Process) -> Result<Connection> {
    Connection::open(littoral.address).map_err(|error| format!("littoral: {error}"))
}

/// A call that must be answered so.
pub fn ask(connection: &mut Connection, request: &[u8], expected: u16) -> Result {
    let status = connection.call(request).map_err(|error| format!("littoral: {error}"))?;
    if status == expected {
        return Ok(());
    }
    Err(format!("littoral answered {status}, not {expected}: {}", String::from_utf8_lossy(connection.body())))
}

/// The first string of this name in a JSON text. Enough for ids and tokens, which hold no escapes.
pub fn field(body: &[u8], name: &str) -> Result<String> {
    let text = String::from_utf8_lossy(body);
    let value = text.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value.to_owned()).ok_or_else(|| format!("no `{name}` in {text}"))
}
