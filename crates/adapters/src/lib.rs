//! Adapters that need no platform: ports built on other ports, or on memory alone.
//!
//! Whatever names a host's SDK or an executor belongs in that host.

mod bundled_assets;
mod hrana;
mod http_mail;
mod memory_rate_limiter;
mod sql_keys;
mod sql_rate_limiter;
mod swept_keys;

pub use self::{
    bundled_assets::BundledAssets,
    hrana::{Hrana, HranaError},
    http_mail::HttpMail,
    memory_rate_limiter::MemoryRateLimiter,
    sql_keys::SqlKeys,
    sql_rate_limiter::SqlRateLimiter,
    swept_keys::SweptKeys,
};
