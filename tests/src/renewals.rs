//! Replies whose owners cannot renew their leases for three of them, while others look at them.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use testkit::{FaultyRenewals, Renewals, upstream::Script};

use crate::{Api, User, joined};

/// The pause between two pieces of a reply.
const PAUSE: Duration = Duration::from_millis(500);

/// Begins a reply for each fault at `owner`, which takes longer than the fault lasts. Meanwhile readers come to it at `other`,
/// which may be the same, and the conversation is opened there again and again. Every reply is stored whole, every reader gets
/// all of it and its `end`, and the provider is called once for it.
///
/// # Panics
///
/// If not.
pub async fn are_outlived(owner: &Api, other: &Api) {
    join_all(Renewals::ALL.map(|renewals| is_outlived(owner, other, renewals))).await;
}

async fn is_outlived(owner: &Api, other: &Api, renewals: Renewals) {
    let pieces = 2 * FaultyRenewals::LASTING.as_secs() + 6;
    let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
    let whole: String = (0..pieces).map(|piece| piece.to_string() + " ").collect();
    let script =
        (0..pieces).fold(Script::new().head(200), |script, piece| script.delta(&format!("{piece} ")).pause(pause));
    let user = owner.user().await;
    let conversation = user.conversation().await;
    let model = format!("script-{}-{conversation}", renewals.mark());
    owner.provider.play(&model, script.finish("stop").done()).await;

    let mut frames = user.stream(&conversation, &model).await;
    let first = frames.next().await.expect("an event");
    let there = User { api: other.clone(), ..user.clone() };
    let again = async {
        tokio::time::sleep(FaultyRenewals::LASTING / 2).await;
        let (_, run) = there.get(&format!("/api/v1/runs/{}", first.run)).await.json().await;
        // The fault is there: what is not lost on the way back has not reached the store.
        assert_eq!(run["last_seq"].as_u64().expect("a number") > 0, renewals == Renewals::Lost, "{run}");
        there.resume(&first.run, 0).await.rest().await
    };
    let looks = async {
        // Each look asks whether the owner is dead.
        loop {
            tokio::time::sleep(PAUSE).await;
            let message = there.messages(&conversation).await.pop().expect("a reply");
            if message["status"] != "running" {
                return message;
            }
        }
    };
    let (rest, again, message) = tokio::join!(frames.rest(), again, looks);
    for frames in [&rest, &again] {
        let end = frames.last().expect("an end").json();
        assert_eq!((&end["status"], joined(frames)), (&json!("completed"), whole.clone()), "{renewals:?}: {end}");
    }
    assert_eq!((&message["status"], &message["content"]), (&json!("completed"), &json!(whole)), "{renewals:?}");
    assert_eq!(owner.provider.count(&model).await, 1, "{renewals:?}");
}
