//! Runs that can hardly be closed: each one ends, and none keeps the others from it. In process, where a log can be damaged and
//! a store made to fail.

use std::{sync::Arc, time::Duration};

use ports::{Database as _, Statement};
use serde_json::{Value, json};
use testkit::{Faulty, Moment, upstream::Script};
use tests::{Api, User};

const LEASE: Duration = Duration::from_secs(16);

/// Two processes, and a user of the first with a run whose owner is dead: its conversation and its id.
struct Dead {
    user: User,
    conversation: String,
    run: String,
}

impl Dead {
    /// Streams until both pieces are in the log.
    async fn begin(owner: &Api, other: &Api) -> Self {
        let user = owner.user().await;
        let conversation = user.conversation().await;
        let model = owner.provider.script(Script::new().head(200).delta("one ").delta("two ").stall()).await;
        let mut frames = user.stream(&conversation, &model).await;
        let run = frames.next().await.expect("an event").run;
        let path = format!("/api/v1/runs/{run}");
        while user.get(&path).await.json().await.1["last_seq"].as_u64() < Some(3) {
            tokio::task::yield_now().await;
        }
        Self { user: User { api: other.clone(), ..user }, conversation, run }
    }

    async fn reply(&self) -> (Value, Value) {
        let message = self.user.messages(&self.conversation).await.pop().expect("a reply");
        (message["status"].clone(), message["content"].clone())
    }

    async fn damage(&self, database: &Arc<Faulty>, sql: &'static str) {
        database.run(Statement::new(sql, [self.run.as_str().into()])).await.expect("a statement");
    }
}

const UNREADABLE: &str = "UPDATE run_events SET events = 'x' WHERE run_id = ?1";

async fn two_dead() -> (Api, Arc<Faulty>, Dead, Dead) {
    let (owner, other, database) = Api::two(&[]).await;
    let (one, two) = (Dead::begin(&owner, &other).await, Dead::begin(&owner, &other).await);
    owner.kill();
    assert!(other.pass(LEASE));
    (other, database, one, two)
}

#[tokio::test]
async fn a_run_that_cannot_be_closed_keeps_no_other_open_and_ends_without_text_the_second_time() {
    let (api, database, bad, good) = two_dead().await;
    bad.damage(&database, UNREADABLE).await;
    assert_eq!(api.reap().await, 1);
    assert_eq!(good.reply().await, (json!("interrupted"), json!("one two ")));
    assert_eq!(bad.reply().await, (json!("running"), json!("")));
    let logged = |words: &str| api.log_lines().expect("a log").iter().any(|line| line.contains(words));
    assert!(logged("a run could not be closed") && logged(&bad.run));

    api.pass(LEASE);
    assert_eq!(api.reap().await, 1);
    assert_eq!(bad.reply().await, (json!("interrupted"), json!("")));
    let events: Vec<_> = bad.user.resume(&bad.run, 2).await.rest().await.into_iter().map(|frame| frame.event).collect();
    assert_eq!(events, ["error", "end"]);
    assert_eq!(api.reap().await, 0);
}

#[tokio::test]
async fn the_history_is_read_though_a_run_cannot_be_closed() {
    let (_api, database, bad, _) = two_dead().await;
    bad.damage(&database, UNREADABLE).await;
    assert_eq!(bad.reply().await, (json!("running"), json!("")));
}

#[tokio::test]
async fn a_start_succeeds_though_a_run_cannot_be_closed() {
    let (api, database, bad, good) = two_dead().await;
    bad.damage(&database, UNREADABLE).await;
    assert_eq!(api.recover().await, 2);
    assert_eq!(good.reply().await, (json!("interrupted"), json!("one two ")));
    assert_eq!(bad.reply().await, (json!("interrupted"), json!("")));
}

#[tokio::test]
async fn a_store_that_is_away_for_a_while_costs_no_text() {
    let (api, database, one, two) = two_dead().await;
    database.fail_containing("UPDATE messages SET content", Moment::Before);
    for _ in 0..3 {
        assert_eq!(api.reap().await, 0);
        api.pass(LEASE);
    }
    database.heal();
    assert_eq!(api.reap().await, 2);
    for dead in [one, two] {
        assert_eq!(dead.reply().await, (json!("interrupted"), json!("one two ")));
    }
}

#[tokio::test]
async fn a_log_with_nul_is_closed_with_its_text() {
    let (api, database, bad, _) = two_dead().await;
    bad.damage(&database, r"UPDATE run_events SET events = replace(events, 'two', 'tw\u0000o') WHERE run_id = ?1")
        .await;
    assert_eq!(api.reap().await, 2);
    assert_eq!(bad.reply().await, (json!("interrupted"), json!("one tw\u{fffd}o ")));
}
