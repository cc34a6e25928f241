//! From the environment to valid settings, a locked data folder and its secrets: what every command needs first.

use std::{fmt, sync::Arc};

use gateway::{Config, ConfigError};

use crate::{
    data_dir::DataDir,
    entropy::SystemEntropy,
    secrets::Secrets,
    settings::{Environment, HostSettings, own_url},
};

/// Why the process cannot do what it was asked.
#[derive(Debug)]
pub enum StartError {
    /// Settings are not valid.
    Settings(ConfigError),
    /// Anything else, with what to do about it.
    Other(String),
}

impl StartError {
    /// Wraps an error with what was tried.
    pub fn other(tried: &str, error: &dyn fmt::Display) -> Self {
        Self::Other(format!("{tried}: {error}"))
    }

    /// The process's exit code: 2 for settings, 1 for the rest.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Settings(_) => 2,
            Self::Other(_) => 1,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::Other(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for StartError {}

/// Everything known before anything is opened but the data folder.
#[derive(Debug)]
pub struct Start {
    /// The settings of this host.
    pub settings: HostSettings,
    /// The settings of the product.
    pub config: Arc<Config>,
    /// The data folder, locked.
    pub folder: DataDir,
    /// The secrets file.
    pub secrets: Secrets,
    /// What to say of `LITTORAL_…` variables that mean nothing.
    pub unused: Vec<String>,
    /// Whether nobody said where clients reach the server, and the system chooses its port: links in letters lead elsewhere.
    pub has_unknown_url: bool,
}

impl Start {
    /// Reads the settings and opens the data folder, generating secrets where there are none. Problems with settings are
    /// reported together.
    pub async fn load(environment: Environment) -> Result<Self, StartError> {
        let mut problems = Vec::new();
        let settings = HostSettings::load(&environment, &mut problems);
        let opened = DataDir::open(&settings.data_dir).map_err(|error| error.to_string()).and_then(|folder| {
            let secrets = Secrets::open(folder.path(), &SystemEntropy).map_err(|error| error.to_string())?;
            Ok((folder, secrets))
        });
        let (folder, secrets) = opened.map_err(StartError::Other)?;
        let Product { config, unused, has_unknown_url } = settle(environment, &settings, &secrets, problems).await?;
        Ok(Self { settings, config, folder, secrets, unused, has_unknown_url })
    }
}

/// The settings as a start would find them. Nothing is made, and nothing is locked.
#[derive(Debug)]
pub struct Settled {
    /// The settings of this host.
    pub settings: HostSettings,
    /// The settings of the product.
    pub config: Arc<Config>,
    /// Where the secrets are, or will be.
    pub secrets: Secrets,
    /// What to say of `LITTORAL_…` variables that mean nothing.
    pub unused: Vec<String>,
}

impl Settled {
    /// Reads them. Problems are reported together.
    pub async fn read(environment: Environment) -> Result<Self, StartError> {
        let mut problems = Vec::new();
        let settings = HostSettings::load(&environment, &mut problems);
        let secrets = Secrets::preview(&settings.data_dir, &SystemEntropy);
        let secrets = secrets.map_err(|error| StartError::Other(error.to_string()))?;
        let Product { config, unused, .. } = settle(environment, &settings, &secrets, problems).await?;
        Ok(Self { settings, config, secrets, unused })
    }
}

/// The settings of the product, and what is known with them alone.
struct Product {
    config: Arc<Config>,
    unused: Vec<String>,
    has_unknown_url: bool,
}

/// The settings of the product, or every problem, those of the host first.
async fn settle(
    environment: Environment,
    settings: &HostSettings,
    secrets: &Secrets,
    mut problems: Vec<String>,
) -> Result<Product, StartError> {
    let environment = environment.with_secrets(secrets.settings());
    let own_url = own_url(settings.listen);
    let has_unknown_url = own_url.is_none()
        && ["LITTORAL_PUBLIC_URL", "LITTORAL_APP_URL"].iter().all(|name| environment.read(name).is_none());
    let environment = environment.with_default("LITTORAL_PUBLIC_URL", own_url);
    match Config::load(&environment).await {
        Ok(config) if problems.is_empty() => {
            Ok(Product { config: Arc::new(config), unused: environment.unused(), has_unknown_url })
        }
        Ok(_) => Err(StartError::Settings(ConfigError(problems))),
        Err(ConfigError(more)) => {
            problems.extend(more);
            Err(StartError::Settings(ConfigError(problems)))
        }
    }
}
