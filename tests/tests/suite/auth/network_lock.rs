//! Guessing from one network at many addresses.

use futures_util::future::join_all;
use serde_json::json;
use tests::{Answer, Api, settings::SETTINGS};

use super::{PASSWORD, login, me, refresh};

const WRONG: &str = "canary-wrong-Passw0rd-7";

async fn code(answer: Answer) -> (u16, String) {
    let (status, body) = answer.json().await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// A wrong password for an address that nobody has.
async fn guess(api: &Api) -> (u16, String) {
    code(login(api, &Api::fresh_email(), WRONG).await).await
}

fn wrong() -> (u16, String) {
    (401, "invalid_credentials".into())
}

fn locked() -> (u16, String) {
    (429, "network_locked".into())
}

#[tokio::test]
async fn nobody_counts_for_a_network_but_who_calls_from_it() {
    let here = Api::start().await;
    let (user, there) = (here.user().await, here.from_network([127, 0, 0, 76]));
    for name in ["network 127.0.0.76", "network:127.0.0.76", "127.0.0.76"] {
        for _ in 0..6 {
            let (status, code) = code(login(&here, name, WRONG).await).await;
            assert!([401, 429].contains(&status) && code != "network_locked", "{name}: {code}");
        }
    }
    assert_eq!(login(&there, &user.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn many_wrong_passwords_from_one_network_lock_it_and_no_other() {
    let here = Api::start().await;
    let (user, there) = (here.user().await, here.from_network([127, 0, 0, 77]));
    let most = SETTINGS.iter().find(|(name, _)| *name == "LITTORAL_LOCKOUT_NETWORK_FAILURES").expect("a setting").1;
    let mut counted = 0;
    let answers = loop {
        let answers = join_all((0..20).map(|_| guess(&there))).await;
        counted += answers.iter().filter(|answer| **answer == wrong()).count();
        if counted.to_string() == most || answers.contains(&locked()) {
            break answers;
        }
    };
    // Exactly so many count, also when they come at once.
    assert!(answers.iter().all(|answer| [wrong(), locked()].contains(answer)), "{answers:?}");
    assert_eq!((counted.to_string().as_str(), guess(&there).await), (most, locked()));

    let answer = login(&there, &user.email, PASSWORD).await;
    let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1600..=1800).contains(&wait), "{wait}");
    assert_eq!(code(answer).await, locked(), "not even the right password");
    assert_eq!(login(&here, &user.email, PASSWORD).await.status, 200, "elsewhere nothing happened");
    // Who is signed in stays so, also there.
    let tokens = refresh::refresh(&there, user.tokens["refresh_token"].as_str().expect("a token")).await;
    assert_eq!(tokens.status, 200);
    let (_, tokens) = tokens.json().await;
    assert_eq!(me(&there, tokens["access_token"].as_str().expect("a token")).await.status, 200);
    // What is asked of who is signed in waits as well: it is a password that could be guessed.
    let change = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
    let headers = [
        ("authorization", &*format!("Bearer {}", tokens["access_token"].as_str().expect("a token"))),
        ("content-type", "application/json"),
    ];
    let path = "/api/v1/auth/password/change";
    let answer = there.send(http::Method::POST, path, &headers, change.to_string().into_bytes()).await;
    assert_eq!(code(answer).await, locked());
}

#[tokio::test]
async fn subscribers_of_ipv6_are_one_network_and_who_is_unknown_is_none() {
    let Some(api) = Api::with_settings(&[("LITTORAL_LOCKOUT_NETWORK_FAILURES", "2")]).await else {
        return println!("not here: a running host has its own settings");
    };
    for address in ["2001:db8::1", "2001:db8::2:1"] {
        api.call_from(address, None);
        assert_eq!(guess(&api).await, wrong());
    }
    api.call_from("2001:db8::3", None);
    assert_eq!(guess(&api).await, locked());
    api.call_from("2001:db8:0:1::1", None);
    assert_eq!(guess(&api).await, wrong());
    // Where the platform does not say who calls, nobody is locked out by others.
    api.call_from("", None);
    for _ in 0..4 {
        assert_eq!(guess(&api).await, wrong());
    }
}

mod private {
    use super::*;

    #[tokio::test]
    async fn locks_of_networks_can_be_switched_off() {
        let api = Api::with_profile("private").await;
        for _ in 0..12 {
            assert_eq!(guess(&api).await, wrong());
        }
    }
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn a_right_password_changes_nothing_and_a_lock_ends() {
        let api = Api::with_profile("tight").await;
        let (user, there) = (api.user().await, api.elsewhere());
        for _ in 0..2 {
            assert_eq!(guess(&there).await, wrong());
        }
        // Who guesses may own an account: its right password is no excuse.
        assert_eq!(login(&there, &user.email, PASSWORD).await.status, 200);
        assert_eq!(guess(&there).await, wrong());
        let answer = login(&there, &user.email, PASSWORD).await;
        let wait: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
        assert!((2..=3).contains(&wait), "{wait}");
        assert_eq!(code(answer).await, locked());
        api.wait(1).await;
        assert_eq!(guess(&there).await, locked(), "tries make it no longer");
        api.wait(wait - 1).await;
        assert_eq!(login(&there, &user.email, PASSWORD).await.status, 200);
        for _ in 0..2 {
            assert_eq!(guess(&there).await, wrong());
        }
        // The time runs from the first wrong one; three seconds are what the settings say.
        api.wait(3).await;
        for _ in 0..3 {
            assert_eq!(guess(&there).await, wrong());
        }
        assert_eq!(guess(&there).await, locked());

        let admin = api.admin().await;
        let (_, audit) = admin.get("/api/v1/admin/audit?action=network_locked").await.json().await;
        let there = there.address().expect("an address").to_string();
        let events: Vec<_> = audit["events"]
            .as_array()
            .expect("events")
            .iter()
            .filter(|event| event["address"] == json!(there))
            .collect();
        assert_eq!(events.len(), 2, "{audit}");
        assert!(events.iter().all(|event| event["user_id"].is_null()), "{audit}");
    }
}
