//! The settings that a host under test runs with: short timeouts, cheap hashes, wide limits.

/// The first admin's address. Nobody but [`crate::Api::admin`] signs in with it.
pub const ADMIN_EMAIL: &str = "first-admin@example.com";
/// The first admin's password; the canary test looks for it.
pub const ADMIN_PASSWORD: &str = "canary-First-Admin-7";

/// Everything but what names addresses of the scripted upstream, which plays all providers.
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
    ("LITTORAL_ARGON2_MEMORY_KIB", "64"),
    ("LITTORAL_ARGON2_PASSES", "1"),
    ("LITTORAL_AUTH_LIMIT", "60000/60"),
    // Every test calls from one network, but for the one that has this locked.
    ("LITTORAL_LOCKOUT_NETWORK_FAILURES", "600"),
    ("LITTORAL_SIGN_UP_LIMIT", "60000/60"),
    ("LITTORAL_RECOVERY_LIMIT", "60000/60"),
    ("LITTORAL_SENSITIVE_LIMIT", "300/60"),
    ("LITTORAL_MESSAGE_LIMIT", "60000/60"),
    ("LITTORAL_GUESTS", "allow"),
    ("LITTORAL_GUEST_LIMIT", "60000/60"),
    ("LITTORAL_GUEST_MESSAGE_LIMIT", "4/3600"),
    ("LITTORAL_FIRST_BYTE_TIMEOUT_MS", "1500"),
    ("LITTORAL_FIRST_TOKEN_TIMEOUT_MS", "2500"),
    ("LITTORAL_IDLE_TIMEOUT_MS", "1000"),
    ("LITTORAL_TOTAL_TIMEOUT_MS", "20000"),
    ("LITTORAL_CONNECT_TIMEOUT_MS", "1000"),
    ("LITTORAL_RETRIES", "2"),
    ("LITTORAL_RETRY_PATIENCE_MS", "1500"),
    ("LITTORAL_HISTORY_TOKENS", "400"),
    ("LITTORAL_HOLD_MS", "700"),
    ("LITTORAL_HEARTBEAT_MS", "300"),
    ("LITTORAL_LEASE_MS", "3000"),
    ("LITTORAL_FLUSH_MS", "50"),
    ("LITTORAL_OFFLINE_PAUSE_MS", "1"),
];

/// `LITTORAL_OIDC_PROVIDERS`: the identity providers that the suite plays. The scripted upstream has the keys of `test` at
/// `/play/jwks-test`, and so on.
pub fn oidc_providers(upstream: &str) -> String {
    let provider =
        |name: &str| format!("{name}|https://{name}.example.com|{upstream}/play/jwks-{name}|app-ios app-android");
    ["test", "other", "rotating", "down"].map(provider).join(",")
}
