//! Runs and their owners: several processes over one store, owners that die, zombies, and a store that fails. In process,
//! where a process can be killed and a store made to fail at will.

use serde_json::{Value, json};
use testkit::{Moment, upstream::Script};
use tests::{Api, Frame, Frames, User, joined};

/// Short enough to see it expire.
const SHORT_LEASE: [(&str, &str); 1] = [("LITTORAL_LEASE_MS", "300")];

fn elsewhere(user: &User, api: &Api) -> User {
    User { api: api.clone(), ..user.clone() }
}

fn endless() -> Script {
    Script::new().head(200).delta("one ").delta("two ").stall()
}

/// Streams until both pieces were seen, and then until they are in the log.
async fn two_pieces(user: &User, conversation: &str, model: &str) -> (Frames, Vec<Frame>) {
    let mut frames = user.stream(conversation, model).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(frames.next().await.expect("an event"));
    }
    while stored(user, &seen[0].run).await["last_seq"].as_u64() < Some(3) {
        tokio::task::yield_now().await;
    }
    (frames, seen)
}

async fn stored(user: &User, run: &str) -> Value {
    user.get(&format!("/api/v1/runs/{run}")).await.json().await.1
}

async fn logged(api: &Api, message: &str) {
    while !api.log_lines().expect("a log").iter().any(|line| line.contains(message)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reader_at_another_process_sees_the_same_and_can_stop_it() {
    let (owner, other, _) = Api::two(&[]).await;
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let model = owner.provider.script(endless()).await;
    let (mut frames, seen) = two_pieces(&user, &conversation, &model).await;
    let there = elsewhere(&user, &other);
    let mut reader = there.resume(&seen[0].run, 0).await;
    for frame in &seen {
        assert_eq!(reader.next().await.as_ref(), Some(frame));
    }
    let (status, _) =
        there.post(&format!("/api/v1/runs/{}/stop", seen[0].run), &json!({ "seen": 2 })).await.json().await;
    assert_eq!(status, 204);
    assert_eq!(owner.provider.closed(&model, 5_000).await["closed_early"], true);
    assert_eq!(there.messages(&conversation).await[1]["content"], "one ");
    assert_eq!(reader.rest().await.last().unwrap().json()["status"], "stopped");
    assert_eq!(frames.rest().await.last().unwrap().json()["status"], "stopped");
}

#[tokio::test]
async fn the_first_reader_that_finds_a_dead_owner_closes_the_run() {
    let (owner, other, _) = Api::two(&SHORT_LEASE).await;
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let model = owner.provider.script(endless()).await;
    let (_frames, seen) = two_pieces(&user, &conversation, &model).await;
    owner.kill();
    let there = elsewhere(&user, &other);
    // Two readers at once: one closes it, both see the same end.
    let (run, conversation) = (seen[0].run.clone(), conversation);
    let (mut one, mut two) = (there.resume(&run, 3).await, there.resume(&run, 0).await);
    let (one, two) = tokio::join!(one.rest(), two.rest());
    assert_eq!(one.iter().map(|frame| frame.event.as_str()).collect::<Vec<_>>(), ["error", "end"]);
    assert_eq!(two[3..], one);
    assert_eq!(joined(&two), "one two ");
    assert_eq!(one[1].json(), json!({ "status": "interrupted", "finish_reason": null, "text_length": 8 }));
    let message = there.messages(&conversation).await.pop().unwrap();
    assert_eq!((&message["content"], &message["status"]), (&json!("one two "), &json!("interrupted")));
    // Nobody sends it again: the user would pay twice.
    assert_eq!(owner.provider.count(&model).await, 1);
    assert_eq!(stored(&there, &run).await["error_code"], "interrupted");
}

#[tokio::test]
async fn reading_the_history_closes_dead_runs_too() {
    let (owner, other, _) = Api::two(&SHORT_LEASE).await;
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let model = owner.provider.script(endless()).await;
    let (_frames, _) = two_pieces(&user, &conversation, &model).await;
    owner.kill();
    let there = elsewhere(&user, &other);
    loop {
        let message = there.messages(&conversation).await.pop().unwrap();
        if message["status"] == "interrupted" {
            assert_eq!(message["content"], "one two ");
            break;
        }
        assert_eq!(message["status"], "running");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_zombie_writes_nothing_after_a_takeover() {
    let (owner, other, database) = Api::two(&SHORT_LEASE).await;
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let script = Script::new()
        .head(200)
        .delta("one ")
        .delta("two ")
        .pause(900)
        .delta("three ")
        .pause(900)
        .delta("four")
        .pause(600);
    let model = owner.provider.script(script.finish("stop").done()).await;
    let (_frames, seen) = two_pieces(&user, &conversation, &model).await;
    // The owner lives, but its signs of life do not reach the store.
    database.fail_containing("SET status = 'running'", Moment::Before);
    let there = elsewhere(&user, &other);
    let end = there.resume(&seen[0].run, 3).await.rest().await;
    assert_eq!(end.last().unwrap().json()["status"], "interrupted");
    database.heal();
    owner.provider.closed(&model, 10_000).await;
    logged(&other, "run interrupted").await;
    let message = there.messages(&conversation).await.pop().unwrap();
    assert_eq!((&message["content"], &message["status"]), (&json!("one two "), &json!("interrupted")));
    let again = there.resume(&seen[0].run, 0).await.rest().await;
    assert_eq!(joined(&again), "one two ");
    assert_eq!(stored(&there, &seen[0].run).await["status"], "interrupted");
}

#[tokio::test]
async fn the_end_is_shown_only_when_it_is_stored() {
    for moment in [Moment::Before, Moment::After] {
        let (api, _, database) = Api::two(&[]).await;
        let user = api.user().await;
        let conversation = user.conversation().await;
        let model = api.provider.script(Script::new().head(200).delta("Hello").pause(200).finish("stop").done()).await;
        let mut frames = user.stream(&conversation, &model).await;
        let mut seen = frames.until("delta").await;
        // The batch that ends a run, and nothing else.
        database.fail_containing("SET content = ?3, status = ?4", moment);
        logged(&api, "the end of a run could not be stored").await;
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), frames.next()).await;
        assert!(waiting.is_err(), "shown before it was stored: {waiting:?}");
        database.heal();
        seen.extend(frames.rest().await);
        assert_eq!(seen.last().unwrap().json()["status"], "completed", "{moment:?}");
        let message = user.messages(&conversation).await.pop().unwrap();
        assert_eq!((&message["content"], &message["status"]), (&json!("Hello"), &json!("completed")), "{moment:?}");
        assert_eq!(api.provider.count(&model).await, 1, "{moment:?}");
    }
}

#[tokio::test]
async fn a_log_that_fails_for_a_while_loses_nothing() {
    for moment in [Moment::Before, Moment::After] {
        let (api, _, database) = Api::two(&[]).await;
        let user = api.user().await;
        let conversation = user.conversation().await;
        let parts = ["a ", "b ", "c ", "d ", "e ", "f "];
        let script = parts.iter().fold(Script::new().head(200), |script, part| script.delta(part).pause(80));
        let model = api.provider.script(script.finish("stop").done()).await;
        let mut frames = user.stream(&conversation, &model).await;
        let mut seen = frames.until("delta").await;
        database.fail_containing("INSERT INTO run_events", moment);
        while seen.len() < 5 {
            seen.push(frames.next().await.expect("an event"));
        }
        database.heal();
        seen.extend(frames.rest().await);
        assert_eq!(joined(&seen), parts.concat(), "{moment:?}");
        let replayed = user.resume(&seen[0].run, 0).await.rest().await;
        assert_eq!(joined(&replayed), parts.concat(), "{moment:?}");
        assert_eq!(user.messages(&conversation).await[1]["content"], parts.concat(), "{moment:?}");
    }
}

#[tokio::test]
async fn a_log_write_that_arrives_after_its_repetition_takes_nothing_back() {
    let (api, other, database) = Api::two(&[]).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let parts = ["a ", "b ", "c ", "d ", "e ", "f "];
    let script = parts.iter().fold(Script::new().head(200), |script, part| script.delta(part).pause(80));
    let model = api.provider.script(script.stall()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let mut seen = frames.until("delta").await;
    // The writes of the log are under way when their owner gives them up; it writes the same events again, with more.
    database.fail_containing("INSERT INTO run_events", Moment::Late);
    while database.late() == 0 {
        tokio::task::yield_now().await;
    }
    database.heal();
    let run = seen[0].run.clone();
    while seen.len() < parts.len() + 1 {
        seen.push(frames.next().await.expect("an event"));
    }
    while stored(&user, &run).await["last_seq"].as_u64() < Some(7) {
        tokio::task::yield_now().await;
    }
    let late = database.deliver().await;
    assert!(late.iter().all(Result::is_ok), "{late:?}");
    assert_eq!(stored(&user, &run).await["last_seq"], 7);
    // Another process has nothing but the log.
    let mut reader = elsewhere(&user, &other).resume(&run, 0).await;
    for frame in &seen {
        assert_eq!(reader.next().await.as_ref(), Some(frame));
    }
}

/// What a write of the lease or of the log has in common, and no other statement.
const SIGN_OF_LIFE: &str = "SET status = 'running'";

/// A reply that takes five leases, with silence in between.
fn slow() -> Script {
    let parts = ["one ", "two ", "three ", "four ", "five "];
    parts.iter().fold(Script::new().head(200), |script, part| script.delta(part).pause(300)).finish("stop").done()
}

/// Lets the signs of life of a run fail for three leases while others look at it all the time, and expects that nobody closes it.
async fn outlives(owner: &Api, looks: &Api, database: &testkit::Faulty, moment: Moment) {
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let model = owner.provider.script(slow()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let mut seen = frames.until("delta").await;
    database.fail_containing(SIGN_OF_LIFE, moment);
    let there = elsewhere(&user, looks);
    let run = seen[0].run.clone();
    let looking = async {
        let mut reader = there.resume(&run, 0).await;
        let began = tokio::time::Instant::now();
        while began.elapsed() < 3 * LEASE {
            let message = there.messages(&conversation).await.pop().unwrap();
            assert_eq!(message["status"], "running", "{moment:?}");
            tokio::task::yield_now().await;
        }
        database.heal();
        reader.rest().await
    };
    let (rest, end) = tokio::join!(frames.rest(), looking);
    seen.extend(rest);
    assert_eq!(seen.last().unwrap().json()["status"], "completed", "{moment:?}");
    assert_eq!(joined(&seen), "one two three four five ", "{moment:?}");
    assert_eq!((joined(&end), end.last()), (joined(&seen), seen.last()), "{moment:?}");
    let message = there.messages(&conversation).await.pop().unwrap();
    assert_eq!((&message["content"], &message["status"]), (&json!(joined(&seen)), &json!("completed")), "{moment:?}");
    assert_eq!(owner.provider.count(&model).await, 1, "{moment:?}");
}

const LEASE: std::time::Duration = std::time::Duration::from_millis(300);

#[tokio::test]
async fn an_owner_that_is_alone_outlives_its_lease() {
    for moment in [Moment::Before, Moment::After, Moment::Held] {
        let (api, database) = Api::alone(&SHORT_LEASE).await;
        outlives(&api, &api, &database, moment).await;
    }
}

#[tokio::test]
async fn an_owner_among_others_outlives_three_leases_of_a_store_that_fails() {
    for moment in [Moment::Before, Moment::After, Moment::Held] {
        let (owner, other, database) = Api::two(&SHORT_LEASE).await;
        outlives(&owner, &other, &database, moment).await;
    }
}

#[tokio::test]
async fn an_owner_that_sees_its_own_run_expire_lets_it_live() {
    let (api, database) = Api::alone(&SHORT_LEASE).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let mut frames = user.stream(&conversation, &model).await;
    frames.until("delta").await;
    database.fail_containing(SIGN_OF_LIFE, Moment::Before);
    // A clock that was set.
    api.pass(3 * LEASE);
    api.reap().await;
    assert_eq!(user.messages(&conversation).await[1]["status"], "running");
    database.heal();
    assert_eq!(frames.rest().await.last().unwrap().json()["status"], "completed");
}

#[tokio::test]
async fn a_run_without_an_owner_is_closed_at_once_where_nobody_else_can_own_it() {
    let (api, _) = Api::alone(&[("LITTORAL_LEASE_MS", "600000")]).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(endless()).await;
    let (_frames, seen) = two_pieces(&user, &conversation, &model).await;
    // An object that was evicted, or a process that lost its task: the next one has no hub of the run.
    let next = api.restarted().await;
    let end = elsewhere(&user, &next).resume(&seen[0].run, 3).await.rest().await;
    assert_eq!(end.last().unwrap().json()["status"], "interrupted");
    assert_eq!(elsewhere(&user, &next).messages(&conversation).await[1]["content"], "one two ");
}

#[tokio::test]
async fn the_end_of_the_process_keeps_all_that_came() {
    let (api, _) = Api::alone(&[("LITTORAL_FLUSH_MS", "60000")]).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(endless()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(frames.next().await.expect("an event"));
    }
    api.interrupt().await;
    seen.extend(frames.rest().await);
    let kinds: Vec<_> = seen.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["state", "delta", "delta", "error", "end"]);
    assert_eq!(seen.last().unwrap().json()["status"], "interrupted");
    let message = user.messages(&conversation).await.pop().unwrap();
    assert_eq!((&message["content"], &message["status"]), (&json!("one two "), &json!("interrupted")));
    // What begins while the process ends, ends at once.
    let (status, _) =
        user.post("/api/v1/ai/complete", &json!({ "prompt": "Hello", "model": model })).await.json().await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn the_end_is_stored_whatever_words_the_store_has_for_being_overloaded() {
    let (api, database) = Api::alone(&[]).await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::new().head(200).delta("Hello").pause(200).finish("stop").done()).await;
    let mut frames = user.stream(&conversation, &model).await;
    let mut seen = frames.until("delta").await;
    database.fail_containing("SET content = ?3, status = ?4", Moment::Refused);
    logged(&api, "the end of a run could not be stored").await;
    database.heal();
    seen.extend(frames.rest().await);
    assert_eq!(seen.last().unwrap().json()["status"], "completed");
    assert_eq!(user.messages(&conversation).await[1]["content"], "Hello");
}
