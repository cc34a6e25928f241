//! Fakes of the ports: small, deterministic, without any platform. No fake decides for the test; each says what it did.

mod clock;
mod entropy;
mod http;
mod keys;
mod mail;

pub use self::{clock::FixedClock, entropy::SeededEntropy, http::FakeHttp, keys::MemoryKeys, mail::RecordedMail};
