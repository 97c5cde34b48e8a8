//! The local stack: real servers and our own programs, each a process that can be started, stopped, killed and restarted.

pub mod ports;
pub mod postgres;
pub mod process;
pub mod secrets;
