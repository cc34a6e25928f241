//! The settings that a host under test runs with: short timeouts, cheap hashes, wide limits. And the profiles: other settings
//! with which each host is started once more, for the tests of what these change.

/// The first admin's address. Nobody but [`crate::Api::admin`] signs in with it.
pub const ADMIN_EMAIL: &str = "first-admin@example.com";
/// The first admin's password; the canary test looks for it.
pub const ADMIN_PASSWORD: &str = "canary-First-Admin-7";

/// Everything but what names addresses of the scripted upstream; see [`at_upstream`].
pub const SETTINGS: &[(&str, &str)] = &[
    // One that signs, and two that verify: the key pairs of RFC 8037 and RFC 7515.
    (
        "LITTORAL_JWT_KEYS",
        "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
         ed:ed25519:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A,es:es256:jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    ),
    ("LITTORAL_REFRESH_KEYS", "test:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA"),
    ("LITTORAL_DATA_KEYS", "test:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"),
    ("LITTORAL_ADMIN_EMAIL", ADMIN_EMAIL),
    ("LITTORAL_ADMIN_PASSWORD", ADMIN_PASSWORD),
    ("LITTORAL_OPENAI_API_KEY", "canary-provider-key"),
    ("LITTORAL_MAIL_API", "resend"),
    ("LITTORAL_MAIL_API_KEY", "canary-mail-key"),
    ("LITTORAL_MAIL_FROM", "Littoral <littoral@example.com>"),
    ("LITTORAL_FALLBACK_API_KEY", "canary-provider-key"),
    // US dollars per million tokens: input, output, cache read, cache write, reasoning. A call of `pricey` costs a dollar a
    // token, so that one reply of no stated length is more than the budget.
    ("LITTORAL_PRICES", "*=1/2/0.5/1.25/4,pricey=1000000/1000000"),
    ("LITTORAL_BUDGET_USD", "1000"),
    ("LITTORAL_CORS_ORIGINS", "https://app.example.com"),
    ("LITTORAL_MODEL", "default"),
    // Tests name their scripts by `Provider::script`.
    ("LITTORAL_MODELS", "pricey,littoral-offline,script-*"),
    ("LITTORAL_ARGON2_MEMORY_KIB", "64"),
    ("LITTORAL_ARGON2_PASSES", "1"),
    ("LITTORAL_AUTH_LIMIT", "60000/60"),
    // Every test calls from one network, but for the one that has this locked.
    ("LITTORAL_LOCKOUT_NETWORK_FAILURES", "600"),
    ("LITTORAL_SIGN_UP_LIMIT", "60000/60"),
    ("LITTORAL_RECOVERY_LIMIT", "60000/60"),
    ("LITTORAL_SENSITIVE_LIMIT", "300/60"),
    ("LITTORAL_MESSAGE_LIMIT", "60000/60"),
    ("LITTORAL_WRITE_LIMIT", "60000/60"),
    ("LITTORAL_READ_LIMIT", "60000/60"),
    ("LITTORAL_GUESTS", "allow"),
    ("LITTORAL_GUEST_LIMIT", "60000/60"),
    ("LITTORAL_GUEST_MESSAGE_LIMIT", "4/3600"),
    ("LITTORAL_FIRST_BYTE_TIMEOUT_MS", "1500"),
    ("LITTORAL_FIRST_TOKEN_TIMEOUT_MS", "2500"),
    // Less may pass on a busy machine between two chunks that were sent at once.
    ("LITTORAL_IDLE_TIMEOUT_MS", "3000"),
    ("LITTORAL_TOTAL_TIMEOUT_MS", "20000"),
    ("LITTORAL_CONNECT_TIMEOUT_MS", "1000"),
    ("LITTORAL_RETRIES", "2"),
    ("LITTORAL_RETRY_PATIENCE_MS", "1500"),
    ("LITTORAL_HISTORY_TOKENS", "400"),
    // Two repetitions wait for up to 750 ms, and a true status is expected after them.
    ("LITTORAL_HOLD_MS", "1000"),
    ("LITTORAL_HEARTBEAT_MS", "300"),
    ("LITTORAL_LEASE_MS", "3000"),
    ("LITTORAL_FLUSH_MS", "50"),
    ("LITTORAL_OFFLINE_PAUSE_MS", "1"),
];

/// What names addresses of the scripted upstream, which plays the providers, the mail service, the captcha service (that is
/// asked only where there is a secret for it), and the identity providers.
pub fn at_upstream(upstream: &str) -> [(&'static str, String); 5] {
    [
        ("LITTORAL_OPENAI_BASE_URL", format!("{upstream}/v1")),
        ("LITTORAL_FALLBACK_BASE_URL", format!("{upstream}/fallback/v1")),
        ("LITTORAL_MAIL_API_URL", format!("{upstream}/play/mail")),
        ("LITTORAL_TURNSTILE_URL", format!("{upstream}/play/captcha")),
        ("LITTORAL_OIDC_PROVIDERS", oidc_providers(upstream)),
    ]
}

/// Settings in place of some of the others, for the tests in modules of this name (see [`crate::Api::with_profile`]). Each
/// profile costs a start of every host: what does not exclude each other belongs into one.
#[derive(Debug)]
pub struct Profile {
    /// A word that no other module of the suite is called.
    pub name: &'static str,
    /// They win over [`SETTINGS`].
    pub settings: &'static [(&'static str, &'static str)],
}

impl Profile {
    /// The part of a test's path that says that it is for this profile.
    pub fn module(&self) -> String {
        format!("::{}::", self.name)
    }
}

/// The secret of the captcha service; hosts' logs are searched for it.
pub const CAPTCHA_SECRET: &str = "canary-captcha-secret";

/// All of them.
pub const PROFILES: &[Profile] = &[
    // Addresses are proved before anything else, Ed25519 signs, passwords may be bad, guessing has no consequence.
    Profile {
        name: "private",
        settings: &[
            ("LITTORAL_SIGN_UP", "private"),
            ("LITTORAL_UNVERIFIED_CHAT", "deny"),
            (
                "LITTORAL_JWT_KEYS",
                "ed:ed25519:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A,test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            ),
            ("LITTORAL_PASSWORD_MIN_LENGTH", "8"),
            ("LITTORAL_PASSWORD_HISTORY", "0"),
            ("LITTORAL_LOCKOUT_FAILURES", "0"),
            ("LITTORAL_LOCKOUT_NETWORK_FAILURES", "0"),
            ("LITTORAL_GUEST_LIMIT", "2/3600"),
        ],
    },
    // A captcha and few requests before signing in, ES256 signs, no mail.
    Profile {
        name: "guarded",
        settings: &[
            ("LITTORAL_TURNSTILE_SECRET", CAPTCHA_SECRET),
            ("LITTORAL_JWT_KEYS", "es:es256:jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"),
            ("LITTORAL_AUTH_LIMIT", "3/60"),
            ("LITTORAL_MAIL", "off"),
        ],
    },
    // Little of everything, for a short time.
    Profile {
        name: "tight",
        settings: &[
            ("LITTORAL_JWT_KEYS", "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            ("LITTORAL_SIGN_UP_LIMIT", "2/3600"),
            ("LITTORAL_RECOVERY_LIMIT", "2/60"),
            ("LITTORAL_SENSITIVE_LIMIT", "3/60"),
            ("LITTORAL_MESSAGE_LIMIT", "2/60"),
            ("LITTORAL_WRITE_LIMIT", "12/60"),
            ("LITTORAL_READ_LIMIT", "12/60"),
            ("LITTORAL_MAX_REPLY_BYTES", "1024"),
            ("LITTORAL_GUESTS", "deny"),
            ("LITTORAL_PASSWORD_POLICY", "strict"),
            ("LITTORAL_LOCKOUT_FAILURES", "2"),
            ("LITTORAL_LOCKOUT_NETWORK_FAILURES", "3"),
            ("LITTORAL_LOCKOUT_SECONDS", "3"),
            ("LITTORAL_MAX_SESSIONS", "3"),
            ("LITTORAL_TRUSTED_DEVICE_SECONDS", "0"),
            ("LITTORAL_LOG_RETENTION_SECONDS", "0"),
            ("LITTORAL_DELETION_DAYS", "2"),
        ],
    },
    // A crowd on two cores makes everybody wait, as long as they wait by default, and passwords cost what they do by default.
    Profile {
        name: "crowded",
        settings: &[
            ("LITTORAL_ARGON2_MEMORY_KIB", "19456"),
            ("LITTORAL_ARGON2_PASSES", "2"),
            ("LITTORAL_CONNECT_TIMEOUT_MS", "5000"),
            ("LITTORAL_FIRST_BYTE_TIMEOUT_MS", "60000"),
            ("LITTORAL_FIRST_TOKEN_TIMEOUT_MS", "120000"),
            ("LITTORAL_IDLE_TIMEOUT_MS", "60000"),
            ("LITTORAL_TOTAL_TIMEOUT_MS", "600000"),
            ("LITTORAL_HEARTBEAT_MS", "10000"),
            ("LITTORAL_LEASE_MS", "15000"),
            ("LITTORAL_FLUSH_MS", "200"),
        ],
    },
];

/// The profile of a name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// `LITTORAL_OIDC_PROVIDERS`: the identity providers that the suite plays. The scripted upstream has the keys of `test` at
/// `/play/jwks-test`, and so on; `workspace` has the issuer of Google.
pub fn oidc_providers(upstream: &str) -> String {
    let provider = |(name, issuer): (&str, &str)| {
        format!("{name}|https://{issuer}|{upstream}/play/jwks-{name}|app-ios app-android")
    };
    [
        ("test", "test.example.com"),
        ("other", "other.example.com"),
        ("rotating", "rotating.example.com"),
        ("down", "down.example.com"),
        ("workspace", "accounts.google.com"),
    ]
    .map(provider)
    .join(",")
}
