//! Where settings come from, and the settings of this host alone. Those of the product are the gateway's.

use std::{
    collections::{BTreeSet, HashMap},
    env, fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::Secret;
use gateway::config::names;
use ports::{Settings, SettingsError};

use crate::{
    server::Proxies,
    smtp::{self, SmtpUrl},
};

/// The process's environment, and behind it the secrets file.
pub struct Environment {
    variables: HashMap<String, Secret<String>>,
    secrets: HashMap<String, Secret<String>>,
    asked: Mutex<BTreeSet<String>>,
}

impl Environment {
    /// The `LITTORAL_…` variables as they are now. A value that is not UTF-8 counts as unset.
    pub fn of_process() -> Self {
        let variables = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with("LITTORAL_"))?;
            Some((name, Secret::new(value.into_string().ok()?)))
        });
        Self::new(variables.collect())
    }

    /// These variables.
    pub fn new(variables: HashMap<String, Secret<String>>) -> Self {
        Self { variables, secrets: HashMap::new(), asked: Mutex::default() }
    }

    /// Adds the secrets file, which answers for what the environment leaves open.
    #[must_use]
    pub fn with_secrets(mut self, secrets: HashMap<String, Secret<String>>) -> Self {
        self.secrets = secrets;
        self
    }

    /// Adds a value for a setting that is unset or empty.
    #[must_use]
    pub fn with_default(mut self, name: &str, value: Option<String>) -> Self {
        if let Some(value) = value.filter(|_| self.read(name).is_none()) {
            self.secrets.insert(name.to_owned(), Secret::new(value));
        }
        self
    }

    /// The value of a setting, without the white space around it. `None` when it is unset or empty.
    pub fn read(&self, name: &str) -> Option<&str> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        [&self.variables, &self.secrets]
            .into_iter()
            .filter_map(|source| source.get(name))
            .map(|value| value.expose().trim())
            .find(|value| !value.is_empty())
    }

    /// What to say of the variables that nobody asked for so far.
    pub fn unused(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        names::unknown(self.variables.keys().map(String::as_str), &asked)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

#[async_trait]
impl Settings for Environment {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        Ok(self.read(name).map(str::to_owned))
    }
}

/// The settings of this host.
#[derive(Debug)]
pub struct HostSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Proxies before this server.
    pub proxies: Proxies,
    /// Connections at once; the next ones wait in the system's queue.
    pub max_connections: usize,
    /// Password hashes and the like computed at once.
    pub max_computations: Option<usize>,
    /// How many more may wait for their turn; whoever comes then is told to come back.
    pub max_waiting: usize,
    /// The folder for mail; `mail` in the data folder if unset.
    pub mail_dir: Option<PathBuf>,
    /// The SMTP server that takes mail, instead of the folder.
    pub smtp: Option<SmtpUrl>,
    /// How long requests may take to end after a signal to stop.
    pub shutdown: Duration,
    /// A libSQL server, instead of the file in the data folder.
    pub database: Option<RemoteDatabase>,
}

/// A libSQL server.
#[derive(Debug)]
pub struct RemoteDatabase {
    /// Its address: `http`, `https` or `libsql` (which means `https`).
    pub url: String,
    /// The token it wants, if any.
    pub token: Option<Secret<String>>,
}

impl HostSettings {
    /// Reads them, and says everything that is wrong with them in `problems`.
    pub fn load(environment: &Environment, problems: &mut Vec<String>) -> Self {
        let mut number = |name: &str, default: Option<usize>, min: usize, max: usize| {
            let Some(text) = environment.read(name) else { return default };
            let number = text.parse().ok().filter(|number| (min..=max).contains(number));
            if number.is_none() {
                problems.push(format!("{name}: expected a number from {min} to {max}"));
            }
            number.or(default)
        };
        let count = number("LITTORAL_TRUSTED_PROXIES", Some(0), 0, 16).unwrap_or_default();
        let max_connections = number("LITTORAL_MAX_CONNECTIONS", Some(10_000), 1, 1_000_000).unwrap_or_default();
        let max_computations = number("LITTORAL_MAX_COMPUTATIONS", None, 1, 1024);
        let max_waiting = number("LITTORAL_MAX_WAITING_COMPUTATIONS", Some(256), 0, 100_000).unwrap_or_default();
        let shutdown = number("LITTORAL_SHUTDOWN_SECONDS", Some(10), 0, 600).unwrap_or_default();
        let listen = environment.read("LITTORAL_LISTEN").unwrap_or("127.0.0.1:8787");
        let listen = address(listen).unwrap_or_else(|| {
            problems.push("LITTORAL_LISTEN: expected an address and a port, like 127.0.0.1:8787 or [::]:8787".into());
            SocketAddr::from(([127, 0, 0, 1], 8787))
        });
        let country = environment.read("LITTORAL_COUNTRY_HEADER").and_then(|name| {
            if count == 0 {
                problems.push(
                    "LITTORAL_COUNTRY_HEADER: expected LITTORAL_TRUSTED_PROXIES beside it, because anybody can send a header where no proxy is trusted"
                        .into(),
                );
            }
            let parsed = name.parse().ok();
            if parsed.is_none() {
                problems.push("LITTORAL_COUNTRY_HEADER: expected the name of a header, like CF-IPCountry".into());
            }
            parsed
        });
        let database = environment.read("LITTORAL_DATABASE_URL").map(|url| {
            let known = ["http://", "https://", "libsql://"].iter().any(|scheme| url.starts_with(scheme));
            if !known {
                problems.push(
                    "LITTORAL_DATABASE_URL: expected the URL of a libSQL server, like https://db.example.com, or nothing for the embedded one"
                        .into(),
                );
            }
            RemoteDatabase {
                url: url.to_owned(),
                token: environment.read("LITTORAL_DATABASE_TOKEN").map(Secret::from),
            }
        });
        let smtp = environment.read("LITTORAL_SMTP_URL").and_then(|url| {
            if environment.read("LITTORAL_MAIL_FROM").is_none() {
                problems.push(
                    "LITTORAL_MAIL_FROM: expected the address that mail is sent from, because LITTORAL_SMTP_URL is set"
                        .into(),
                );
            }
            let parsed = SmtpUrl::parse(url);
            if parsed.is_none() {
                problems.push(format!("LITTORAL_SMTP_URL: {}", smtp::EXPECTED));
            }
            parsed
        });
        Self {
            listen,
            data_dir: environment.read("LITTORAL_DATA_DIR").unwrap_or("data").into(),
            proxies: Proxies { count, country },
            max_connections,
            max_computations,
            max_waiting,
            mail_dir: environment.read("LITTORAL_MAIL_DIR").map(PathBuf::from),
            smtp,
            shutdown: Duration::from_secs(u64::try_from(shutdown).unwrap_or(u64::MAX)),
            database,
        }
    }
}

/// Where this machine reaches a server that listens there. `None`: the system chooses the port, which is not known yet.
pub fn own_url(listen: SocketAddr) -> Option<String> {
    // Who listens everywhere is reached at 127.0.0.1 too.
    let ip = if listen.ip().is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { listen.ip() };
    (listen.port() != 0).then(|| format!("http://{}", SocketAddr::new(ip, listen.port())))
}

/// An address and a port. Of names, only the one that everybody writes for this machine.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(given: &[(&str, &str)]) -> Environment {
        Environment::new(given.iter().map(|&(name, value)| (name.to_owned(), Secret::from(value))).collect())
    }

    #[test]
    fn the_environment_goes_before_the_secrets_file() {
        let given = environment(&[("LITTORAL_A", " here "), ("LITTORAL_B", "")]).with_secrets(HashMap::from([
            ("LITTORAL_A".to_owned(), Secret::from("there")),
            ("LITTORAL_B".to_owned(), Secret::from("there")),
        ]));
        assert_eq!((given.read("LITTORAL_A"), given.read("LITTORAL_B")), (Some("here"), Some("there")));
    }

    #[test]
    fn the_public_url_follows_the_address_that_is_listened_on() {
        for (listen, url) in [
            ("127.0.0.1:9000", Some("http://127.0.0.1:9000")),
            ("0.0.0.0:9000", Some("http://127.0.0.1:9000")),
            ("[::]:9000", Some("http://127.0.0.1:9000")),
            ("[::1]:9000", Some("http://[::1]:9000")),
            ("192.168.1.20:80", Some("http://192.168.1.20:80")),
            ("127.0.0.1:0", None),
        ] {
            assert_eq!(own_url(listen.parse().unwrap()).as_deref(), url, "{listen}");
        }
        let given = environment(&[("LITTORAL_A", "said"), ("LITTORAL_B", " ")]);
        let given =
            given.with_default("LITTORAL_A", Some("other".into())).with_default("LITTORAL_B", Some("other".into()));
        assert_eq!((given.read("LITTORAL_A"), given.read("LITTORAL_B")), (Some("said"), Some("other")));
    }

    #[test]
    fn the_name_of_this_machine_is_an_address_to_listen_on() {
        assert_eq!(address("localhost:8787"), address("127.0.0.1:8787"));
        for bad in ["localhost", "localhost:", "localhost:70000", "example.com:80", "localhosts:1"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_nobody_asks_for_is_named() {
        let given = environment(&[("LITTORAL_LISTEN", "[::1]:0"), ("LITTORAL_LISTENN", "1")]);
        let mut problems = Vec::new();
        assert_eq!(HostSettings::load(&given, &mut problems).listen.port(), 0);
        let unused = given.unused();
        assert_eq!((unused.len(), problems.len()), (1, 0));
        assert!(
            unused[0].starts_with("LITTORAL_LISTENN is set") && unused[0].ends_with("did you mean LITTORAL_LISTEN?")
        );
    }

    #[test]
    fn a_country_is_read_where_a_trusted_proxy_writes_it() {
        let load = |name: &str, proxies: &str| {
            let given = environment(&[("LITTORAL_COUNTRY_HEADER", name), ("LITTORAL_TRUSTED_PROXIES", proxies)]);
            let mut problems = Vec::new();
            (HostSettings::load(&given, &mut problems).proxies.country, problems)
        };
        assert_eq!(load("CF-IPCountry", "1"), (Some("cf-ipcountry".parse().unwrap()), vec![]));
        assert_eq!(load("", "0"), (None, vec![]));
        let (_, problems) = load("CF-IPCountry", "0");
        assert!(problems.len() == 1 && problems[0].contains("LITTORAL_TRUSTED_PROXIES beside it"), "{problems:?}");
        let (country, problems) = load("canary: IS", "1");
        assert!(country.is_none() && problems.len() == 1 && !problems[0].contains("canary"), "{problems:?}");
    }

    #[test]
    fn every_problem_is_named_and_no_value_shown() {
        let given = environment(&[
            ("LITTORAL_LISTEN", "canary"),
            ("LITTORAL_TRUSTED_PROXIES", "canary"),
            ("LITTORAL_MAX_CONNECTIONS", "0"),
            ("LITTORAL_DATABASE_URL", "canary"),
            ("LITTORAL_SMTP_URL", "smtp://canary:canary@h?tls=none"),
        ]);
        let mut problems = Vec::new();
        HostSettings::load(&given, &mut problems);
        assert_eq!(problems.len(), 6);
        assert!(!problems.concat().contains("canary"));
    }
}
