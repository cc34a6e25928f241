//! Accounts.

use serde::Serialize;

/// The answer to everything that goes on by mail, if it goes on.
#[derive(Serialize)]
pub struct Accepted {
    pub status: &'static str,
}
