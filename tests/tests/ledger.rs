//! The ledger under fire: processes that die, zombies, a store that fails, and many requests at once for one budget. In
//! process, where a process can be killed, a store made to fail, and the rows be looked at. Prices as in the suite's settings.

use ports::{Database as _, Row, Statement};
use serde_json::{Value, json};
use testkit::{Faulty, Moment, upstream::Script};
use tests::{Api, Frame, Frames, User};

const SHORT_LEASE: (&str, &str) = ("LITTORAL_LEASE_MS", "300");
const COMPLETE: &str = "/api/v1/ai/complete";

fn elsewhere(user: &User, api: &Api) -> User {
    User { api: api.clone(), ..user.clone() }
}

/// Eight bytes: six tokens by our estimate, as the question "Hello" has too.
fn endless() -> Script {
    Script::new().head(200).delta("one ").delta("two ").stall()
}

/// What the estimate of [`endless`] costs.
const ENDLESS: i64 = 6 * 1_000 + 6 * 2_000;

async fn rows(database: &Faulty, sql: &'static str) -> Vec<Row> {
    database.run(Statement::new(sql, [])).await.expect("rows").rows
}

async fn number(database: &Faulty, sql: &'static str) -> i64 {
    rows(database, sql).await[0].integer(0).expect("a number")
}

async fn used(database: &Faulty) -> i64 {
    number(database, "SELECT coalesce(sum(used), 0) FROM budgets").await
}

async fn open(database: &Faulty) -> i64 {
    number(database, "SELECT count(*) FROM ledger WHERE settled_at IS NULL").await
}

/// Cost and `estimated` of the only entry, which must be settled.
async fn settled(database: &Faulty) -> (i64, bool) {
    let found = rows(database, "SELECT cost, estimated FROM ledger").await;
    assert_eq!(found.len(), 1);
    (found[0].integer(0).expect("a cost"), found[0].integer(1).expect("a flag") != 0)
}

async fn all_settled(database: &Faulty) {
    while open(database).await > 0 {
        tokio::task::yield_now().await;
    }
}

async fn logged(api: &Api, message: &str) {
    while !api.log_lines().expect("a log").iter().any(|line| line.contains(message)) {
        tokio::task::yield_now().await;
    }
}

/// Streams until both pieces were seen, and then until they are in the log.
async fn two_pieces(user: &User, conversation: &str, model: &str) -> (Frames, Vec<Frame>) {
    let mut frames = user.stream(conversation, model).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(frames.next().await.expect("an event"));
    }
    let path = format!("/api/v1/runs/{}", seen[0].run);
    while user.get(&path).await.json().await.1["last_seq"].as_u64() < Some(3) {
        tokio::task::yield_now().await;
    }
    (frames, seen)
}

#[tokio::test]
async fn a_run_whose_process_was_killed_is_settled_once_by_what_its_log_shows() {
    let (owner, other, database) = Api::two(&[SHORT_LEASE]).await;
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let model = owner.provider.script(endless()).await;
    let (_frames, seen) = two_pieces(&user, &conversation, &model).await;
    assert!(used(&database).await > ENDLESS, "the most is reserved");
    owner.kill();
    let there = elsewhere(&user, &other);
    // Two at once find it dead.
    let (mut one, mut two) = (there.resume(&seen[0].run, 3).await, there.resume(&seen[0].run, 0).await);
    tokio::join!(one.rest(), two.rest());
    assert_eq!(settled(&database).await, (ENDLESS, true));
    assert_eq!(used(&database).await, ENDLESS);
    let run = there.ended(&seen[0].run).await;
    assert_eq!((&run["cost_nano_usd"], &run["cost_estimated"]), (&json!(ENDLESS), &json!(true)));
}

#[tokio::test]
async fn a_zombie_does_not_settle_again() {
    let (owner, other, database) = Api::two(&[SHORT_LEASE]).await;
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let usage = json!({ "prompt_tokens": 900, "completion_tokens": 900 });
    let script = Script::new().head(200).delta("one ").delta("two ").pause(1_500).finish("stop").usage(usage).done();
    let model = owner.provider.script(script.pause(300)).await;
    let (_frames, seen) = two_pieces(&user, &conversation, &model).await;
    // The owner lives, but its signs of life do not reach the store.
    database.fail_containing("SET status = 'running'", Moment::Before);
    elsewhere(&user, &other).resume(&seen[0].run, 3).await.rest().await;
    database.heal();
    assert_eq!((settled(&database).await, used(&database).await), ((ENDLESS, true), ENDLESS));
    owner.provider.closed(&model, 10_000).await;
    // Its last write came to nothing, in whatever order.
    let (status, _) = user.post(COMPLETE, &json!({ "prompt": "x", "model": "littoral-offline" })).await.json().await;
    assert_eq!(status, 200);
    assert_eq!(used(&database).await, ENDLESS);
    let cost = number(&database, "SELECT max(cost) FROM ledger").await;
    assert_eq!(cost, ENDLESS);
}

#[tokio::test]
async fn a_reply_whose_conversation_was_deleted_is_paid_too() {
    let (api, _, database) = Api::two(&[SHORT_LEASE]).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(endless()).await;
    let (_frames, _) = two_pieces(&user, &conversation, &model).await;
    assert_eq!(user.delete(&format!("/api/v1/chat/conversations/{conversation}")).await.status, 204);
    all_settled(&database).await;
    assert_eq!((settled(&database).await, used(&database).await), ((ENDLESS, true), ENDLESS));
}

#[tokio::test]
async fn a_completion_whose_process_was_killed_is_settled_at_its_reservation_by_the_next_one() {
    let (owner, other, database) = Api::two(&[SHORT_LEASE, ("LITTORAL_TOTAL_TIMEOUT_MS", "500")]).await;
    let user = owner.user().await;
    let model = owner.provider.script(endless()).await;
    let body = json!({ "prompt": "Hello", "model": model, "max_tokens": 10 });
    let asking = {
        let (user, body) = (user.clone(), body.clone());
        tokio::spawn(async move { user.post(COMPLETE, &body).await.status })
    };
    owner.provider.counted(&model, 1).await;
    owner.kill();
    asking.abort();
    // Twenty-one tokens of input at the dearest rate, ten of output at the dearest.
    let reserved = 21 * 1_250 + 10 * 4_000;
    assert_eq!((open(&database).await, used(&database).await), (1, reserved));
    let there = elsewhere(&user, &other);
    loop {
        let free = json!({ "prompt": "Hello", "model": "littoral-offline" });
        assert_eq!(there.post(COMPLETE, &free).await.status, 200);
        if open(&database).await == 0 {
            break;
        }
    }
    let row = &rows(&database, "SELECT cost, estimated, reserved FROM ledger ORDER BY run_id LIMIT 1").await[0];
    assert_eq!((row.integer(0), row.integer(1), row.integer(2)), (Ok(reserved), Ok(1), Ok(reserved)));
    assert_eq!(used(&database).await, reserved);
}

#[tokio::test]
async fn many_requests_at_once_never_use_more_than_the_budget() {
    // Three reservations of 66,250 fit, a fourth does not.
    let (one, two, database) = Api::two(&[("LITTORAL_BUDGET_USD", "0.0002")]).await;
    let user = one.user().await;
    let model = one.provider.script(Script::new().head(200).delta("Hel").stall()).await;
    let body = json!({
        "prompt": "Hello", "model": model, "max_tokens": 10, "stream": true, "disconnect": "cancel",
    });
    let asking = (0..24).map(|number| {
        let there = elsewhere(&user, if number % 2 == 0 { &one } else { &two });
        let body = body.clone();
        tokio::spawn(async move {
            let answer = there.post(COMPLETE, &body).await;
            if answer.status == 200 {
                let mut frames = answer.frames().await;
                frames.until("delta").await;
                return Some(frames);
            }
            let (status, problem) = answer.json().await;
            assert_eq!((status, &problem["code"]), (429, &json!("budget_exceeded")));
            None
        })
    });
    let mut streams = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        streams.extend(asked.await.expect("an answer"));
    }
    assert_eq!(streams.len(), 3);
    assert_eq!(used(&database).await, 3 * 66_250);
    assert_eq!(number(&database, "SELECT count(*) FROM ledger").await, 3);
    assert_eq!(one.provider.count(&model).await, 3);
    // What was set aside and not needed comes back.
    drop(streams);
    all_settled(&database).await;
    assert_eq!(used(&database).await, 3 * (6 * 1_000 + 5 * 2_000));
}

#[tokio::test]
async fn a_refused_reservation_leaves_no_row_at_all() {
    let (api, _, database) = Api::two(&[]).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    assert_eq!(user.post(&path, &json!({ "content": "Hello", "model": "pricey" })).await.status, 429);
    for store in [false, true] {
        let body = json!({ "prompt": "Hello", "model": "pricey", "store": store });
        assert_eq!(user.post(COMPLETE, &body).await.status, 429);
    }
    for table in [
        "SELECT count(*) FROM runs",
        "SELECT count(*) FROM messages",
        "SELECT count(*) FROM ledger",
        "SELECT count(*) FROM budgets",
    ] {
        assert_eq!(number(&database, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_plain_completion_is_one_write_before_and_one_after_and_is_settled_when_its_reply_is_shown() {
    let (api, _, database) = Api::two(&[]).await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
    let before = database.writes();
    let (status, _) = user.post(COMPLETE, &json!({ "prompt": "Hello", "model": model })).await.json().await;
    assert_eq!((status, database.writes() - before), (200, 2));
    assert_eq!((settled(&database).await, used(&database).await), ((13_000, false), 13_000));
}

#[tokio::test]
async fn a_settlement_whose_answer_got_lost_moves_the_budget_once() {
    for moment in [Moment::Before, Moment::After] {
        let (api, _, database) = Api::two(&[]).await;
        let user = api.user().await;
        let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
        database.fail_containing("SET model = ?4, input_rate", moment);
        let (status, reply) = user.post(COMPLETE, &json!({ "prompt": "Hello", "model": model })).await.json().await;
        assert_eq!((status, &reply["text"]), (200, &json!("Hello")), "the reply does not wait for it");
        logged(&api, "a completion could not be settled").await;
        database.heal();
        all_settled(&database).await;
        // The next try has come to nothing, or was the one that counts.
        assert_eq!((settled(&database).await, used(&database).await), ((13_000, false), 13_000), "{moment:?}");
    }
}

#[tokio::test]
async fn an_end_whose_answer_got_lost_moves_the_budget_once() {
    for moment in [Moment::Before, Moment::After] {
        let (api, _, database) = Api::two(&[]).await;
        let user = api.user().await;
        let conversation = user.conversation().await;
        let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
        database.fail_containing("SET model = ?4, input_rate", moment);
        let frames = user.stream(&conversation, &model).await;
        logged(&api, "the end of a run could not be stored").await;
        database.heal();
        let mut frames = frames;
        let seen = frames.rest().await;
        assert_eq!(seen.last().unwrap().json()["status"], "completed", "{moment:?}");
        assert_eq!((settled(&database).await, used(&database).await), ((13_000, false), 13_000), "{moment:?}");
    }
}

#[tokio::test]
async fn without_prices_and_budget_a_run_is_counted_and_costs_nothing() {
    let (api, _, database) = Api::two(&[("LITTORAL_PRICES", ""), ("LITTORAL_BUDGET_USD", "")]).await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
    let before = database.writes();
    let (status, _) = user.post(COMPLETE, &json!({ "prompt": "Hello", "model": model })).await.json().await;
    assert_eq!((status, database.writes() - before), (200, 2));
    assert_eq!(api.provider.requests(&model).await[0].get("max_tokens"), None);
    let sql =
        "SELECT cost, input_tokens, output_tokens FROM ledger WHERE input_rate IS NULL AND reasoning_rate IS NULL";
    let row = &rows(&database, sql).await[0];
    assert_eq!((row.integer(0), row.integer(1), row.integer(2)), (Ok(0), Ok(9), Ok(2)));
    assert_eq!(number(&database, "SELECT count(*) FROM budgets").await, 0);
}

#[tokio::test]
async fn with_a_budget_a_model_without_a_price_is_refused() {
    let (api, _, database) = Api::two(&[("LITTORAL_PRICES", "known=1/2")]).await;
    let user = api.user().await;
    let model = api.provider.script(Script::reply(&["Hello"])).await;
    let conversation = user.conversation().await;
    let message = json!({ "content": "Hello", "model": model });
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    for (path, body) in [(path.as_str(), message), (COMPLETE, json!({ "prompt": "Hello", "model": model }))] {
        let (status, problem) = user.post(path, &body).await.json().await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/model")), "{problem}");
    }
    assert_eq!(api.provider.count(&model).await, 0);
    assert_eq!(number(&database, "SELECT count(*) FROM ledger").await, 0);
}

fn ended(api: &Api) -> Value {
    let lines = api.log_lines().expect("a log");
    let line = lines.iter().rfind(|line| line.contains("\"run ended\"")).expect("the run's line");
    serde_json::from_str(line).expect("JSON")
}

#[tokio::test]
async fn the_ledger_names_the_model_that_answered_and_the_log_who_did_not_and_why() {
    let (api, _, database) = Api::two(&[
        ("LITTORAL_MODELS", "first"),
        ("LITTORAL_FALLBACK_MODEL", "second"),
        ("LITTORAL_PRICES", "*=1/2,second=10/20"),
        ("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        ("LITTORAL_RETRIES", "0"),
    ])
    .await;
    let user = api.user().await;
    let second = api.provider.fallback("second", Script::reply(&["Hel", "lo"])).await;
    let (status, reply) = user.post(COMPLETE, &json!({ "prompt": "Hello", "model": "first" })).await.json().await;
    assert_eq!((status, &reply["text"], &reply["model"]), (200, &json!("Hello"), &json!("first")));
    assert_eq!(api.provider.requests(&second).await[0]["model"], "second");
    let row = &rows(&database, "SELECT model, cost, input_rate FROM ledger").await[0];
    assert_eq!((row.text(0), row.integer(1), row.integer(2)), (Ok("second"), Ok(130_000), Ok(10_000_000)));
    assert_eq!(used(&database).await, 130_000);
    let line = ended(&api);
    assert_eq!((&line["provider"], &line["status"]), (&json!("fallback"), &json!("completed")), "{line}");
    assert!(line["refusals"][0].as_str().unwrap().starts_with("primary: "), "{line}");
}
