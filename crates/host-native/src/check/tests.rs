use std::collections::HashMap;

use bytes::Bytes;
use domain::Secret;
use gateway::Config;
use http::Response;
use ports::{HttpError, HttpErrorKind};
use testkit::FakeHttp;

use super::*;
use crate::settings::Environment;

#[test]
fn a_servers_place_is_shown_without_what_may_be_secret() {
    assert_eq!(place("https://db.example.com"), "https://db.example.com");
    assert_eq!(place("libsql://user:canary@db.example.com?authToken=canary"), "db.example.com");
}

#[test]
fn money_is_shown_in_dollars() {
    assert_eq!(
        [usd(0), usd(5_000_000_000), usd(12_500_000_000), usd(1)],
        ["0", "5", "12.5", "0.000000001"].map(String::from)
    );
}

/// Answers, one after the other: a status and a body, or none where nobody answers.
async fn findings(given: &[(&str, &str)], answers: &[Option<(u16, &str)>]) -> (Vec<(bool, String)>, FakeHttp) {
    let key = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let rings = ["LITTORAL_JWT_KEYS", "LITTORAL_REFRESH_KEYS", "LITTORAL_DATA_KEYS"].map(|ring| (ring, key));
    let all: HashMap<_, _> =
        rings.iter().chain(given).map(|&(name, value)| (name.to_owned(), Secret::from(value))).collect();
    let config = Config::load(&Environment::new(all)).await.unwrap();
    let http = FakeHttp::default();
    for answer in answers {
        match answer {
            Some((status, body)) => {
                let chunks = vec![Ok(Bytes::from((*body).to_owned()))];
                http.answer(Response::builder().status(*status).body(chunks).unwrap());
            }
            None => http.fail(HttpError::new(HttpErrorKind::Connect, "connection refused")),
        }
    }
    let tasks = TokioTasks::new(NonZero::<usize>::MIN, 0);
    let found = provider_check::findings(&http, &tasks, &config).await;
    let found: Vec<_> = found.into_iter().map(|finding| (finding.works, finding.text)).collect();
    assert!(!format!("{found:?}").contains("canary"), "{found:?}");
    (found, http)
}

const URL: (&str, &str) = ("LITTORAL_OPENAI_BASE_URL", "http://provider.test");
const KEY: (&str, &str) = ("LITTORAL_OPENAI_API_KEY", "canary-key");
const LIST: Option<(u16, &str)> =
    Some((200, r#"{"object":"list","data":[{"id":"gpt-4o-mini"},{"id":"models/gpt-4o"},{"id":"o1"}]}"#));

#[tokio::test]
async fn a_provider_that_answers_is_asked_for_every_model_that_may_be_asked_for() {
    let models = ("LITTORAL_MODELS", "gpt-4o,gpt-4p,other-model,o1-*,littoral-offline");
    let (found, http) = findings(&[URL, KEY, models], &[LIST]).await;
    let asked = &http.requests()[0];
    assert_eq!((asked.uri().to_string().as_str(), asked.method()), ("http://provider.test/models", &http::Method::GET));
    assert_eq!(asked.headers()["authorization"], "Bearer canary-key");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].0 && found[0].1.ends_with("answers, and lists 3 models"), "{found:?}");
    assert!(!found[1].0 && found[1].1.contains("no model gpt-4p; did you mean gpt-4o?"), "{found:?}");
    assert!(!found[2].0 && found[2].1.contains("no model other-model; it has gpt-4o-mini, gpt-4o, o1"), "{found:?}");
    assert!(found[2].1.ends_with("Check LITTORAL_MODEL or LITTORAL_MODELS"), "{found:?}");
}

#[tokio::test]
async fn a_refused_key_is_named_and_a_missing_one_as_well() {
    let refused = Some((401, r#"{"error":{"message":"Incorrect API key: canary-key","code":"invalid_api_key"}}"#));
    let (found, _) = findings(&[URL, KEY], &[refused]).await;
    assert!(!found[0].0 && found[0].1.contains("does not accept the key (status 401). Check LITTORAL_OPENAI_API_KEY"));
    let (found, _) = findings(&[URL], &[refused]).await;
    assert!(!found[0].0 && found[0].1.contains("wants a key (status 401). Check LITTORAL_OPENAI_API_KEY"));
}

#[tokio::test]
async fn a_base_url_without_the_version_is_tried_with_it() {
    let nothing = Some((404, r#"{"error":{"message":"Invalid URL (GET /models)"}}"#));
    let page = Some((200, "<html>welcome</html>"));
    for (first, second) in [(nothing, LIST), (page, Some((401, "{}")))] {
        let (found, http) = findings(&[URL], &[first, second]).await;
        assert_eq!(http.requests()[1].uri().to_string(), "http://provider.test/v1/models");
        assert!(
            !found[0].0 && found[0].1.ends_with("Set LITTORAL_OPENAI_BASE_URL to http://provider.test/v1"),
            "{found:?}"
        );
    }
    for second in [nothing, None] {
        let (found, _) = findings(&[URL], &[nothing, second]).await;
        assert!(
            !found[0].0 && found[0].1.contains("Check LITTORAL_OPENAI_BASE_URL: it includes the version"),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn each_provider_is_asked_and_named() {
    let fallback = [("LITTORAL_FALLBACK_BASE_URL", "http://second.test/v1"), ("LITTORAL_FALLBACK_MODEL", "o7"), URL];
    let (found, _) = findings(&fallback, &[None, LIST]).await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(!found[0].0 && found[0].1.starts_with("provider at http://provider.test: "), "{found:?}");
    assert!(found[0].1.contains("connection refused. Check LITTORAL_OPENAI_BASE_URL"), "{found:?}");
    assert!(found[1].0 && found[1].1.starts_with("fallback provider at http://second.test/v1: answers"), "{found:?}");
    assert!(!found[2].0 && found[2].1.ends_with("did you mean o1? Check LITTORAL_FALLBACK_MODEL"), "{found:?}");
    let (found, _) = findings(&[], &[]).await;
    assert!(found.len() == 1 && found[0].0 && found[0].1.contains("littoral-offline"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_is_not_waited_for_without_end() {
    let given = [URL, ("LITTORAL_MODEL", "m")].map(|(name, value)| (name.to_owned(), Secret::from(value)));
    let key = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let rings = ["LITTORAL_JWT_KEYS", "LITTORAL_REFRESH_KEYS", "LITTORAL_DATA_KEYS"];
    let all = given.into_iter().chain(rings.map(|ring| (ring.to_owned(), Secret::from(key)))).collect();
    let config = Config::load(&Environment::new(all)).await.unwrap();
    let (http, tasks) = (FakeHttp::default(), TokioTasks::new(NonZero::<usize>::MIN, 0));
    http.stay_silent();
    let found = provider_check::findings(&http, &tasks, &config).await;
    assert!(found[0].text.contains("no answer in time"), "{found:?}");
}
