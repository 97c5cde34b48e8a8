//! The client against sockets and against the simulator. One binary, one module for each subject.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "clippy's own allowance for tests does not reach the functions that tests share"
)]

mod faults;
mod honest;
mod screening;
mod silence;
mod sockets;
mod terms;
