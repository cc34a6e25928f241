//! Puts the adapters together into the platform that the gateway runs on.

use std::{fmt, io, net::SocketAddr, num::NonZero, sync::Arc, time::Duration};

use adapters::{BundledAssets, Hrana, HttpMail, MemoryRateLimiter, SqlKeys, SqlRateLimiter};
use gateway::{Gateway, LocalRuns, run::Parts};
use http::{Request, Response};
use ports::{
    Chats, Clock, Database, DatabaseError, Entropy, HttpClient, KeyValue, Log, Mailer, Platform, RateLimiter, Runs,
    Tasks,
};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    clock::SystemClock,
    descriptors,
    entropy::SystemEntropy,
    http::Reqwest,
    keys::KnownAbsent,
    libsql::LibSql,
    log::Lines,
    mail::MailFolder,
    server::{Limits, Server},
    settings::RemoteDatabase,
    smtp::Smtp,
    start::{Start, StartError},
    stop,
    tasks::TokioTasks,
};

/// How long one process of several believes that a session is not revoked, because it asked the database just before. The
/// port allows 60 s.
const BELIEVED: Duration = Duration::from_secs(30);

/// How long an exchange with a libSQL server may take.
const DATABASE: Duration = Duration::from_secs(30);

/// How often accounts to erase are looked for.
const ERASE: Duration = Duration::from_mins(1);

/// How long a new connection may be silent.
const FIRST_BYTE: Duration = Duration::from_secs(15);

/// How long a client may take nothing of a response.
const UNREAD: Duration = Duration::from_secs(30);

/// How often what has expired is deleted.
const SWEEP: Duration = Duration::from_mins(10);

/// An open database, and what a remote one is reached with.
pub struct Host {
    start: Start,
    database: Arc<dyn Database>,
    http: Arc<dyn HttpClient>,
    tasks: TokioTasks,
    /// Migrations that opening it applied.
    pub migrations: Vec<&'static str>,
}

impl Host {
    /// Opens the database and brings it up to date. Must be called within tokio.
    pub async fn open(start: Start) -> Result<Self, StartError> {
        let http = Reqwest::new(start.config.timeouts.connect)
            .map_err(|error| StartError::other("cannot make an HTTP client", &error))?;
        let http: Arc<dyn HttpClient> = Arc::new(http);
        let computing = start.settings.max_computations.and_then(NonZero::new).unwrap_or_else(TokioTasks::cores);
        let tasks = TokioTasks::new(computing, start.settings.max_waiting);
        let database = database(&start, &http, tasks.clone())?;
        let migrations = gateway::migrate(&*database, SystemClock.now()).await.map_err(|error| {
            unusable("cannot bring the database up to date", start.settings.database.is_some(), &error)
        })?;
        Ok(Self { start, database, http, tasks, migrations })
    }

    /// What it was started with.
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// The database. Whoever holds it keeps it open.
    pub fn database(&self) -> Arc<dyn Database> {
        Arc::clone(&self.database)
    }

    /// The platform, and the owner of its runs. Log lines go to standard error.
    pub fn platform(&self) -> Result<(Arc<Platform>, Arc<LocalRuns>), StartError> {
        let Start { settings, config, .. } = &self.start;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let log: Arc<dyn Log> =
            Arc::new(Lines::new(std::io::stderr()).map_err(|error| StartError::other("cannot log", &error))?);
        let tasks: Arc<dyn Tasks> = Arc::new(self.tasks.clone());
        let chats: Arc<dyn Chats> = Arc::new(self.database());
        let believed = settings.database.as_ref().map(|_| BELIEVED);
        let stored: Arc<dyn KeyValue> = Arc::new(SqlKeys::new(self.database(), Arc::clone(&clock)));
        let limiter: Arc<dyn RateLimiter> = if settings.database.is_some() {
            Arc::new(SqlRateLimiter(self.database()))
        } else {
            Arc::new(MemoryRateLimiter::default())
        };
        let mail = self.mailer(&clock, &entropy)?;
        let parts = Parts {
            chats: Arc::clone(&chats),
            http: Arc::clone(&self.http),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            log: Arc::clone(&log),
            tasks: Arc::clone(&tasks),
        };
        let own = if settings.database.is_some() { LocalRuns::among_others } else { LocalRuns::new };
        let runs = own(Arc::clone(config), parts);
        let platform = Arc::new(Platform {
            accounts: self.database(),
            chats,
            keys: Arc::new(KnownAbsent::new(stored, Arc::clone(&clock), believed)),
            limiter,
            runs: Arc::clone(&runs) as Arc<dyn Runs>,
            http: Arc::clone(&self.http),
            mail,
            assets: Arc::new(BundledAssets),
            clock,
            entropy,
            log,
            tasks,
        });
        Ok((platform, runs))
    }

    /// The HTTP API of the settings, else their SMTP server, else a folder.
    fn mailer(&self, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Result<Arc<dyn Mailer>, StartError> {
        let Start { settings, config, folder, .. } = &self.start;
        if let Some(api) = &config.mail.api {
            return Ok(Arc::new(HttpMail::new(api.clone(), Arc::clone(&self.http))));
        }
        if let Some(url) = &settings.smtp {
            let smtp = Smtp::new(url, &config.mail.from, Arc::clone(entropy));
            return Ok(Arc::new(smtp.map_err(|error| StartError::other("LITTORAL_SMTP_URL", &error))?));
        }
        let path = settings.mail_dir.clone().unwrap_or_else(|| folder.path().join("mail"));
        let folder = MailFolder::open(&path, Arc::clone(clock), Arc::clone(entropy));
        Ok(Arc::new(folder.map_err(|error| StartError::other("LITTORAL_MAIL_DIR", &error))?))
    }

    /// Closes the runs that an earlier process left open. Beside a database of our own every open run is one; beside a shared
    /// one only those whose owner's lease has expired.
    pub async fn recover(&self, runs: &LocalRuns) -> Result<(), StartError> {
        let alone = self.start.settings.database.is_none();
        let closed = if alone { runs.recover().await } else { runs.reap().await };
        closed.map(drop).map_err(|error| StartError::other("cannot close the runs of an earlier process", &error))
    }

    /// Closes runs whose owner died, again and again: on a shared database that may be another machine's.
    pub async fn reap(&self, runs: &LocalRuns) {
        loop {
            self.tasks.sleep(self.start.config.lease).await;
            // A failure has no other consequence than that the next look finds more.
            let _ = runs.reap().await;
        }
    }

    /// Deletes what has expired from the database, again and again.
    pub async fn sweep(&self, platform: &Platform) {
        let keys = SqlKeys::new(self.database(), Arc::new(SystemClock));
        let limiter = SqlRateLimiter(self.database());
        loop {
            // A failure has no other consequence than that the next sweep finds more.
            let _ = keys.sweep(SystemClock.now()).await;
            let _ = limiter.sweep(SystemClock.now()).await;
            let _ = gateway::run::sweep(&self.start.config, &Parts::of(platform)).await;
            let _ = gateway::service::audit::sweep(&*self.database, &self.start.config, SystemClock.now()).await;
            self.tasks.sleep(SWEEP).await;
        }
    }

    /// Erases the accounts whose day has come, again and again.
    pub async fn erase(&self, platform: &Platform) {
        loop {
            // A failure has no other consequence than that the next look finds more. What concerns one account is in the log.
            let _ = gateway::service::erasure::run_due(platform, &self.start.config).await;
            self.tasks.sleep(ERASE).await;
        }
    }

    /// Serves until `stop` is done, and ends what is under way.
    pub async fn serve(
        &self,
        listener: TcpListener,
        platform: &Arc<Platform>,
        runs: &LocalRuns,
        stop: impl Future<Output = ()> + Send,
    ) {
        let (stopping, stopped) = oneshot::channel();
        let serving = self.server(Arc::clone(platform)).serve(listener, async {
            stop.await;
            let _ = stopping.send(());
        });
        stop::serve(serving, stopped, runs, &self.tasks, self.start.settings.shutdown, &*platform.log).await;
    }

    /// Listens where the settings say.
    pub async fn listen(&self) -> Result<TcpListener, StartError> {
        let address = self.start.settings.listen;
        TcpListener::bind(address).await.map_err(|error| occupied(address, &error))
    }

    /// The server, not listening yet.
    fn server(&self, platform: Arc<Platform>) -> Arc<Server> {
        let settings = &self.start.settings;
        let limits = Limits {
            connections: descriptors::connections(settings.max_connections),
            first_byte: FIRST_BYTE,
            unread: UNREAD,
            proxies: settings.proxies.clone(),
            shutdown: settings.shutdown,
        };
        let gateway = Arc::new(Gateway::new(Arc::clone(&self.start.config)));
        let handle = move |request: Request<gateway::Body>| -> ports::BoxFuture<Response<gateway::Body>> {
            let (gateway, platform) = (Arc::clone(&gateway), Arc::clone(&platform));
            Box::pin(async move { gateway.handle(platform, request).await })
        };
        Server::new(Arc::new(handle), limits)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("start", &self.start).finish_non_exhaustive()
    }
}

fn database(start: &Start, http: &Arc<dyn HttpClient>, tasks: TokioTasks) -> Result<Arc<dyn Database>, StartError> {
    if let Some(RemoteDatabase { url, token }) = &start.settings.database {
        let database = Hrana::new(url, token.clone(), Arc::clone(http), Arc::new(tasks), DATABASE)
            .map_err(|error| StartError::other("LITTORAL_DATABASE_URL", &error))?;
        return Ok(Arc::new(database));
    }
    let database = LibSql::open(&start.folder).map_err(|error| {
        unusable(&format!("cannot open the database in {}", start.folder.path().display()), false, &error)
    })?;
    Ok(Arc::new(database))
}

/// A database that does not work, and what to do about it.
pub fn unusable(tried: &str, is_remote: bool, error: &DatabaseError) -> StartError {
    let text = error.to_string();
    let advice = if is_remote {
        "Check LITTORAL_DATABASE_URL and LITTORAL_DATABASE_TOKEN, and that the server runs"
    } else if ["malformed", "not a database"].iter().any(|words| text.contains(words)) {
        "The file is damaged. Keep a copy of littoral.db and littoral.db-wal, then restore a backup, or save what can be read with `sqlite3 littoral.db .recover`"
    } else {
        "Check that the disk is not full, and that the folder and its files belong to the user that runs littoral"
    };
    StartError::Other(format!("{tried}: {text}. {advice}"))
}

/// An address that cannot be listened on, and what to do about it.
fn occupied(address: SocketAddr, error: &io::Error) -> StartError {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "Another program listens there: stop it, or choose another port with LITTORAL_LISTEN"
        }
        io::ErrorKind::PermissionDenied => {
            "Ports below 1024 want a right of their own: choose a higher one with LITTORAL_LISTEN"
        }
        _ => "Name an address of this machine with LITTORAL_LISTEN, like 127.0.0.1:8787",
    };
    StartError::Other(format!("cannot listen on {address}: {error}. {advice}"))
}
