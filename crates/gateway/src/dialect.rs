//! The surfaces: one folder each, with the same file names. A dialect converts and calls services; it imports no other
//! dialect and no store.

pub mod native;
