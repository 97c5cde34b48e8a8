//! Every failure of a step means: try it again. This is the one place that says so, and the one that logs it.

use std::{error::Error, time::Duration};

use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

use crate::World;

/// Ends one run of a step: counts it, and turns its error into "again", with the whole chain in the log and only the top line in
/// the history (a database's message can quote a row).
pub(crate) fn answer<T, E: Error>(
    world: &World,
    step: &'static str,
    result: Result<T, E>,
) -> Result<T, ActivityError> {
    match result {
        Ok(value) => {
            world.tally.count_done();
            Ok(value)
        }
        Err(error) => Err(again(world, step, &error, None)),
    }
}

/// Try again, after `delay` where it is known.
pub(crate) fn again(
    world: &World,
    step: &'static str,
    error: &dyn Error,
    delay: Option<Duration>,
) -> ActivityError {
    world.tally.count_failed();
    let mut cause = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        cause.push_str(": ");
        cause.push_str(&inner.to_string());
        source = inner.source();
    }
    tracing::warn!(step, "step {step} will be tried again: {error}{cause}");
    let failure = ApplicationFailure::builder(anyhow::anyhow!("{error}")).type_name("TryAgain".to_owned());
    match delay {
        Some(delay) => failure.next_retry_delay(delay).build().into(),
        None => failure.build().into(),
    }
}
