//! Accounts that are deleted: what is left of them, when, and what a crash on the way does. In process, where time can pass and
//! a store can be made to fail.

use std::time::Duration;

use http::Method;
use ports::{Database, Statement, Value as Cell};
use serde_json::{Value, json};
use testkit::{Faulty, Moment, upstream::Script};
use tests::{Api, PASSWORD, User, authenticator::Protected};

const ME: &str = "/api/v1/users/me";
const CANARY: &str = "canary-of-somebody-who-leaves";
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Every row of every table, as `table: values`.
async fn rows(database: &Faulty) -> Vec<String> {
    let read = async |sql: String| database.run(Statement::new(sql.leak(), [])).await.expect("rows").rows;
    let mut all = Vec::new();
    for table in read("SELECT name FROM sqlite_master WHERE type = 'table'".into()).await {
        let name = table.text(0).expect("a name").to_owned();
        for row in read(format!("SELECT * FROM {name}")).await {
            let cells = row.0.iter().map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                Cell::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                other => format!("{other:?}"),
            });
            all.push(format!("{name}: {}", cells.collect::<Vec<_>>().join(" | ")));
        }
    }
    all
}

async fn rows_with(database: &Faulty, words: &[&str]) -> Vec<String> {
    rows(database).await.into_iter().filter(|row| words.iter().any(|word| row.contains(word))).collect()
}

async fn id(user: &User) -> String {
    user.get(ME).await.json().await.1["user_id"].as_str().expect("an id").to_owned()
}

/// A user who has left traces in every table. Returns the user's id as well.
async fn busy_user(api: &Api, database: &Faulty) -> (User, String) {
    let user = api.verified_user().await;
    let name = api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": "wrong" })).await.status;
    assert_eq!(name, 401);
    let headers = [("content-type", "application/json"), ("x-device-name", CANARY)];
    let body = json!({ "email": user.email, "password": PASSWORD }).to_string();
    assert_eq!(api.send(Method::POST, "/api/v1/auth/login", &headers, body.into()).await.status, 200);
    assert_eq!(user.patch(ME, &json!({ "display_name": CANARY })).await.status, 200);
    assert_eq!(user.patch("/api/v1/users/me/settings", &json!({ "preferences": { "a": CANARY } })).await.status, 200);
    for title in [CANARY, "another"] {
        let (_, made) = user.post("/api/v1/chat/conversations", &json!({ "title": title })).await.json().await;
        let path = format!("/api/v1/chat/conversations/{}/messages", made["id"].as_str().unwrap());
        let body = json!({ "content": CANARY, "model": "littoral-offline" });
        assert_eq!(user.post(&path, &body).await.status, 200);
    }
    let key = [("idempotency-key", CANARY)];
    let prompt = json!({ "prompt": CANARY, "model": "littoral-offline" });
    assert_eq!(user.send(Method::POST, "/api/v1/ai/complete", &key, Some(&prompt)).await.status, 200);
    let model = api.provider.script(Script::reply(&[CANARY])).await;
    let priced = json!({ "content": CANARY, "model": model });
    let path = format!("/api/v1/chat/conversations/{}/messages", user.conversation().await);
    assert_eq!(user.post(&path, &priced).await.status, 200);
    let id = id(&user).await;
    assert_eq!(user.post("/api/v1/auth/api-keys", &json!({ "name": CANARY })).await.status, 201);
    let identity = "INSERT INTO identities (provider, subject, user_id, email, created_at, last_used_at)
                    VALUES ('test', ?1, ?2, ?3, 1, 1)";
    let params = [format!("subject of {id}").into(), id.as_str().into(), user.email.as_str().into()];
    database.run(Statement::new(identity, params)).await.expect("a row");
    let former = "INSERT INTO password_history (user_id, password_hash, created_at) VALUES (?1, 'canary', 1)";
    database.run(Statement::new(former, [id.as_str().into()])).await.expect("a row");
    (user, id)
}

/// Leaves traces of a second factor, too.
async fn protect(user: &User) {
    let protected = Protected::of(user.clone()).await;
    protected.sign_in(&json!({ "recovery_code": protected.codes[0], "trust_device": true })).await;
    protected.challenge().await;
    assert_eq!(user.post("/api/v1/auth/step-up", &json!({ "code": protected.app.wrong() })).await.status, 403);
}

async fn leave(user: &User, mode: &str) -> (u16, Value) {
    user.send(Method::DELETE, ME, &[], Some(&json!({ "mode": mode }))).await.json().await
}

/// Looks, as a timer does, until nothing of the user is left.
async fn until_gone(api: &Api, database: &Faulty, words: &[&str]) {
    let gone = async {
        loop {
            api.erase_due().await;
            if rows_with(database, words).await.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), gone).await;
    assert!(ended.is_ok(), "still there: {:#?}", rows_with(database, words).await);
}

#[tokio::test]
async fn nothing_is_left_of_an_erased_account_and_others_stay_as_they_are() {
    let (api, _, database) = Api::two(&[]).await;
    let (user, gone) = busy_user(&api, &database).await;
    let (other, stays) = busy_user(&api, &database).await;
    protect(&user).await;
    protect(&other).await;
    let traces = [gone.as_str(), user.email.as_str()];
    let tables = [
        "users",
        "identities",
        "api_keys",
        "factors",
        "recovery_codes",
        "trusted_devices",
        "challenges",
        "factor_guesses",
        "sessions",
        "profiles",
        "one_time_tokens",
        "password_history",
        "audit_events",
        "conversations",
        "runs",
        "ledger",
        "budgets",
    ];
    let before = rows_with(&database, &traces).await;
    for table in tables {
        assert!(before.iter().any(|row| row.starts_with(&format!("{table}:"))), "{table}: the test leaves no trace");
    }
    let of_other = rows_with(&database, &[&stays, &other.email]).await;
    let canaries = rows_with(&database, &[CANARY]).await.len();

    let (status, accepted) = leave(&user, "immediate").await;
    assert_eq!((status, &accepted["mode"]), (202, &json!("immediate")), "{accepted}");
    let (status, refused) = user.get(ME).await.json().await;
    assert_eq!((status, &refused["code"]), (401, &json!("session_ended")));
    let refresh = json!({ "refresh_token": user.tokens["refresh_token"] });
    assert_eq!(api.post("/api/v1/auth/refresh", &refresh).await.status, 401);

    // While an access token could still be valid somewhere, the id stays, and nothing else.
    api.erase_due().await;
    let rest = rows_with(&database, &traces).await;
    assert!(rest.iter().all(|row| row.starts_with("users:") || row.starts_with("sessions:")), "{rest:#?}");
    assert!(!rest.iter().any(|row| row.contains(&user.email)), "{rest:#?}");

    api.pass(HOUR);
    until_gone(&api, &database, &traces).await;
    // The security log remembers that it happened, and of nobody.
    let erased = rows_with(&database, &["account_erased"]).await;
    assert_eq!(erased.len(), 1, "{erased:?}");
    assert_eq!(rows_with(&database, &[CANARY]).await.len() * 2, canaries, "half of the canaries are the other user's");
    assert_eq!(rows_with(&database, &[&stays, &other.email]).await, of_other);
    assert_eq!(api.erase_due().await, 0);
}

#[tokio::test]
async fn a_planned_deletion_happens_on_its_day_unless_it_is_cancelled() {
    let (api, _, database) = Api::two(&[]).await;
    let (stays, _) = busy_user(&api, &database).await;
    let (goes, id) = busy_user(&api, &database).await;
    for user in [&stays, &goes] {
        assert_eq!(leave(user, "scheduled").await.0, 202);
    }
    let (status, profile) = stays.post("/api/v1/users/me/deletion/cancel", &json!({})).await.json().await;
    assert_eq!((status, &profile["deletion_scheduled_at"]), (200, &Value::Null));
    let login = async |user: &User| {
        let body = json!({ "email": user.email, "password": PASSWORD });
        api.post("/api/v1/auth/login", &body).await.json().await
    };

    api.pass(29 * DAY);
    assert_eq!(api.erase_due().await, 0);
    assert_eq!(login(&goes).await.0, 200, "until the day, the account works");
    api.pass(DAY + HOUR);
    api.erase_due().await;
    assert_eq!(login(&goes).await.0, 401);
    let (status, tokens) = login(&stays).await;
    assert_eq!(status, 200);
    let stays = User { tokens, ..stays };
    let (_, list) = stays.get("/api/v1/chat/conversations").await.json().await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 3);
    api.pass(HOUR);
    until_gone(&api, &database, &[&id, &goes.email]).await;
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_is_picked_up() {
    let steps = [
        "ended_reason = ?3",
        "DELETE FROM profiles",
        "DELETE FROM runs",
        "DELETE FROM messages",
        "SELECT id FROM conversations WHERE user_id = ?1 LIMIT 500",
        "UPDATE audit_events",
        "DELETE FROM users",
    ];
    let (api, _, database) = Api::two(&[]).await;
    for (step, moment) in steps.into_iter().flat_map(|step| [(step, Moment::Before), (step, Moment::After)]) {
        let (user, id) = busy_user(&api, &database).await;
        database.fail_containing(step, moment);
        if leave(&user, "immediate").await.0 == 503 {
            // Nothing of it happened, or all of it unheard of: the app tries again.
            database.heal();
            let (status, _) = leave(&user, "immediate").await;
            assert!([202, 401].contains(&status), "{step} {moment:?}: {status}");
            database.fail_containing(step, moment);
        }
        api.pass(HOUR);
        api.erase_due().await;
        // Whatever failed, nobody gets in any more, and the address is free.
        let body = json!({ "email": user.email, "password": PASSWORD });
        assert_eq!(api.post("/api/v1/auth/login", &body).await.status, 401, "{step} {moment:?}");
        database.heal();
        until_gone(&api, &database, &[&id, &user.email, CANARY]).await;
    }
}

#[tokio::test]
async fn a_reply_under_way_stops_and_writes_nothing_more() {
    let (api, _, database) = Api::two(&[]).await;
    let user = api.user().await;
    let id = id(&user).await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).delta(CANARY).stall()).await;
    let mut frames = user.stream(&conversation, &model).await;
    frames.until("delta").await;
    assert_eq!(leave(&user, "immediate").await.0, 202);
    assert_eq!(api.provider.closed(&model, 10_000).await["closed_early"], true);
    api.pass(HOUR);
    until_gone(&api, &database, &[&id, CANARY]).await;
}

#[tokio::test]
async fn the_last_admin_stays_until_there_is_another_one() {
    let (api, _, database) = Api::two(&[]).await;
    let (admin, id) = busy_user(&api, &database).await;
    let (next, next_id) = busy_user(&api, &database).await;
    let make_admin = async |id: &str| {
        let sql = "UPDATE users SET role = 'admin' WHERE id = ?1";
        database.run(Statement::new(sql, [id.into()])).await.expect("an admin");
    };
    make_admin(&id).await;
    let admin = admin.refreshed().await;
    for mode in ["immediate", "scheduled"] {
        let (status, refused) = leave(&admin, mode).await;
        assert_eq!((status, &refused["code"]), (409, &json!("last_admin")), "{mode}");
    }
    assert_eq!(admin.get(ME).await.json().await.1["deletion_scheduled_at"], Value::Null);
    assert!(rows_with(&database, &["deletion_scheduled |"]).await.is_empty(), "nothing of it is in the log");

    make_admin(&next_id).await;
    let next = next.refreshed().await;
    assert_eq!(leave(&admin, "scheduled").await.0, 202);
    let (status, refused) = leave(&next, "scheduled").await;
    assert_eq!((status, &refused["code"]), (409, &json!("last_admin")), "the other one plans to leave");
    // Who is the only admin on the day stays until there is another one.
    assert_eq!(leave(&next, "immediate").await.0, 202);
    let (later, later_id) = busy_user(&api, &database).await;
    api.pass(31 * DAY);
    api.erase_due().await;
    let body = json!({ "email": admin.email, "password": PASSWORD });
    assert_eq!(api.post("/api/v1/auth/login", &body).await.status, 200);
    make_admin(&later_id).await;
    api.erase_due().await;
    assert_eq!(api.post("/api/v1/auth/login", &body).await.status, 401);
    api.pass(HOUR);
    until_gone(&api, &database, &[&id, &admin.email]).await;
    assert!(!rows_with(&database, &[&later.email]).await.is_empty());
}

#[tokio::test]
async fn of_two_admins_who_plan_to_leave_at_once_one_may() {
    let (api, _, database) = Api::two(&[]).await;
    let (one, two) = (api.user().await, api.user().await);
    database.run(Statement::new("UPDATE users SET role = 'admin'", [])).await.expect("admins");
    let (one, two) = (one.refreshed().await, two.refreshed().await);
    let (first, second) = tokio::join!(leave(&one, "scheduled"), leave(&two, "scheduled"));
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409], "{first:?} {second:?}");
}

#[tokio::test]
async fn of_many_plans_at_once_there_is_one() {
    let (api, other, database) = Api::two(&[]).await;
    let user = api.user().await;
    let there = User { api: other, ..user.clone() };
    let plans = [&user, &there, &user, &there].map(|user| leave(user, "scheduled"));
    let plans = futures_util::future::join_all(plans).await;
    assert!(plans.iter().all(|plan| *plan == plans[0] && plan.0 == 202), "{plans:?}");
    assert_eq!(rows_with(&database, &["deletion_scheduled |"]).await.len(), 1, "one event");
}

#[tokio::test]
async fn guests_that_nobody_uses_are_erased_and_others_are_not() {
    let (api, _, database) = Api::two(&[("LITTORAL_GUESTS", "allow"), ("LITTORAL_GUEST_DAYS", "7")]).await;
    let guest = async || {
        let (status, tokens) = api.post("/api/v1/auth/guest", &json!({})).await.json().await;
        assert_eq!(status, 201, "{tokens}");
        User { api: api.clone(), email: String::new(), tokens }
    };
    let (left, stays) = (guest().await, guest().await);
    let (gone, there) = (id(&left).await, id(&stays).await);
    assert_eq!(left.patch(ME, &json!({ "display_name": CANARY })).await.status, 200);
    left.conversation().await;
    api.pass(6 * DAY);
    let refresh = json!({ "refresh_token": stays.tokens["refresh_token"] });
    assert_eq!(api.post("/api/v1/auth/refresh", &refresh).await.status, 200);
    api.erase_due().await;
    assert!(!rows_with(&database, &[&gone]).await.is_empty());
    api.pass(2 * DAY);
    api.erase_due().await;
    api.pass(HOUR);
    until_gone(&api, &database, &[&gone, CANARY]).await;
    assert!(!rows_with(&database, &[&there]).await.is_empty());
}

#[tokio::test]
async fn leaving_and_taking_everything_along_want_a_recent_sign_in() {
    let api = Api::start().await;
    let user = api.user().await;
    if !api.pass(Duration::from_mins(11)) {
        return println!("not here: a running host has its own clock");
    }
    for mode in ["immediate", "scheduled"] {
        let (status, refused) = leave(&user, mode).await;
        assert_eq!((status, &refused["code"]), (403, &json!("step_up_required")), "{mode}");
    }
    let (status, refused) = user.get("/api/v1/users/me/export").await.json().await;
    assert_eq!((status, &refused["code"]), (403, &json!("step_up_required")));
    let (status, profile) = user.get(ME).await.json().await;
    assert_eq!((status, &profile["deletion_scheduled_at"]), (200, &Value::Null), "{profile}");
}

#[tokio::test]
async fn sign_ins_are_the_clock_of_a_host_that_has_none() {
    let (api, _, database) = Api::two(&[]).await;
    let (user, id) = busy_user(&api, &database).await;
    assert_eq!(leave(&user, "scheduled").await.0, 202);
    let look = async |words: &[&str]| {
        while rows_with(&database, words).await.iter().any(|row| !row.starts_with("littoral_migrations")) {
            api.pass(HOUR);
            api.user().await;
            tokio::task::yield_now().await;
        }
    };
    api.pass(31 * DAY);
    tokio::time::timeout(Duration::from_secs(30), look(&[&id, &user.email])).await.expect("somebody looks");
}
