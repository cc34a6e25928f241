//! Reads typed settings and collects what is wrong with them.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Secret, gcra::Quota};
use ports::{Settings, SettingsError};

use super::{ConfigError, Key};

pub struct Reader<'a> {
    settings: &'a dyn Settings,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(settings: &'a dyn Settings) -> Self {
        Self { settings, problems: Vec::new() }
    }

    /// The config, or every problem that was met.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError(self.problems)) }
    }

    /// Notes what is wrong with a setting: its name and what was expected, never its value.
    pub fn refuse(&mut self, name: &str, expected: &str) {
        self.problems.push(format!("{name}: {expected}"));
    }

    pub async fn text(&mut self, name: &str) -> Result<Option<String>, SettingsError> {
        Ok(self.settings.get(name).await?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// One of a few words.
    pub async fn word<T: Copy>(&mut self, name: &str, default: T, words: &[(&str, T)]) -> Result<T, SettingsError> {
        let Some(text) = self.text(name).await? else { return Ok(default) };
        Ok(words.iter().find(|(word, _)| *word == text).map_or_else(
            || {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                self.refuse(name, &format!("expected {}", words.join(" or ")));
                default
            },
            |(_, value)| *value,
        ))
    }

    pub async fn number<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> Result<T, SettingsError>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(text) = self.text(name).await? else { return Ok(default) };
        Ok(text.parse().ok().filter(|n| range.contains(n)).unwrap_or_else(|| {
            self.problems.push(format!("{name}: expected a number from {} to {}", range.start(), range.end()));
            default
        }))
    }

    pub async fn seconds(
        &mut self,
        name: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, SettingsError> {
        self.number(name, default, range).await.map(Duration::from_secs)
    }

    pub async fn millis(&mut self, name: &str, default: u64) -> Result<Duration, SettingsError> {
        self.number(name, default, 0..=86_400_000).await.map(Duration::from_millis)
    }

    /// An absolute http(s) URL, returned without a closing slash.
    pub async fn url(&mut self, name: &str) -> Result<Option<String>, SettingsError> {
        let Some(text) = self.text(name).await? else { return Ok(None) };
        let url = text.trim_end_matches('/');
        let valid = url.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
                && uri.query().is_none()
        });
        if !valid {
            let path = if name.ends_with("_BASE_URL") { "/v1" } else { "" };
            self.problems.push(format!(
                "{name}: expected an absolute http or https URL without user name and query, like https://api.example.com{path}"
            ));
        }
        Ok(Some(url.to_owned()))
    }

    pub async fn origins(&mut self, name: &str) -> Result<Vec<String>, SettingsError> {
        let Some(text) = self.text(name).await? else { return Ok(Vec::new()) };
        let origins: Vec<String> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
        let valid = |origin: &String| {
            origin.parse::<http::Uri>().is_ok_and(|uri| {
                uri.scheme_str()
                    .zip(uri.authority())
                    .is_some_and(|(scheme, host)| *origin == format!("{scheme}://{host}"))
            })
        };
        if !origins.iter().all(valid) {
            self.problems.push(format!(
                "{name}: expected origins like https://app.example.com, separated by commas; `*` is not possible because credentials are allowed"
            ));
        }
        Ok(origins)
    }

    /// A ring of keys: `id:base64url`, separated by commas, the one to sign with first.
    pub async fn keys(&mut self, name: &str) -> Result<Vec<Key>, SettingsError> {
        let text = self.text(name).await?.unwrap_or_default();
        let key = |item: &str| {
            let (id, secret) = item.trim().split_once(':')?;
            let secret = URL_SAFE_NO_PAD.decode(secret.trim_end_matches('=')).ok()?;
            (is_key_id(id) && secret.len() >= 32).then(|| Key { id: id.to_owned(), secret: Secret::new(secret) })
        };
        let keys: Option<Vec<Key>> = text.split(',').map(key).collect();
        let unique =
            |keys: &Vec<Key>| keys.iter().enumerate().all(|(at, key)| keys[..at].iter().all(|k| k.id != key.id));
        Ok(keys.filter(unique).unwrap_or_else(|| {
            self.problems.push(format!(
                "{name}: expected one or more `id:key` separated by commas, the key at least 32 random bytes in base64url; make one with `openssl rand -base64 32 | tr '+/' '-_'`"
            ));
            Vec::new()
        }))
    }

    /// A quota: `COUNT/SECONDS`.
    pub async fn quota(&mut self, name: &str, burst: u32, seconds: u64) -> Result<Quota, SettingsError> {
        let default = Quota { burst, period: Duration::from_secs(seconds) };
        let Some(text) = self.text(name).await? else { return Ok(default) };
        let parsed = text.split_once('/').and_then(|(burst, seconds)| {
            let (burst, seconds) = (burst.trim().parse().ok()?, seconds.trim().parse().ok()?);
            // The limiters count in milliseconds: a finer rate would not be kept.
            ((1..=1_000_000).contains(&burst) && (1..=86_400).contains(&seconds) && u64::from(burst) <= seconds * 1000)
                .then(|| Quota { burst, period: Duration::from_secs(seconds) })
        });
        Ok(parsed.unwrap_or_else(|| {
            self.problems
                .push(format!("{name}: expected COUNT/SECONDS, like {burst}/{seconds}, at most 1000 a second"));
            default
        }))
    }
}

/// Whether a text may be the id of a key: nothing that means anything in a token, a path or a URL.
pub fn is_key_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}
