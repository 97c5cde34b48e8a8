//! A few providers, bank accounts and earnings for a new stack, pushed through the platform API as a marketplace would.
//!
//! Idempotent by external id: seeding twice changes nothing. The API does not have the endpoints yet, so there is nothing to
//! push and nobody to name.

use anyhow::Result;

use crate::stack::settings::Surroundings;

/// Someone to try the API as.
#[derive(Clone, Debug)]
pub struct SeededProvider {
    pub id: String,
    pub name: String,
}

#[expect(clippy::unnecessary_wraps, reason = "pushing over HTTP can fail, once there is something to push")]
pub fn seed(_around: &Surroundings) -> Result<Vec<SeededProvider>> {
    Ok(vec![])
}
