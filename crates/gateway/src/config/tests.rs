use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::*;

struct Given(HashMap<&'static str, &'static str>);

#[async_trait]
impl Settings for Given {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        Ok(self.0.get(name).map(|&value| value.to_owned()))
    }
}

const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(super) fn load(given: &[(&'static str, &'static str)]) -> Result<Config, ConfigError> {
    let mut all = HashMap::from([("LITTORAL_JWT_KEYS", KEY), ("LITTORAL_REFRESH_KEYS", KEY)]);
    all.extend(given.iter().copied());
    Config::load(&Given(all)).now_or_never().unwrap()
}

#[test]
fn two_keys_are_enough() {
    let config = load(&[]).unwrap();
    assert_eq!(config.model, OFFLINE_MODEL);
    assert_eq!(config.jwt_keys[0].id, "k1");
}

#[test]
fn all_problems_come_at_once_and_show_no_value() {
    let error = load(&[
        ("LITTORAL_JWT_KEYS", "k1:c2hvcnQtc2VjcmV0"),
        ("LITTORAL_OPENAI_BASE_URL", "ftp://secret@example.com"),
        ("LITTORAL_HISTORY_TOKENS", "many"),
        ("LITTORAL_CORS_ORIGINS", "*"),
        ("LITTORAL_AUTH_LIMIT", "often"),
    ])
    .unwrap_err();
    let names: Vec<_> = error.0.iter().map(|problem| problem.split(':').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "LITTORAL_OPENAI_BASE_URL",
            "LITTORAL_JWT_KEYS",
            "LITTORAL_CORS_ORIGINS",
            "LITTORAL_HISTORY_TOKENS",
            "LITTORAL_AUTH_LIMIT"
        ]
    );
    assert!(!error.to_string().contains("c2hvcnQtc2VjcmV0") && !error.to_string().contains("secret@"));
}

#[test]
fn a_provider_changes_the_default_model_and_keeps_no_closing_slash() {
    let config = load(&[("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")]).unwrap();
    assert_eq!(config.openai.unwrap().base_url, "http://127.0.0.1:9/v1");
    assert_eq!(config.model, "gpt-4o-mini");
}

/// A valid config for the tests of other modules.
pub fn sample(given: &[(&'static str, &'static str)]) -> Config {
    load(given).unwrap()
}
