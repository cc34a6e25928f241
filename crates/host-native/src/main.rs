//! The `littoral` program: reads the command, does it, and says on standard error what is in the way.

use std::{
    env,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use domain::Secret;
use host_native::{
    banner::Banner,
    check,
    cli::{self, Command},
    descriptors,
    entropy::SystemEntropy,
    host::Host,
    import,
    secrets::{KeyKind, Secrets},
    settings::{Environment, HostSettings},
    start::{Settled, Start, StartError},
    users::Users,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

/// Faster than the system's with many threads, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let command = match cli::parse(&arguments) {
        Ok(command) => command,
        Err(problem) => {
            complain(&problem);
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Serve => serve(),
        Command::Migrate => migrate(),
        Command::CheckConfig { live } => check_config(live),
        Command::RotateKeys(kind) => rotate_keys(kind),
        Command::CreateAdmin { email } => with_users(async |users| users.create_admin(&email, given_password()?).await),
        Command::SetRole { email, role, vouched } => {
            with_users(async |users| users.set_role(&email, &role, vouched).await)
        }
        Command::ImportUsers { file, dry_run } => import_users(Path::new(&file), dry_run),
        Command::Help => {
            say(cli::HELP);
            Ok(())
        }
        Command::Version => {
            say(&format!("littoral {}\n", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("littoral: {error}"));
            ExitCode::from(error.code())
        }
    }
}

/// To standard output. `println!` would panic where nobody listens.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn runtime() -> Result<Runtime, StartError> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_name("littoral")
        .build()
        .map_err(|error| StartError::other("cannot start threads", &error))
}

fn serve() -> Result<(), StartError> {
    let runtime = runtime()?;
    descriptors::raise_limit();
    let host = runtime.block_on(async { Host::open(Start::load(Environment::of_process()).await?).await })?;
    let served = runtime.block_on(serve_until_signal(&host));
    // Tasks end before the database does, which then finishes what they queued.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(host);
    served
}

async fn serve_until_signal(host: &Host) -> Result<(), StartError> {
    let stop = stop_signal().map_err(|error| StartError::other("cannot wait for signals", &error))?;
    let (platform, runs) = host.platform()?;
    host.recover(&runs).await?;
    let listener = host.listen().await?;
    let address = listener.local_addr().map_err(|error| StartError::other("cannot listen", &error))?;
    let start = host.start();
    for told in &start.unused {
        complain(&format!("littoral: {told}"));
    }
    if start.has_unknown_url {
        complain(&format!(
            "littoral: links in mail lead to {}, where this server does not listen; set LITTORAL_PUBLIC_URL, or a port in LITTORAL_LISTEN",
            start.config.mail.app_url
        ));
    }
    let (wanted, served) = (start.settings.max_connections, descriptors::connections(start.settings.max_connections));
    if served < wanted {
        complain(&format!(
            "littoral: at most {served} connections at once instead of {wanted}, because the system lets this process open too few files; raise that with `ulimit -n`, or LimitNOFILE= of systemd"
        ));
    }
    let data = start
        .settings
        .database
        .as_ref()
        .map_or_else(|| start.folder.path().display().to_string(), |remote| remote.url.clone());
    let banner = Banner {
        address,
        data: &data,
        secrets: &start.secrets.path().display().to_string(),
        model: &start.config.model,
        migrations: &host.migrations,
        // Without an answer there is nothing to hide.
        has_users: gateway::service::admin::has_accounts(&platform).await.unwrap_or_default(),
    };
    say(&banner.to_string());
    tokio::select! {
        () = host.serve(listener, &platform, &runs, stop) => {}
        () = host.sweep(&platform) => {}
        () = host.erase(&platform) => {}
        () = host.reap(&runs) => {}
    }
    Ok(())
}

/// Done at the first SIGTERM or SIGINT. The second one ends the process at once; nothing acknowledged is lost by it.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            std::process::exit(1);
        });
    })
}

fn migrate() -> Result<(), StartError> {
    let host = runtime()?.block_on(async { Host::open(Start::load(Environment::of_process()).await?).await })?;
    if host.migrations.is_empty() {
        say("the database is up to date\n");
    }
    for name in &host.migrations {
        say(&format!("applied {name}\n"));
    }
    Ok(())
}

fn check_config(live: bool) -> Result<(), StartError> {
    runtime()?.block_on(async {
        let settled = Settled::read(Environment::of_process()).await?;
        say(&check::in_effect(&settled));
        for told in &settled.unused {
            complain(&format!("littoral: {told}"));
        }
        if !live {
            return Ok(());
        }
        let findings = check::live(&settled).await?;
        for finding in &findings {
            say(&format!("{} {}\n", if finding.works { "works:" } else { "does not work:" }, finding.text));
        }
        match findings.iter().filter(|finding| !finding.works).count() {
            0 => Ok(()),
            wrong => Err(StartError::Other(format!("{wrong} of {} checks failed; see above", findings.len()))),
        }
    })
}

/// Does something with the accounts and says what came of it.
fn with_users(act: impl AsyncFnOnce(&Users) -> Result<String, StartError>) -> Result<(), StartError> {
    let runtime = runtime()?;
    let said = runtime.block_on(async {
        let host = Host::open(Start::load(Environment::of_process()).await?).await?;
        act(&Users::of(&host)?).await
    })?;
    say(&said);
    Ok(())
}

/// The first line of standard input, if something is piped there. Whoever types at a terminal is given a password instead: there it
/// would be seen.
fn given_password() -> Result<Option<Secret<String>>, StartError> {
    let input = io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut line = String::new();
    input
        .lock()
        .take(MAX_LINE)
        .read_line(&mut line)
        .map_err(|error| StartError::other("cannot read a password from standard input", &error))?;
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| Secret::from(line)))
}

/// Longer than every password.
const MAX_LINE: u64 = 1_024;

fn import_users(file: &Path, dry_run: bool) -> Result<(), StartError> {
    // A file that cannot be opened is no reason to make a data folder.
    let rows = import::Rows::open(file)
        .map_err(|error| StartError::other(&format!("cannot read {}", file.display()), &error))?;
    let runtime = runtime()?;
    let summary = runtime.block_on(async {
        let host = Host::open(Start::load(Environment::of_process()).await?).await?;
        let (platform, _) = host.platform()?;
        let report = |line: u64, words: &str| say(&format!("line {line}: {words}\n"));
        import::run(&platform, rows, dry_run, report)
            .await
            .map_err(|error| StartError::other("cannot write to the database", &error))
    })?;
    say(&format!("{summary}\n"));
    if summary.failed > 0 {
        return Err(StartError::Other(format!("lines that could not be imported: {}; see above", summary.failed)));
    }
    if summary.imported + summary.skipped == 0 {
        return Err(StartError::Other(format!(
            "{} has no users: it must be CSV with commas and a first row of names (`email`, `password_hash`, \u{2026}), or one JSON object a line",
            file.display()
        )));
    }
    Ok(())
}

fn rotate_keys(kind: Option<KeyKind>) -> Result<(), StartError> {
    let environment = Environment::of_process();
    // Only the folder matters here; other settings may be in need of repair.
    let settings = HostSettings::load(&environment, &mut Vec::new());
    let folder = &settings.data_dir;
    if !folder.is_dir() {
        return Err(StartError::Other(format!(
            "there is no data folder {}: name it with LITTORAL_DATA_DIR, or start the server once",
            folder.display()
        )));
    }
    Secrets::rotate(folder, kind, &SystemEntropy).map_err(|error| StartError::Other(error.to_string()))?;
    say(&format!(
        "new keys are in {}; restart the server to use them. The two before them go on being accepted.\n",
        folder.join("secrets.env").display()
    ));
    Ok(())
}
