//! Changes have a limit of each user, besides the one of messages.

mod tight {
    use http::Method;
    use serde_json::{Value, json};
    use tests::{Answer, Api, User};
    use tokio::time::Instant;

    const LIST: &str = "/api/v1/chat/conversations";
    /// What the profile allows at once, and the seconds after which one more is allowed.
    const BURST: u64 = 12;
    const REFILL: u64 = 5;

    async fn send(user: &User, (method, path, body): &(Method, &str, Option<Value>)) -> Answer {
        user.send(method.clone(), path, &[], body.as_ref()).await
    }

    /// Demands a 429 that says when to come back.
    async fn demand_refusal(answer: Answer) {
        let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
        let (status, problem) = answer.json().await;
        assert_eq!((status, &problem["code"]), (429, &json!("rate_limited")), "{problem}");
        assert!((1..=REFILL).contains(&wait), "{wait} s");
    }

    #[tokio::test]
    async fn changes_of_a_user_have_one_limit_and_messages_and_reads_others() {
        let api = Api::with_profile("tight").await;
        let (user, other) = (api.user().await, api.user().await);
        let conversation = user.conversation().await;
        let changes = [
            (Method::POST, LIST, Some(json!({}))),
            (Method::PATCH, &format!("{LIST}/{conversation}"), Some(json!({ "title": "Tides" }))),
            (Method::PATCH, "/api/v1/users/me", Some(json!({ "first_name": "Ada" }))),
            (Method::PATCH, "/api/v1/users/me/settings", Some(json!({ "theme": "dark" }))),
            (Method::POST, "/api/v1/users/me/deletion/cancel", None),
            (Method::POST, "/api/v1/auth/logout", Some(json!({ "scope": "others" }))),
            // What is wrong counts as well.
            (Method::PATCH, "/api/v1/users/me", Some(json!({ "first_name": 7 }))),
        ];
        // A slow machine gets a few more, as time passes; one conversation was made before.
        let (began, mut taken) = (Instant::now(), 1);
        for change in changes.iter().cycle() {
            let answer = send(&user, change).await;
            if answer.status == 429 {
                demand_refusal(answer).await;
                break;
            }
            taken += 1;
            assert!(taken <= BURST + 1 + began.elapsed().as_secs() / REFILL, "{taken} changes were taken");
        }
        assert!(taken >= BURST, "refused after {taken}");

        assert_eq!(user.get(LIST).await.status, 200, "reads go on");
        let message = json!({ "content": "Hello", "model": "littoral-offline" });
        let answer = user.post(&format!("{LIST}/{conversation}/messages"), &message).await;
        assert_eq!(answer.status, 200, "messages have a limit of their own");
        for change in &changes {
            assert_ne!(send(&other, change).await.status, 429, "another user's changes");
        }
    }
}
