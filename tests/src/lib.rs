//! The black-box suite: the same tests in process (the default) and, with `BASE_URL` and `UPSTREAM_URL`, against a running
//! host. A test knows HTTP and the scripted upstream, never which host answers.
//!
//! - `BASE_URL`: where the host answers, with [`settings::SETTINGS`], and [`settings::at_upstream`] for the providers and services
//!   that the scripted upstream plays.
//! - `UPSTREAM_URL`: where the program `scripted-upstream` listens.
//! - `HOST_PROFILE`: the [profile](settings::PROFILES) whose settings the host has besides. Its tests are those whose path has the
//!   profile's name as a module, and they alone pass then (`cargo test --test suite -- ::private::`); without it, they must be
//!   left out (`--skip ::private::`). In process there is no need: each test has the settings that it asks for.

mod api;
pub mod authenticator;
mod in_process;
mod mail;
mod remote;
pub mod renewals;
pub mod settings;
mod stream;
mod upstream;

pub use self::{
    api::{Answer, Api, PASSWORD, User},
    mail::token_in,
    stream::{Frame, Frames, joined},
    upstream::Provider,
};
