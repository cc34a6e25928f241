//! What only a real process can show: killed in the middle of a run, a thousand open streams, clients that do not read,
//! connections that are kept alive, and thousands that only hold on.

mod faults;
mod hostile;
mod keep_alive;
mod kill;
mod load;
mod process;
mod stop;
mod storm;
