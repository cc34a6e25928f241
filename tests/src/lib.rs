//! The black-box suite: the same tests in process (the default) and, with `BASE_URL` and `UPSTREAM_URL`, against a running
//! host. A test knows HTTP and the scripted upstream, never which host answers.
//!
//! - `BASE_URL`: where the host answers. Its providers must be the scripted upstream: `LITTORAL_OPENAI_BASE_URL=$UPSTREAM_URL/v1`
//!   and `LITTORAL_FALLBACK_BASE_URL=$UPSTREAM_URL/fallback/v1`,
//!   and its mail service too: `LITTORAL_MAIL_API_URL=$UPSTREAM_URL/play/mail`; its identity providers
//!   are [`settings::oidc_providers`]. The rest is in [`settings`].
//! - `UPSTREAM_URL`: where the program `scripted-upstream` listens.

mod api;
pub mod authenticator;
mod in_process;
mod mail;
mod remote;
pub mod settings;
mod stream;
mod upstream;

pub use self::{
    api::{Answer, Api, PASSWORD, User},
    mail::token_in,
    stream::{Frame, Frames, joined},
    upstream::Provider,
};
