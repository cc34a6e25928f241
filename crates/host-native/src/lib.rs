//! The native host: one process with an embedded database, or several before one libSQL server.
//!
//! Adapters from the ports to tokio, libsql, reqwest and the operating system, the listening server, and the start of all
//! that. Nothing of what the product does is decided here.

pub mod banner;
pub mod check;
pub mod cli;
pub mod clock;
pub mod data_dir;
pub mod descriptors;
pub mod entropy;
pub mod host;
pub mod http;
pub mod import;
pub mod keys;
pub mod libsql;
pub mod log;
pub mod mail;
pub mod secrets;
pub mod server;
pub mod settings;
pub mod smtp;
pub mod start;
pub mod stop;
pub mod tasks;
pub mod users;
