//! The settings that a host under test runs with: short timeouts, cheap hashes, wide limits.

/// Everything but the address of the scripted upstream.
pub const SETTINGS: &[(&str, &str)] = &[
    ("LITTORAL_JWT_KEYS", "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("LITTORAL_REFRESH_KEYS", "test:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA"),
    ("LITTORAL_OPENAI_API_KEY", "canary-provider-key"),
    ("LITTORAL_CORS_ORIGINS", "https://app.example.com"),
    ("LITTORAL_MODEL", "default"),
    ("LITTORAL_ARGON2_MEMORY_KIB", "64"),
    ("LITTORAL_ARGON2_PASSES", "1"),
    ("LITTORAL_AUTH_LIMIT", "60000/60"),
    ("LITTORAL_MESSAGE_LIMIT", "60000/60"),
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
