//! `/api/v1/users/me`: the profile, the settings, leaving, and taking everything along.

mod export;
mod leaving;
mod profile;
mod settings;

const ME: &str = "/api/v1/users/me";
const SETTINGS: &str = "/api/v1/users/me/settings";
