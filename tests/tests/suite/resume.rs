//! Nothing is lost when the client leaves: cuts, resuming, several readers.

use testkit::upstream::Script;
use tests::{Api, Frame, joined};

const PARTS: [&str; 8] = ["Gr", "üße ", "aus ", "der ", "Brandung", " 🌊", ".\n", "Ende"];

/// A reply with pauses, so that a cut falls into the middle of it.
fn slow() -> Script {
    let script = PARTS.iter().fold(Script::new().head(200), |script, part| script.delta(part).pause(15));
    script.finish("stop").done()
}

#[tokio::test]
async fn the_socket_is_cut_at_many_offsets_and_nothing_is_lost() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let mut whole = user.stream(&conversation, &model).await;
    whole.rest().await;
    let length = whole.bytes;

    // Offsets spread over the whole stream, more of them than events.
    let cuts = (0..24).map(|n| 1 + n * (length - 1) / 23);
    let tries = cuts.map(|offset| {
        let (api, user) = (api.clone(), user.clone());
        async move {
            let conversation = user.conversation().await;
            let model = api.provider.script(slow()).await;
            let seen = user.stream(&conversation, &model).await.cut_after(offset).await;
            let after = seen.last().map_or(0, |frame| frame.seq);
            // A client that has seen nothing finds the run through the message that it belongs to.
            let run = match seen.first() {
                Some(frame) => frame.run.clone(),
                None => user.messages(&conversation).await[1]["run_id"].as_str().expect("a run").to_owned(),
            };
            let mut all = seen;
            if all.last().is_none_or(|frame| frame.event != "end") {
                all.extend(user.resume(&run, after).await.rest().await);
            }
            assert_eq!(joined(&all), PARTS.concat(), "cut at {offset}");
            assert_eq!(
                all.iter().map(|frame| frame.seq).collect::<Vec<_>>(),
                (1..=all.len() as u64).collect::<Vec<_>>()
            );
            let stored = user.messages(&conversation).await;
            assert_eq!(stored[1]["content"], PARTS.concat(), "cut at {offset}");
            assert_eq!(stored[1]["status"], "completed");
            assert_eq!(api.provider.count(&model).await, 1, "cut at {offset}");
        }
    });
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn every_cursor_continues_byte_for_byte() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let live = user.stream(&conversation, &model).await.rest().await;
    for after in 0..live.len() {
        let rest = user.resume(&live[0].run, after as u64).await.rest().await;
        assert_eq!(rest, live[after..], "after {after}");
    }
    // Behind the end there is the end again, so that nobody waits for ever.
    let last = user.resume(&live[0].run, live.len() as u64).await.rest().await;
    assert_eq!(
        last,
        live[live.len() - 1..]
            .iter()
            .cloned()
            .map(|frame| Frame { data: last[0].data.clone(), ..frame })
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn last_event_id_resumes_as_after_does() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let live = user.stream(&conversation, &model).await.rest().await;
    let run = &live[0].run;
    let id = format!("{run}.3");
    let path = format!("/api/v1/runs/{run}/stream");
    let answer = user.send(http::Method::GET, &path, &[("last-event-id", &id)], None).await;
    assert_eq!(answer.frames().await.rest().await, live[3..]);
}

#[tokio::test]
async fn a_second_reader_follows_live_and_sees_the_same() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(slow()).await;
    let mut first = user.stream(&conversation, &model).await;
    let state = first.next().await.expect("the first event");
    let mut second = user.resume(&state.run, 0).await;
    let (first, second) = tokio::join!(first.rest(), second.rest());
    assert_eq!(first, second[1..]);
    assert_eq!(api.provider.count(&model).await, 1);
}

#[tokio::test]
async fn a_plain_completion_can_be_resumed_for_a_while() {
    let api = Api::start().await;
    let user = api.user().await;
    let model = api.provider.script(slow()).await;
    let body = serde_json::json!({ "prompt": "Hello", "model": model, "stream": true });
    let mut frames = user.post("/api/v1/ai/complete", &body).await.frames().await;
    let mut seen = vec![frames.next().await.expect("an event"), frames.next().await.expect("an event")];
    drop(frames);
    let run = seen[0].run.clone();
    seen.extend(user.resume(&run, 2).await.rest().await);
    assert_eq!(joined(&seen), PARTS.concat());
    assert_eq!(api.provider.count(&model).await, 1);
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn when_the_log_is_gone_the_reader_gets_the_whole_text_anew() {
        let api = Api::with_profile("tight").await;
        let user = api.user().await;
        let conversation = user.conversation().await;
        let model = api.provider.script(Script::reply(&["Hel", "lo"])).await;
        let live = user.stream(&conversation, &model).await.rest().await;
        // The next message clears the logs whose time is over.
        user.stream(&conversation, &model).await.rest().await;
        let anew = user.resume(&live[0].run, 2).await.rest().await;
        let kinds: Vec<_> = anew.iter().map(|frame| frame.event.as_str()).collect();
        assert_eq!(kinds, ["reset", "delta", "end"]);
        assert_eq!(joined(&anew), "Hello");
        assert_eq!(anew[2].json()["status"], "completed");
        let from_the_start = user.resume(&live[0].run, 0).await.rest().await;
        assert_eq!(joined(&from_the_start), "Hello");
        let at_the_end = user.resume(&live[0].run, live.len() as u64).await.rest().await;
        assert_eq!(at_the_end.len(), 1);
    }
}
