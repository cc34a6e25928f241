//! `littoral config check`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Output,
    thread,
};

use crate::{Running, littoral};

/// A provider whose models are listed under `/v1`, for who has the key `canary-right`. It ends with the test.
fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (status, body) = answer(&stream);
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
            let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
        }
    });
    format!("http://{address}")
}

fn answer(stream: &TcpStream) -> (&'static str, &'static str) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let target = lines.next().unwrap_or_default();
    let has_key = lines.take_while(|line| !line.is_empty()).any(|line| line.ends_with("Bearer canary-right"));
    match (target.as_str(), has_key) {
        ("GET /v1/models HTTP/1.1", true) => ("200 OK", r#"{"object":"list","data":[{"id":"one"},{"id":"two"}]}"#),
        ("GET /v1/models HTTP/1.1", false) => ("401 Unauthorized", r#"{"error":{"code":"invalid_api_key"}}"#),
        _ => ("404 Not Found", r#"{"error":{"message":"Invalid URL"}}"#),
    }
}

/// Exit code, standard output and standard error. Neither shows a secret.
fn check(folder: &Path, settings: &[(&str, &str)], live: bool) -> (Option<i32>, String, String) {
    let mut arguments = vec!["config", "check"];
    arguments.extend(live.then_some("--live"));
    let Output { status, stdout, stderr } =
        littoral(folder, &arguments).envs(settings.iter().copied()).output().unwrap();
    let (said, complaint) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!said.contains("canary") && !complaint.contains("canary"), "{said}{complaint}");
    (status.code(), said, complaint)
}

#[test]
fn says_what_is_wrong_or_what_is_in_effect_and_touches_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let (code, said, complaint) =
        check(&folder, &[("LITTORAL_LISTEN", "canary"), ("LITTORAL_RETRIES", "canary")], false);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(complaint.contains("LITTORAL_LISTEN:") && complaint.contains("LITTORAL_RETRIES:"), "{complaint}");

    let settings = [
        ("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        ("LITTORAL_OPENAI_API_KEY", "canary"),
        ("LITTORAL_MODELS", "two"),
        ("LITTORAL_BUDGET_USD", "2.50"),
        ("LITTORAL_PRICES", "*=1/2"),
        ("LITTORAL_MODLE", "one"),
    ];
    let (code, said, complaint) = check(&folder, &settings, false);
    assert_eq!(code, Some(0), "{complaint}");
    for expected in [
        "the settings are valid\n",
        "http://127.0.0.1:9/v1, with a key\n",
        " gpt-4o-mini, two\n",
        " 2.5 US dollars a user and month\n",
        "sent to nobody, kept in ",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(complaint.contains("LITTORAL_MODLE is set") && complaint.contains("did you mean LITTORAL_MODEL?"));
    assert!(!folder.exists(), "a check makes nothing");
}

#[test]
fn asks_the_provider_and_the_database_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let provider = provider();
    let versioned = format!("{provider}/v1");
    let live = |url: &str, key: &str, model: &str| {
        let settings = [("LITTORAL_OPENAI_BASE_URL", url), ("LITTORAL_OPENAI_API_KEY", key), ("LITTORAL_MODEL", model)];
        check(folder.path(), &settings, true)
    };
    let (code, said, complaint) = live(&versioned, "canary-right", "two");
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(said.contains(&format!("works: provider at {versioned}: answers, and lists 2 models\n")), "{said}");
    assert!(said.contains("littoral.db: not there yet, the first start makes it\n"), "{said}");

    let server = Running::start(folder.path());
    let (code, said, complaint) = live(&versioned, "canary-wrong", "two");
    assert_eq!(code, Some(1), "{complaint}");
    assert!(said.contains("does not work: provider at ") && said.contains("Check LITTORAL_OPENAI_API_KEY\n"), "{said}");
    assert!(said.contains("littoral.db: a littoral that is running has it open\n"), "{said}");
    assert!(complaint.contains("1 of 2 checks failed"), "{complaint}");
    drop(server);

    let (code, said, _) = live(&provider, "canary-right", "two");
    assert!(code == Some(1) && said.contains(&format!("Set LITTORAL_OPENAI_BASE_URL to {versioned}\n")), "{said}");
    assert!(said.contains("littoral.db: answers\n"), "{said}");
    let (code, said, _) = live(&versioned, "canary-right", "twp");
    assert!(code == Some(1) && said.contains("no model twp; did you mean two?"), "{said}");

    fs::write(folder.path().join("littoral.db"), [b'x'; 8192]).unwrap();
    let (code, said, _) = live(&versioned, "canary-right", "two");
    assert!(code == Some(1) && said.contains("restore a backup"), "{said}");
}
