//! Flutterwave's v3 API, <https://developer.flutterwave.com/v3.0.0/docs>.

mod config;

pub use config::{Config, InvalidConfig, KeyMode, SecretKey, TestSuffix};
