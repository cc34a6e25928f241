//! Streams: order, cuts, resuming.

use testkit::upstream::Script;
use tests::Api;

#[tokio::test]
async fn a_reply_streams_and_is_stored() {
    let api = Api::start().await;
    let user = api.user().await;
    let conversation = user.conversation().await;
    let model = api.provider.script(Script::reply(&["Grü", "ße, ", "wörld"])).await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    let kinds: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(kinds, ["state", "delta", "delta", "delta", "usage", "end"]);
    let text: String = frames.iter().map(tests::Frame::text).collect();
    assert_eq!(text, "Grüße, wörld");
    assert_eq!(frames.last().unwrap().json()["status"], "completed");
    let messages = user.messages(&conversation).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["content"], "Grüße, wörld");
    assert_eq!(messages[1]["status"], "completed");
}
