use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::*;

pub struct Given(HashMap<&'static str, &'static str>);

impl Given {
    pub fn of(given: &[(&'static str, &'static str)]) -> Self {
        Self(given.iter().copied().collect())
    }
}

#[async_trait]
impl Settings for Given {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        Ok(self.0.get(name).map(|&value| value.to_owned()))
    }
}

const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(super) fn load(given: &[(&'static str, &'static str)]) -> Result<Config, ConfigError> {
    let mut all =
        HashMap::from(["LITTORAL_JWT_KEYS", "LITTORAL_REFRESH_KEYS", "LITTORAL_DATA_KEYS"].map(|ring| (ring, KEY)));
    all.extend(given.iter().copied());
    Config::load(&Given(all)).now_or_never().unwrap()
}

#[test]
fn three_rings_of_keys_are_enough() {
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
fn the_first_admin_is_an_address_and_a_password_that_is_not_short() {
    assert!(load(&[]).unwrap().first_admin.is_none());
    let first = load(&[("LITTORAL_ADMIN_EMAIL", " Ada@Example.com ")]).unwrap().first_admin.unwrap();
    assert_eq!((first.email.as_str(), first.password.is_some()), ("ada@example.com", false));
    for (given, name) in [
        (&[("LITTORAL_ADMIN_EMAIL", "canary")][..], "LITTORAL_ADMIN_EMAIL"),
        (&[("LITTORAL_ADMIN_EMAIL", "a@b.cd"), ("LITTORAL_ADMIN_PASSWORD", "canary")], "LITTORAL_ADMIN_PASSWORD"),
        (&[("LITTORAL_ADMIN_PASSWORD", "canary-Passw0rd")], "LITTORAL_ADMIN_PASSWORD"),
    ] {
        let problems = load(given).unwrap_err().0;
        assert!(
            problems.len() == 1 && problems[0].starts_with(name) && !problems[0].contains("canary"),
            "{problems:?}"
        );
    }
}

#[test]
fn a_provider_changes_the_default_model_and_keeps_no_closing_slash() {
    let config = load(&[("LITTORAL_OPENAI_API_KEY", "canary")]).unwrap();
    assert_eq!(
        (config.openai.unwrap().base_url.as_str(), config.model.as_str()),
        (OPENAI, "gpt-4o-mini"),
        "a key alone"
    );
    let config = load(&[("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")]).unwrap();
    assert_eq!(config.openai.unwrap().base_url, "http://127.0.0.1:9/v1");
    assert_eq!(config.model, "gpt-4o-mini");
}

/// A valid config for the tests of other modules.
pub fn sample(given: &[(&'static str, &'static str)]) -> Config {
    load(given).unwrap()
}

#[test]
fn prices_and_budgets_are_read_and_a_bad_row_is_named_by_its_number() {
    let config = load(&[("LITTORAL_PRICES", "*=1/2, m@2026-01-01=3/4"), ("LITTORAL_BUDGET_USD", "0.50")]).unwrap();
    let now = domain::Timestamp::from_millis(1_767_225_600_000);
    assert_eq!(config.money.rates("m", now).unwrap().input, 3_000_000);
    assert_eq!(config.money.rates(OFFLINE_MODEL, now), Some(domain::money::Rates::FREE));
    assert_eq!(config.money.budget.unwrap().get(), 500_000_000);
    let error = load(&[("LITTORAL_PRICES", "*=1/2,secret=3"), ("LITTORAL_BUDGET_USD", "-1")]).unwrap_err();
    assert!(error.0[0].starts_with("LITTORAL_PRICES: ") && error.0[0].contains("row 2"), "{error}");
    assert!(error.0[1].starts_with("LITTORAL_BUDGET_USD: "), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_fallback_needs_a_first_provider_and_with_a_budget_a_price() {
    const FIRST: (&str, &str) = ("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
    const SECOND: (&str, &str) = ("LITTORAL_FALLBACK_BASE_URL", "http://127.0.0.1:10/v1/");
    let config = load(&[FIRST, SECOND]).unwrap();
    assert_eq!(config.fallback.unwrap().provider.base_url, "http://127.0.0.1:10/v1");
    assert!(load(&[SECOND]).unwrap_err().0[0].starts_with("LITTORAL_FALLBACK_BASE_URL: "));
    let unpriced = [FIRST, SECOND, ("LITTORAL_FALLBACK_MODEL", "m"), ("LITTORAL_BUDGET_USD", "5")];
    assert!(load(&unpriced).unwrap_err().0[0].starts_with("LITTORAL_FALLBACK_MODEL: "));
}
