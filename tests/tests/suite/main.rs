//! The suite, laid out like the URLs and the promises.

mod auth;
mod base;
mod chat;
mod streams;
