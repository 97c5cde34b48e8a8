//! One more look at the gateway before money is given back.

use activities::{LookFailed, Reobserved, look_at_earlier_attempts};
use domain::PayoutId;

use crate::{
    app::App,
    banks::{not_asked, within_patience},
    problem::Problem,
};

/// Asks the gateway about every attempt that has failed, and writes down what it says. The store gives money back only on
/// failures that were seen just now.
///
/// A payout that cannot be refunded anyway costs the gateway nothing: the store says why.
pub(crate) async fn look_again(app: &App, id: PayoutId) -> Result<(), Problem> {
    let payout = store::payouts::get(&app.pool, id).await?;
    if !payout.is_some_and(|payout| payout.needs_attention) {
        return Ok(());
    }
    let (gateway, clock) = (app.gateway.as_ref(), app.clock.as_ref());
    let looks = look_at_earlier_attempts(&app.pool, gateway, clock, &app.retry_policy, id);
    match within_patience(looks).await? {
        // What they came to is judged once more under the payout's lock.
        Ok(Reobserved::AllFailed | Reobserved::NotProven(_)) => Ok(()),
        Err(LookFailed::Store(error)) => Err(error.into()),
        Err(LookFailed::Gateway(failed)) => Err(not_asked(&failed)),
    }
}
