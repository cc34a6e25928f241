//! What one instance of the component makes once and all its requests share.

use std::sync::{Arc, LazyLock, OnceLock};

use adapters::{HttpMail, SqlRateLimiter, SweptKeys};
use futures_util::lock::Mutex;
use gateway::{Config, ConfigError, Gateway, LocalRuns, Refusal, run::Parts};
use ports::{Chats, Clock, Database, DatabaseError, Entropy, HttpClient, Log, Platform, Tasks};
use serde_json::json;

use crate::{
    assets::MountedAssets, clock::SpinClock, database, entropy::SpinEntropy, http::SpinHttp, keys::SpinKeys,
    log::StandardError, settings::SpinVariables, tasks::SpinTasks,
};

/// The gateway and its ports.
pub struct Instance {
    /// The product.
    pub gateway: Gateway,
    /// What it asks of Spin. The runs in it are this instance's own: requests that it serves at once share their memory.
    pub platform: Arc<Platform>,
}

static INSTANCE: OnceLock<Result<Instance, Refusal>> = OnceLock::new();

/// Held by the request that makes the instance.
static MAKING: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

/// The instance. Its first request makes it, and those that come meanwhile wait.
pub async fn get() -> Result<&'static Instance, Refusal> {
    if let Some(made) = INSTANCE.get() {
        return made.as_ref().map_err(|refusal| *refusal);
    }
    let _making = MAKING.lock().await;
    if let Some(made) = INSTANCE.get() {
        return made.as_ref().map_err(|refusal| *refusal);
    }
    match make().await {
        Err(Refusal::Database) => Err(Refusal::Database),
        made => INSTANCE.get_or_init(|| made).as_ref().map_err(|refusal| *refusal),
    }
}

async fn make() -> Result<Instance, Refusal> {
    let log: Arc<dyn Log> = Arc::new(StandardError);
    let clock: Arc<dyn Clock> = Arc::new(SpinClock);
    let report = |message: &str, problems: &[String]| {
        let line =
            json!({ "time": clock.now().to_string(), "level": "error", "message": message, "problems": problems });
        log.write(&line.to_string());
    };

    let tasks: Arc<dyn Tasks> = Arc::new(SpinTasks);
    let config = Config::load(&SpinVariables).await;
    let remote = database::remote(&SpinVariables, Arc::clone(&tasks)).await;
    let (config, remote) = both(config, remote).map_err(|error| {
        report("the settings are not valid", &error.0);
        Refusal::Settings
    })?;
    let config = Arc::new(config);
    let database = prepare(remote, clock.as_ref()).await.map_err(|error| {
        report("the database could not be prepared", &[error.to_string()]);
        Refusal::Database
    })?;
    #[cfg(feature = "behaviour")]
    let database = crate::behaviour::faulty(database, &clock, &tasks);

    let chats: Arc<dyn Chats> = Arc::new(Arc::clone(&database));
    let http: Arc<dyn HttpClient> = Arc::new(SpinHttp::new(config.timeouts.connect));
    let entropy: Arc<dyn Entropy> = Arc::new(SpinEntropy);
    let parts = Parts {
        chats: Arc::clone(&chats),
        http: Arc::clone(&http),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        log: Arc::clone(&log),
        tasks: Arc::clone(&tasks),
    };
    let mail = HttpMail::configured(config.mail.api.as_ref(), &http);
    let platform = Platform {
        accounts: Arc::clone(&database),
        chats,
        keys: Arc::new(swept(SpinKeys::new(Arc::clone(&clock)), &database, &clock)),
        limiter: Arc::new(SqlRateLimiter(database)),
        runs: LocalRuns::among_others(Arc::clone(&config), parts),
        http,
        mail,
        assets: Arc::new(MountedAssets),
        clock,
        entropy,
        log,
        tasks,
    };
    Ok(Instance { gateway: Gateway::new(config), platform: Arc::new(platform) })
}

/// The key-value store, from which expired values are deleted now and then.
pub fn swept(keys: SpinKeys, database: &Arc<dyn Database>, clock: &Arc<dyn Clock>) -> SweptKeys {
    SweptKeys::new(Arc::new(keys), Arc::clone(database), Arc::clone(clock))
}

/// Both, or the problems of both.
fn both<A, B>(a: Result<A, ConfigError>, b: Result<B, ConfigError>) -> Result<(A, B), ConfigError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(ConfigError([a.0, b.0].concat())),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The database, with all migrations applied. Several instances may do this at once.
async fn prepare(remote: Option<Arc<dyn Database>>, clock: &dyn Clock) -> Result<Arc<dyn Database>, DatabaseError> {
    let database = match remote {
        Some(remote) => remote,
        None => database::own().await?,
    };
    gateway::migrate(database.as_ref(), clock.now()).await?;
    Ok(database)
}
