//! What SQLite does for each statement of the product. None may cost more the longer a user has been here: each table is entered
//! by a key, or by an index that holds little of anybody. What is different is listed, with its reason.

use std::{fs, path::Path};

use testkit::StrictDatabase;

/// Indexes that hold little: of one user, or of everybody.
const SMALL: [(&str, &str); 24] = [
    ("runs_open", "runs under way"),
    ("runs_logged", "runs of the last hour, whose logs are kept"),
    ("runs_passing", "completions of the last hour"),
    ("runs_keyed", "completions of the last day"),
    ("ledger_open", "runs under way"),
    ("sessions_open", "a user's open sessions: LITTORAL_MAX_SESSIONS"),
    ("sessions_over", "a user's last 500 sessions"),
    ("users_admins", "admins"),
    ("users_leaving", "accounts whose deletion is planned"),
    ("users_deleted", "accounts that wait to be erased"),
    ("users_with_password", "one row is read"),
    ("api_keys_by_user", "a user has a bounded number of keys"),
    ("identities_by_user", "a user has one identity of each provider"),
    ("factors_by_user", "a user has a bounded number of factors"),
    ("trusted_devices_by_user", "a user has a bounded number of trusted devices"),
    ("challenges_by_user", "challenges live for minutes"),
    ("challenges_by_expiry", "only what has expired is read"),
    ("one_time_tokens_by_user", "mails are limited, and their tokens live for days"),
    ("one_time_tokens_by_expiry", "only what has expired is read"),
    ("login_failures_by_time", "only what has expired is read"),
    ("key_values_by_expiry", "only what has expired is read"),
    ("conversations_by_user_id", "a page in the order of the index"),
    ("runs_by_idempotency_key", "unique"),
    ("sqlite_autoindex_", "unique; that of messages by position is not let through here"),
];

/// In the order of the index, and no more than the page: nothing is looked at and left out but what is deleted or expired.
const PAGE: &str = "a page in the order of its index";
/// The largest or smallest entry of an index.
const ONE: &str = "one row";
/// What a deleted account leaves, a bounded number at a time.
const ERASURE: &str = "erasing, by the timer";
/// No more than are kept: `sessions::KEPT_AFTER_THEIR_END`.
const SESSIONS: &str = "a user's sessions are bounded";

/// Statements that do look at more, and why they may.
const EXCEPTIONS: [(&str, &str); 34] = [
    ("audit_events::page", PAGE),
    ("audit_events::page_of", "an admin looks for one kind among the events of the retention"),
    ("audit_events::page_oldest", PAGE),
    ("audit_events::expire", PAGE),
    ("audit_events::forget_user", ERASURE),
    ("audit_events::forget_actor", ERASURE),
    ("conversations::delete", "what belongs to the conversation goes with it"),
    ("conversations::erase", ERASURE),
    ("conversations::insert", ONE),
    ("conversations::rename", ONE),
    ("conversations::page", PAGE),
    ("directory::page", "an admin looks for a part of an address among all users"),
    ("directory::by_id", SESSIONS),
    ("ledger::records", PAGE),
    ("ledger::forget", ERASURE),
    ("ledger::forget_rest", ERASURE),
    ("messages::make_room", ONE),
    ("messages::path", ONE),
    ("messages::page_oldest", PAGE),
    ("messages::page_newest", PAGE),
    ("messages::of_several", "an export puts the messages of a few short conversations in order"),
    ("messages::of_one", PAGE),
    ("messages::erase", ERASURE),
    ("one_time_tokens::insert_unused", ONE),
    ("recovery_codes::insert", "the ten rows that it is given"),
    ("runs::records", PAGE),
    ("runs::erase", ERASURE),
    ("sessions::records", PAGE),
    ("users::unused_guests", "now and then, by the timer"),
    ("users::any", ONE),
    ("users::erase", ERASURE),
    ("users::import", SESSIONS),
    ("users::mark_unused", SESSIONS),
    ("sql_rate_limiter::sweep", "the table holds the buckets of the last minutes"),
];

/// A statement and where it stands: the file's name and the function's.
struct Found {
    place: String,
    sql: String,
}

/// The statements in a source file: string literals that begin with a verb of SQL.
fn statements(path: &Path, source: &str) -> Vec<Found> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let file = path.file_stem().unwrap().to_string_lossy().into_owned();
    let (mut found, mut function, mut rest) = (Vec::new(), String::new(), source);
    while let Some(at) = rest.find(['"', '/', '\'', 'f']) {
        let (before, here) = (rest[..at].chars().next_back(), &rest[at..]);
        if here.starts_with("//") {
            rest = here.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(quoted) = here.strip_prefix("'\"'").or_else(|| here.strip_prefix(r#"'\"'"#)) {
            rest = quoted;
        } else if let Some(named) = here.strip_prefix("fn ").filter(|_| before.is_none_or(char::is_whitespace)) {
            named[..named.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap()].clone_into(&mut function);
            rest = named;
        } else if let Some(text) = here.strip_prefix('"') {
            let is_raw = before == Some('#');
            let mut escaped = false;
            let end = text.char_indices().position(|(at, c)| {
                let ends = c == '"' && !escaped && (!is_raw || text[at..].starts_with("\"#"));
                escaped = c == '\\' && !escaped && !is_raw;
                ends
            });
            let end = end.and_then(|n| text.char_indices().nth(n)).expect("a literal ends").0;
            let (text, after) = text.split_at(end);
            let verb = text.split_whitespace().next().unwrap_or_default();
            if ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) {
                let sql = text.replace("\\\n", " ").replace("\\\"", "\"");
                found.push(Found { place: format!("{file}::{function}"), sql });
            }
            rest = &after[1..];
        } else {
            rest = &here[1..];
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<Found>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            found.extend(statements(&path, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether a step of a plan may walk over more and more rows.
fn grows(step: &str) -> bool {
    let mut words = step.split_whitespace();
    let (verb, table) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !["SCAN", "SEARCH"].contains(&verb) {
        return false;
    }
    let rows_of_the_statement = ["CONSTANT", "json_each", "wanted", "path", "p"].contains(&table)
        || table.starts_with('(')
        || table.chars().all(|c| c.is_ascii_digit());
    let by_key = |keys: &str| {
        let bounds = step.split_once(keys).and_then(|(_, rest)| rest.split_once('(')).map(|(_, bounds)| bounds);
        // The log of one run has an upper bound, and so have the few tables whose keys begin with a user.
        bounds.is_some_and(|bounds| !bounds.contains(['<', '>']) || bounds.starts_with("run_id=? AND first_seq"))
    };
    let small = SMALL.iter().any(|(index, _)| {
        let named = if index.ends_with('_') {
            step.contains(index)
        } else {
            step.split_whitespace().any(|word| word == *index)
        };
        named && !step.contains("sqlite_autoindex_messages_2")
    });
    // The runs of a user that have no end yet.
    let open = step.contains("runs_by_user_end (user_id=? AND ended_at=?)");
    !rows_of_the_statement && !by_key("USING PRIMARY KEY") && !small && !open && step != format!("SEARCH {table}")
}

#[tokio::test]
async fn no_statement_costs_more_the_longer_a_user_has_been_here() {
    let database = StrictDatabase::new().await.unwrap();
    gateway::migrate(&database, domain::Timestamp::from_millis(1_800_000_000_000)).await.unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut found = Vec::new();
    for folder in ["gateway/src", "adapters/src"] {
        sources(&root.join(folder), &mut found);
    }
    assert!(found.len() > 150, "only {} statements were found", found.len());
    let (mut problems, mut used) = (Vec::new(), Vec::new());
    for Found { place, sql } in &found {
        let plan = database.plan(sql).await.unwrap_or_else(|error| panic!("{place}: {error}: {sql}"));
        for step in plan.iter().filter(|step| grows(step)) {
            if EXCEPTIONS.iter().any(|(excepted, _)| excepted == place) {
                used.push(place.clone());
            } else {
                problems.push(format!("{place}: {step}"));
            }
        }
    }
    assert!(problems.is_empty(), "name an index, or an exception with its reason:\n{}", problems.join("\n"));
    for (excepted, _) in EXCEPTIONS {
        assert!(used.iter().any(|place| place == excepted), "{excepted} is an exception without need");
    }
}
