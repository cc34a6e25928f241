//! Settings: read once, validated together, every problem reported at once with the setting's name and what was expected.

mod accounts;
mod admin;
pub mod fallback;
mod guests;
mod mail;
pub mod models;
pub mod money;
pub mod names;
mod oidc;
mod reader;
mod second_factors;
mod sessions;
mod signing;

use std::{fmt, time::Duration};

use domain::{Secret, gcra::Quota};
use ports::{Settings, SettingsError};

pub use self::{
    accounts::{Accounts, Captcha, SignUp},
    admin::FirstAdmin,
    guests::Guests,
    mail::Mail,
    oidc::{MAX_PROVIDER_NAME, OidcProvider},
    second_factors::SecondFactors,
    sessions::Sessions,
    signing::SigningKey,
};
use self::{fallback::Fallback, money::Money, reader::Reader};

/// A key of a ring: its id and its bytes.
#[derive(Clone, Debug)]
pub struct Key {
    /// The id, as it appears in tokens (`kid`).
    pub id: String,
    /// At least 32 bytes.
    pub secret: Secret<Vec<u8>>,
}

/// Time limits of one exchange with a provider.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until a connection stands. The host's HTTP client keeps it.
    pub connect: Duration,
    /// Until the response's head.
    pub first_byte: Duration,
    /// Until the first output.
    pub first_token: Duration,
    /// Between two chunks.
    pub idle: Duration,
    /// For the whole reply.
    pub total: Duration,
}

/// An OpenAI-compatible provider.
#[derive(Clone, Debug)]
pub struct OpenAi {
    /// Up to and including the version, for example `https://api.openai.com/v1`, without a closing slash.
    pub base_url: String,
    /// The key, if the provider wants one.
    pub api_key: Option<Secret<String>>,
}

/// The cost of a password hash (argon2id).
#[derive(Clone, Copy, Debug)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// All settings, valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients reach this server; the issuer of its tokens.
    pub public_url: String,
    /// Mail: what letters say and how they are sent.
    pub mail: Mail,
    /// Keys that sign access tokens: the first signs, all verify.
    pub jwt_keys: Vec<SigningKey>,
    /// Keys that the chain of refresh tokens is computed with: the first for new tokens, all verify.
    pub refresh_keys: Vec<Key>,
    /// Keys that secrets in the database are sealed with: the first seals, all open. A key must stay as long as anything is sealed with
    /// it.
    pub data_keys: Vec<Key>,
    /// Life of an access token.
    pub access_token: Duration,
    /// A session that is not refreshed for this long ends.
    pub session_idle: Duration,
    /// A session ends after this, used or not.
    pub session_max: Duration,
    /// Who becomes the first admin, if it is named.
    pub first_admin: Option<FirstAdmin>,
    /// How many sessions a user may have, and how long security events are kept.
    pub sessions: Sessions,
    /// Signing up and in: passwords, guessing, confirmed addresses.
    pub accounts: Accounts,
    /// Second factors.
    pub second_factors: SecondFactors,
    /// How long a user who asked to be deleted may change their mind.
    pub deletion_delay: Duration,
    /// Cost of a password hash.
    pub hash_cost: HashCost,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The provider, if one is configured besides the built-in offline model.
    pub openai: Option<OpenAi>,
    /// The provider that is asked when that one refuses.
    pub fallback: Option<Fallback>,
    /// Prices and budgets.
    pub money: Money,
    /// The model used when a request names none and its user has chosen none.
    pub model: String,
    /// The models that may be asked for, that one first. What ends in `*` stands for all that begin so.
    pub models: Vec<String>,
    /// The estimated tokens of history sent to a model.
    pub history_tokens: u64,
    /// Time limits of an exchange with a provider.
    pub timeouts: Timeouts,
    /// How often a request is repeated before the first output.
    pub retries: u32,
    /// The longest wait before a repetition; a `Retry-After` beyond it is passed on instead.
    pub retry_patience: Duration,
    /// How long the status line is held back so that an early error can be a true status.
    pub hold: Duration,
    /// Silence after which a stream carries a heartbeat.
    pub heartbeat: Duration,
    /// Life of an owner's lease on a run.
    pub lease: Duration,
    /// Age at which events of a run are written to the log.
    pub flush: Duration,
    /// Age at which the log of an ended run is deleted. The message stays.
    pub log_retention: Duration,
    /// The largest reply, in bytes of text, reasoning and tool calls together; a longer one ends with status `length`.
    pub max_reply_bytes: usize,
    /// Sign-in requests from one address.
    pub auth_limit: Quota,
    /// Messages of one user.
    pub message_limit: Quota,
    /// Reads of lists, histories and streams of one user.
    pub read_limit: Quota,
    /// Changes of one user that have no limit of their own.
    pub write_limit: Quota,
    /// Providers whose ID tokens sign in.
    pub oidc: Vec<OidcProvider>,
    /// Guests.
    pub guests: Guests,
    /// Pause between the words of the offline model.
    pub offline_pause: Duration,
}

/// Everything that is wrong with the settings, one line each. Holds names and expectations, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not valid:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

impl From<SettingsError> for ConfigError {
    fn from(error: SettingsError) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Where a key alone belongs to.
const OPENAI: &str = "https://api.openai.com/v1";

/// The model that needs no provider.
pub const OFFLINE_MODEL: &str = "littoral-offline";

impl Config {
    /// Reads and validates every setting.
    pub async fn load(settings: &dyn Settings) -> Result<Self, ConfigError> {
        let mut read = Reader::new(settings);
        let base_url = read.url("LITTORAL_OPENAI_BASE_URL").await?;
        let openai = match (base_url, read.text("LITTORAL_OPENAI_API_KEY").await?.map(Secret::new)) {
            (None, None) => None,
            (base_url, api_key) => Some(OpenAi { base_url: base_url.unwrap_or_else(|| OPENAI.into()), api_key }),
        };
        let public_url = read.url("LITTORAL_PUBLIC_URL").await?.unwrap_or_else(|| "http://127.0.0.1:8787".into());
        let default_model = if openai.is_some() { "gpt-4o-mini" } else { OFFLINE_MODEL };
        let model = read.text("LITTORAL_MODEL").await?.unwrap_or_else(|| default_model.into());
        let models = models::read(&mut read, &model, openai.is_some()).await?;
        let money = Money::read(&mut read).await?;
        let fallback = Fallback::read(&mut read, openai.is_some(), &money).await?;
        let mail = Mail::read(&mut read, &public_url).await?;
        let config = Self {
            accounts: Accounts::read(&mut read, &mail).await?,
            mail,
            public_url,
            jwt_keys: signing::read(&mut read, "LITTORAL_JWT_KEYS").await?,
            refresh_keys: read.keys("LITTORAL_REFRESH_KEYS").await?,
            data_keys: read.keys("LITTORAL_DATA_KEYS").await?,
            access_token: read.seconds("LITTORAL_ACCESS_TOKEN_SECONDS", 900, 1..=86_400).await?,
            session_idle: read.seconds("LITTORAL_SESSION_IDLE_SECONDS", 30 * 86_400, 60..=31_536_000).await?,
            session_max: read.seconds("LITTORAL_SESSION_MAX_SECONDS", 365 * 86_400, 60..=157_680_000).await?,
            first_admin: FirstAdmin::read(&mut read).await?,
            sessions: Sessions::read(&mut read).await?,
            second_factors: SecondFactors::read(&mut read).await?,
            deletion_delay: read.number("LITTORAL_DELETION_DAYS", 30, 1..=365).await.map(days)?,
            hash_cost: HashCost {
                memory_kib: read.number("LITTORAL_ARGON2_MEMORY_KIB", 19_456, 8..=1_048_576).await?,
                passes: read.number("LITTORAL_ARGON2_PASSES", 2, 1..=100).await?,
            },
            cors_origins: read.origins("LITTORAL_CORS_ORIGINS").await?,
            max_body_bytes: read.number("LITTORAL_MAX_BODY_BYTES", 1 << 20, 1024..=64 << 20).await?,
            openai,
            fallback,
            money,
            model,
            models,
            history_tokens: read.number("LITTORAL_HISTORY_TOKENS", 8_000, 1..=10_000_000).await?,
            timeouts: Timeouts {
                connect: read.millis("LITTORAL_CONNECT_TIMEOUT_MS", 5_000).await?,
                first_byte: read.millis("LITTORAL_FIRST_BYTE_TIMEOUT_MS", 60_000).await?,
                first_token: read.millis("LITTORAL_FIRST_TOKEN_TIMEOUT_MS", 120_000).await?,
                idle: read.millis("LITTORAL_IDLE_TIMEOUT_MS", 60_000).await?,
                total: read.millis("LITTORAL_TOTAL_TIMEOUT_MS", 600_000).await?,
            },
            retries: read.number("LITTORAL_RETRIES", 2, 0..=10).await?,
            retry_patience: read.millis("LITTORAL_RETRY_PATIENCE_MS", 10_000).await?,
            hold: read.millis("LITTORAL_HOLD_MS", 5_000).await?,
            heartbeat: read.millis("LITTORAL_HEARTBEAT_MS", 10_000).await?,
            lease: read.millis("LITTORAL_LEASE_MS", 5_000).await?,
            flush: read.millis("LITTORAL_FLUSH_MS", 200).await?,
            log_retention: read.seconds("LITTORAL_LOG_RETENTION_SECONDS", 3_600, 0..=604_800).await?,
            max_reply_bytes: read.number("LITTORAL_MAX_REPLY_BYTES", 1 << 20, 1024..=1_500_000).await?,
            auth_limit: read.quota("LITTORAL_AUTH_LIMIT", 30, 60).await?,
            message_limit: read.quota("LITTORAL_MESSAGE_LIMIT", 60, 60).await?,
            read_limit: read.quota("LITTORAL_READ_LIMIT", 600, 60).await?,
            write_limit: read.quota("LITTORAL_WRITE_LIMIT", 300, 60).await?,
            oidc: oidc::read(&mut read).await?,
            guests: Guests::read(&mut read).await?,
            offline_pause: read.millis("LITTORAL_OFFLINE_PAUSE_MS", 20).await?,
        };
        read.finish(config)
    }
}

fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

#[cfg(test)]
pub(crate) mod tests;
