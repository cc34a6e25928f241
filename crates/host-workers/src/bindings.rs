//! The ports of one event or one object, made from the bindings of `wrangler.toml`. Making them is cheap: each holds a
//! handle of JavaScript's, and none of them waits for anything.

use std::{sync::Arc, time::Duration};

use adapters::{Hrana, HttpMail};
use gateway::{Refusal, run::Parts};
use ports::{Chats, Clock as _, Database, HttpClient, Log as _, Platform, Tasks};
use worker::Env;

use crate::{
    assets::StaticAssets,
    clock::JsClock,
    d1::D1,
    entropy::WebCrypto,
    http::Fetch,
    isolate::{self, Isolate, Remote},
    js,
    keys::WorkersKv,
    limiter::DurableLimiter,
    log::{self, Console},
    runs::DurableRuns,
};

/// The D1 database.
const DATABASE: &str = "DB";
/// The namespace of Workers KV.
const KEYS: &str = "KEYS";
/// The objects of class `Run`.
const RUNS: &str = "RUNS";
/// The objects of class `Limiter`.
const LIMITER: &str = "LIMITER";
/// The static assets.
const ASSETS: &str = "ASSETS";

/// An exchange with a libSQL server that takes longer counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(15);

/// Everything that the gateway asks of a host.
pub async fn platform(env: &Env, isolate: &Isolate, tasks: Arc<dyn Tasks>) -> Result<Platform, Refusal> {
    let parts = parts(env, isolate, tasks).await?;
    Ok(Platform {
        accounts: database(env, isolate, &parts.http, &parts.tasks)?,
        chats: parts.chats,
        keys: Arc::new(WorkersKv(bound(KEYS, env.kv(KEYS))?)),
        limiter: Arc::new(DurableLimiter(bound(LIMITER, env.durable_object(LIMITER))?)),
        runs: Arc::new(DurableRuns(bound(RUNS, env.durable_object(RUNS))?)),
        mail: HttpMail::configured(isolate.config.mail.api.as_ref(), &parts.http),
        http: parts.http,
        assets: Arc::new(StaticAssets(bound(ASSETS, env.assets(ASSETS))?)),
        clock: parts.clock,
        entropy: parts.entropy,
        log: parts.log,
        tasks: parts.tasks,
    })
}

/// What the owner of a run needs.
pub async fn parts(env: &Env, isolate: &Isolate, tasks: Arc<dyn Tasks>) -> Result<Parts, Refusal> {
    let http: Arc<dyn HttpClient> = Arc::new(Fetch);
    let database = database(env, isolate, &http, &tasks)?;
    #[cfg(feature = "behaviour")]
    let database = crate::behaviour::faulty(database, &tasks);
    if let Some(remote) = isolate.remote.as_ref().filter(|remote| remote.is_new()) {
        migrate(remote, &*database).await?;
    }
    let chats: Arc<dyn Chats> = Arc::new(database);
    Ok(Parts { chats, http, clock: Arc::new(JsClock), entropy: Arc::new(WebCrypto), log: Arc::new(Console), tasks })
}

/// D1, or the libSQL server of the settings.
fn database(
    env: &Env,
    isolate: &Isolate,
    http: &Arc<dyn HttpClient>,
    tasks: &Arc<dyn Tasks>,
) -> Result<Arc<dyn Database>, Refusal> {
    let Some(remote) = &isolate.remote else { return Ok(Arc::new(D1(bound(DATABASE, env.d1(DATABASE))?))) };
    let hrana = Hrana::new(&remote.url, remote.token.clone(), Arc::clone(http), Arc::clone(tasks), PATIENCE);
    hrana.map(|hrana| Arc::new(hrana) as Arc<dyn Database>).map_err(|error| {
        report("settings_invalid", isolate::problem(error));
        Refusal::Settings
    })
}

/// Brings a libSQL server up to date. Several requests may do it at once.
async fn migrate(remote: &Remote, database: &dyn Database) -> Result<(), Refusal> {
    gateway::migrate(database, JsClock.now()).await.map_err(|error| {
        report("migration_failed", error.to_string());
        Refusal::Database
    })?;
    remote.is_ready();
    Ok(())
}

/// A binding, or word in the log that it is not there.
fn bound<T>(name: &str, binding: worker::Result<T>) -> Result<T, Refusal> {
    binding.map_err(|error| {
        report("binding_missing", format!("{name}: {}; add it to wrangler.toml", js::text(&error)));
        Refusal::Settings
    })
}

fn report(event: &str, problem: String) {
    Console.write(&log::line("error", event, &[problem]));
}
