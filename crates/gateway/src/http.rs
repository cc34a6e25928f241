//! The HTTP face: what every surface shares. No rule of the product and no SQL.

pub mod body;
pub mod context;
pub mod cors;
pub mod device;
pub mod docs;
pub mod fields;
pub mod health;
pub mod link_pages;
pub mod openapi;
pub mod pipeline;
pub mod presence;
pub mod problem;
pub mod query;
pub mod refusal;
pub mod request_id;
pub mod route;
pub mod sse;
