//! The simulator from outside: over HTTP, and as a process that is killed.

mod control;
mod durability;
mod faults;
mod harness;
mod lookups;
mod node_sdk;
mod receiver;
mod transfers;
mod webhooks;
