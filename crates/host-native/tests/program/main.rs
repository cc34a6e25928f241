//! The `littoral` program as a user meets it: exit codes, messages, files. What the server answers is tested elsewhere.

mod config_check;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

fn littoral(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_littoral"));
    command
        .args(arguments)
        .env_clear()
        .env("LITTORAL_DATA_DIR", folder)
        .env("LITTORAL_LISTEN", "127.0.0.1:0")
        .env("LITTORAL_SHUTDOWN_SECONDS", "0");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    littoral(folder, arguments).output().unwrap()
}

/// A server that is killed with its test.
struct Running {
    child: Child,
    lines: Vec<String>,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let mut child = littoral(folder, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = Vec::new();
        for line in stdout.lines() {
            lines.push(line.unwrap());
            // The last of the start-up lines.
            if lines.last().is_some_and(|line| line.starts_with("TOKEN=")) {
                break;
            }
        }
        Self { child, lines }
    }

    fn address(&self) -> &str {
        self.lines.iter().find_map(|line| line.strip_prefix("listening on http://")).unwrap()
    }

    fn stop(&mut self) -> ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn starts_with_nothing_prepared_and_stops_on_sigterm() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    let mut server = Running::start(&folder);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["secrets.env", "littoral.db", "littoral.db-wal"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }

    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let second = run(&folder, &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("stop it first"));

    assert!(server.stop().success());
    let log = folder.join("littoral.db-wal");
    assert!(!log.exists(), "the database was closed in order");
    Running::start(&folder).stop();
}

#[test]
fn names_every_wrong_setting_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let output = littoral(folder.path(), &[])
        .env("LITTORAL_LISTEN", "everywhere")
        .env("LITTORAL_HISTORY_TOKENS", "many")
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("LITTORAL_LISTEN:") && complaint.contains("LITTORAL_HISTORY_TOKENS:"), "{complaint}");
    assert!(!complaint.contains("everywhere"), "{complaint}");
}

#[test]
fn says_what_to_do_when_it_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let complaint = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("localhost:{}", taken.local_addr().unwrap().port());
    let said = complaint(littoral(folder.path(), &[]).env("LITTORAL_LISTEN", address));
    assert!(said.contains("Another program listens there") && said.contains("LITTORAL_LISTEN"), "{said}");

    let database = folder.path().join("littoral.db");
    fs::write(&database, [b'x'; 8192]).unwrap();
    for log in ["littoral.db-wal", "littoral.db-shm"] {
        let _ = fs::remove_file(folder.path().join(log));
    }
    let said = complaint(&mut littoral(folder.path(), &[]));
    assert!(said.contains("damaged") && said.contains("restore a backup"), "{said}");
    assert_eq!(fs::read(&database).unwrap(), [b'x'; 8192], "what is left is not touched");

    let said = complaint(&mut littoral(&database, &[]));
    assert!(said.contains("LITTORAL_DATA_DIR"), "{said}");
}

#[test]
fn refuses_secrets_that_others_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets.env");
    fs::write(&secrets, "").unwrap();
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("chmod 600"));
}

#[test]
fn migrates_and_rotates_keys() {
    let folder = tempfile::tempdir().unwrap();
    let migrated = |output: Output| String::from_utf8(output.stdout).unwrap();
    assert!(migrated(run(folder.path(), &["migrate"])).starts_with("applied 0001_"));
    assert_eq!(migrated(run(folder.path(), &["migrate"])), "the database is up to date\n");
    let secrets = || fs::read_to_string(folder.path().join("secrets.env")).unwrap();
    let before = secrets();
    assert!(run(folder.path(), &["keys", "rotate"]).status.success());
    let first = before.lines().find_map(|line| line.strip_prefix("LITTORAL_JWT_KEYS=")).unwrap();
    assert!(secrets().contains(&format!(",{first}\n")));
}

/// Runs a command with a line on its standard input.
fn run_with(folder: &Path, arguments: &[&str], line: &str) -> Output {
    let mut child = littoral(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn makes_admins_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let complaint = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();

    let made = run(folder.path(), &["users", "create-admin", "Ada@example.com"]);
    let lines = said(&made);
    let password = lines.strip_prefix("ada@example.com is an admin now\nits password, shown this once: ").unwrap();
    assert!(password.trim_end().len() == 24 && made.status.success(), "{lines}");
    let again = run(folder.path(), &["users", "create-admin", "ada@example.com"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("littoral users set-role ada@example.com admin"), "{}", complaint(&again));

    let given = run_with(folder.path(), &["users", "create-admin", "bob@example.com"], "canary-Passw0rd-7\n");
    assert_eq!(said(&given), "bob@example.com is an admin now\n", "{}", complaint(&given));
    let short = run_with(folder.path(), &["users", "create-admin", "eve@example.com"], "canary\n");
    assert!(!short.status.success() && !complaint(&short).contains("canary"), "{}", complaint(&short));

    let set = |arguments: &[&str]| run(folder.path(), &[&["users", "set-role"], arguments].concat());
    assert_eq!(said(&set(&["bob@example.com", "user"])), "bob@example.com is a user now\n");
    let last = set(&["ada@example.com", "user"]);
    assert!(!last.status.success() && complaint(&last).contains("last admin"), "{}", complaint(&last));
    assert!(complaint(&set(&["nobody@example.com", "admin"])).contains("no account has this address"));
    assert!(complaint(&set(&["bob@example.com", "guest"])).contains("`admin` or `user`"));
}

#[test]
fn explains_itself() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("littoral keys rotate"));
    let unknown = run(folder.path(), &["start"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("--help"));
}

/// A hash of `canary-Passw0rd-7`, cheap to verify.
fn hash() -> String {
    let params = argon2::Params::new(64, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2::PasswordHasher::hash_password_with_salt(&argon2, b"canary-Passw0rd-7", b"some salt of it");
    hash.unwrap().to_string()
}

fn post(address: &str, path: &str, token: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let (length, kind) = (body.len(), "content-type: application/json");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n{kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn imports_users_who_then_sign_in_with_their_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, json) = (folder.path().join("users.csv"), folder.path().join("users.jsonl"));
    let hash = hash();
    let rows = [
        "email,hashed_password,full_name,username,is_superuser,is_active,created_at".to_owned(),
        format!("Ada@Example.com,\"{hash}\",Ada Lovelace,ada,true,true,2024-05-06 07:08:09"),
        format!("ada@example.com,\"{hash}\",Somebody Else,,false,true,"),
        "bad@example.com,hunter2,,,,,".to_owned(),
        "short@example.com".to_owned(),
        format!("off@example.com,\"{hash}\",Off,ada,false,false,2024-05-06"),
    ];
    fs::write(&csv, rows.join("\n")).unwrap();
    let line = |email: &str| format!("{{\"email\":\"{email}\",\"password_hash\":\"{hash}\"}}\n");
    fs::write(&json, format!("{}\n{}", line("grace@example.com"), line("nobody"))).unwrap();
    let import = |arguments: &[&str]| {
        let all: Vec<&str> = ["users", "import"].iter().chain(arguments).copied().collect();
        let output = run(folder.path(), &all);
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let digest = hash.rsplit('$').next().unwrap();
        assert!(!text.contains(digest) && !text.contains("hunter2") && !text.contains('@'), "{text}");
        (output.status.code(), text)
    };

    let (csv, json) = (csv.to_str().unwrap(), json.to_str().unwrap());
    let (code, text) = import(&["--dry-run", csv]);
    assert_eq!(code, Some(1), "{text}");
    let rehearsed = text;
    let (code, text) = import(&[csv]);
    assert_eq!(code, Some(1));
    assert_eq!(rehearsed.replace("would be imported", "imported"), text, "a dry run says what the run does");
    for expected in [
        "line 2: imported\n",
        "line 3: address already registered, skipped\n",
        "line 4: failed: password_hash: neither argon2",
        "line 5: failed: it has 1 fields, the first row 7\n",
        "line 6: imported without username (taken)\n",
        "2 imported (1 of them as admin), 1 skipped, 2 failed\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (code, text) = import(&[json]);
    assert_eq!(code, Some(1));
    assert!(text.contains("line 1: imported\nline 3: failed: email: no e-mail address\n"), "{text}");
    // Names that the store has, and addresses and names that come again in another batch of rows.
    let many = folder.path().join("many.jsonl");
    let row = |number: usize, name: &str| {
        format!("{{\"email\":\"n{number}@example.com\",\"password_hash\":\"{hash}\",\"username\":\"{name}\"}}\n")
    };
    let numbered = (0..60).map(|number| row(number, &format!("name-{number}")));
    let repeated = [row(7, "fresh"), row(61, "fresh"), row(62, "name-7"), row(63, "ADA")];
    fs::write(&many, numbered.chain(repeated).collect::<String>()).unwrap();
    let many = many.to_str().unwrap();
    let (code, rehearsed) = import(&["--dry-run", many]);
    assert_eq!(code, Some(0), "{rehearsed}");
    for expected in [
        "line 61: address already registered, skipped\n",
        "line 62: would be imported\n",
        "line 63: would be imported without username (taken)\n",
        "line 64: would be imported without username (taken)\n",
        "\n63 would be imported, 1 skipped, 0 failed\n",
    ] {
        assert!(rehearsed.contains(expected), "{expected}: {rehearsed}");
    }
    assert_eq!(rehearsed.replace("would be imported", "imported"), import(&[many]).1);
    let (_, again) = import(&[csv]);
    assert!(again.contains("0 imported, 3 skipped, 2 failed\n"), "{again}");
    let (code, missing) = import(&["nowhere.csv"]);
    assert!(code == Some(1) && missing.contains("cannot read nowhere.csv"), "{missing}");

    let server = Running::start(folder.path());
    let login = |email: &str| {
        let body = format!("{{\"email\":\"{email}\",\"password\":\"canary-Passw0rd-7\"}}");
        post(server.address(), "/api/v1/auth/login", "", &body)
    };
    assert!(login("grace@example.com").starts_with("HTTP/1.1 200"));
    assert!(login("off@example.com").starts_with("HTTP/1.1 403"), "who was not active is suspended");
    assert!(login("bad@example.com").starts_with("HTTP/1.1 401"));
    let answer = login("ada@example.com");
    let token = answer.split("\"access_token\":\"").nth(1).unwrap().split('"').next().unwrap();
    let profile = post(server.address(), "/api/v1/users/me", token, "");
    for expected in [
        "\"display_name\":\"Ada Lovelace\"",
        "\"username\":\"ada\"",
        "\"role\":\"admin\"",
        "\"created_at\":\"2024-05-06T07:08:09.000Z\"",
    ] {
        assert!(profile.contains(expected), "{expected}: {profile}");
    }
}
