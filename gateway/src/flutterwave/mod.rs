//! Flutterwave, <https://developer.flutterwave.com>.

pub mod v3;
