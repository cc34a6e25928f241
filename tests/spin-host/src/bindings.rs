//! The generated side of Spin's own interfaces: SQLite, key-value and variables. See `build.rs`.
#![allow(clippy::pedantic, missing_docs, reason = "generated code follows the generator's style")]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
