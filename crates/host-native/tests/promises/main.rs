//! What only a real process can show: killed in the middle of a run, a thousand open streams, clients that do not read, and
//! connections that are kept alive.

mod keep_alive;
mod kill;
mod load;
mod process;
