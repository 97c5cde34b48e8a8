//! `GET /v3/balances` and `GET /v3/balances/:currency`.
//!
//! Available is what can be spent; the ledger balance still holds what has left for transfers that are under way.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::State;
use crate::faults::Endpoint;
use crate::money::Number;
use crate::server::Answer;
use crate::world::World;

/// The merchant's other wallets exist and are empty.
const EMPTY_WALLETS: [&str; 3] = ["USD", "EUR", "GBP"];

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the gateway's names")]
struct Balance {
    currency: String,
    available_balance: Number,
    ledger_balance: Number,
}

fn naira(state: &State) -> Balance {
    Balance {
        currency: "NGN".to_owned(),
        available_balance: Number(state.wallet),
        ledger_balance: Number(state.wallet.saturating_add(state.in_flight)),
    }
}

fn empty(currency: &str) -> Balance {
    let nothing = Number(Decimal::ZERO);
    Balance { currency: currency.to_owned(), available_balance: nothing, ledger_balance: nothing }
}

pub(super) async fn all(world: &World) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Balances).await?;
    let naira = world.books.read(naira).await?;
    let balances: Vec<_> = std::iter::once(naira).chain(EMPTY_WALLETS.map(empty)).collect();
    Ok(Answer::success("Wallet balances fetched", balances))
}

pub(super) async fn one(world: &World, currency: &str) -> Result<Answer, Answer> {
    super::strike_endpoint(world, Endpoint::Balances).await?;
    let currency = currency.to_ascii_uppercase();
    let balance = match currency.as_str() {
        "NGN" => world.books.read(naira).await?,
        other if EMPTY_WALLETS.contains(&other) => empty(other),
        _ => return Err(Answer::error(400, "No wallet found for this currency")),
    };
    Ok(Answer::success("Wallet balance fetched", balance))
}
