//! What an isolate makes once and all its requests and objects share: the settings and the router. Nothing here waits, and
//! nothing here belongs to a request.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use adapters::HranaError;
use domain::Secret;
use gateway::{
    Config, Gateway, Refusal,
    config::names::{self, Noting},
};
use ports::{Log as _, Settings};
use worker::Env;

use crate::{log, log::Console, settings::Vars};

/// The gateway and what it was made from.
pub struct Isolate {
    /// The settings.
    pub config: Arc<Config>,
    /// The product.
    pub gateway: Gateway,
    /// A libSQL server that stands in for D1.
    pub remote: Option<Remote>,
}

/// A libSQL server.
pub struct Remote {
    /// Its address: `http`, `https` or `libsql` (which means `https`).
    pub url: String,
    /// The token it wants, if any.
    pub token: Option<Secret<String>>,
    /// Whether this isolate has brought it up to date. (D1 is wrangler's to migrate.)
    migrated: AtomicBool,
}

impl Remote {
    /// Whether its migrations are still to be looked at.
    pub fn is_new(&self) -> bool {
        !self.migrated.load(Relaxed)
    }

    /// Its migrations are applied.
    pub fn is_ready(&self) {
        self.migrated.store(true, Relaxed);
    }
}

static ISOLATE: OnceLock<Option<Isolate>> = OnceLock::new();

/// The isolate's own. Settings cannot change under it: new ones come with a new isolate.
pub async fn get(env: &Env) -> Result<&'static Isolate, Refusal> {
    if ISOLATE.get().is_none() {
        // Reading settings never waits on anything, so no other request comes in between; if one did, the first would win.
        let made =
            make(env).await.map_err(|problems| Console.write(&log::line("error", "settings_invalid", &problems)));
        let _ = ISOLATE.set(made.ok());
    }
    ISOLATE.get().and_then(Option::as_ref).ok_or(Refusal::Settings)
}

async fn make(env: &Env) -> Result<Isolate, Vec<String>> {
    let vars = Vars(env.clone());
    let noting = Noting::new(&vars);
    let config = Config::load(&noting).await;
    let remote = remote(&noting).await;
    match (config, remote) {
        (Ok(config), Ok(remote)) => {
            let unknown = names::unknown(vars.names().iter().map(String::as_str), &noting.asked());
            if !unknown.is_empty() {
                Console.write(&log::line("warn", "settings_unknown", &unknown));
            }
            let config = Arc::new(config);
            Ok(Isolate { gateway: Gateway::new(Arc::clone(&config)), config, remote })
        }
        (config, remote) => {
            let problems = config.err().map(|error| error.0).unwrap_or_default();
            Err(problems.into_iter().chain(remote.err()).collect())
        }
    }
}

async fn remote(settings: &dyn Settings) -> Result<Option<Remote>, String> {
    let read = async |name| settings.get(name).await.map_err(|error| error.to_string());
    let Some(url) = read("LITTORAL_DATABASE_URL").await? else { return Ok(None) };
    let token = read("LITTORAL_DATABASE_TOKEN").await?.map(Secret::new);
    Ok(Some(Remote { url, token, migrated: AtomicBool::new(false) }))
}

/// A setting of the libSQL server that cannot be used, as a problem with its name.
pub fn problem(error: HranaError) -> String {
    let name = match error {
        HranaError::Url | HranaError::Plain => "LITTORAL_DATABASE_URL",
        HranaError::Token => "LITTORAL_DATABASE_TOKEN",
    };
    format!("{name}: {error}")
}
