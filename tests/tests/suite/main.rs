//! The suite, laid out like the URLs and the promises.

mod admin;
mod auth;
mod bad_input;
mod base;
mod canary;
mod characters;
mod chat;
mod complete;
mod cors;
mod crowd;
mod disconnect;
mod failover;
mod idempotency;
mod isolation;
mod ledger;
mod link_pages;
mod models;
mod resume;
mod stop;
mod streams;
mod upstream_failures;
mod users;
mod writes;
