//! `GET /v3/transfers/fee`: the gateway's quote.

use serde::Serialize;

use crate::faults::Endpoint;
use crate::money::{self, Number};
use crate::server::{Answer, Request};
use crate::world::World;

#[derive(Serialize)]
struct Quote {
    currency: &'static str,
    fee_type: &'static str,
    fee: Number,
}

pub(super) async fn quote(world: &World, request: &Request) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Fee).await?;
    let amount = request.query("amount").ok_or_else(|| Answer::error(400, "amount is required"))?;
    let amount = money::parse_amount(amount).map_err(|message| Answer::error(400, &message))?;
    if request.query("currency").is_some_and(|currency| currency != "NGN") {
        return Err(Answer::error(400, "currency is not supported, only NGN is"));
    }
    let fee = Number(money::fee_for(amount, world.settings().levy_in_fee));
    Ok(Answer::success("Transfer fee fetched", [Quote { currency: "NGN", fee_type: "value", fee }]))
}
