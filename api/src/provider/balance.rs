//! `GET /api/provider/balance`

use poem_openapi::{Object, OpenApi, payload::Json};
use store::payouts::{Filter, Page};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    money::Amount,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
    shapes::{PayoutStatus, Waiting, waiting},
};

/// Payouts under way that are told beside a balance.
const RESERVATIONS: i64 = 100;

/// What a provider has, in one currency. `available + reserved + paid_out - debt` is everything ever earned.
#[derive(Debug, Object)]
struct Balance {
    /// ISO 4217.
    currency: String,
    /// What can be asked for now.
    available: Amount,
    /// Set aside for payouts that have not ended.
    reserved: Amount,
    /// For which, newest first; at most a hundred.
    reserved_for: Vec<Reservation>,
    /// What has been paid.
    paid_out: Amount,
    /// What is owed back; taken from later earnings first.
    debt: Amount,
}

/// What is set aside for one payout.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Reservation {
    /// The payout.
    payout_id: Uuid,
    /// How much.
    amount: Amount,
    /// Where the payout stands.
    status: PayoutStatus,
    /// What it waits for, who must act, and when it moves.
    waiting: Option<Waiting>,
}

/// One entry for each currency that was ever earned in.
#[derive(Debug, Object)]
struct Balances {
    /// By currency code. Empty for a provider who has not earned anything yet.
    balances: Vec<Balance>,
}

pub(crate) struct GetBalance;

impl Refuses for GetBalance {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Provider")]
impl GetBalance {
    /// Your balance
    ///
    /// Read from the ledger at this moment: a payout that was just asked for is already taken off `available`.
    #[oai(path = "/api/provider/balance", method = "get", operation_id = "getBalance")]
    async fn balance(&self, app: TheApp<'_>, caller: AsProvider) -> Result<Json<Balances>, Refused<Self>> {
        let balances = store::balances::of(&app.pool, caller.0).await?;
        let filter = Filter { provider: Some(caller.0), open: Some(true), ..Filter::default() };
        let open = store::payouts::list(&app.pool, &filter, Page::newest(None, RESERVATIONS)).await?;
        let ids: Vec<_> = open.iter().map(|payout| payout.id).collect();
        let waiting = waiting(&app, &ids).await?;
        let tell = |balance: store::balances::Balance| Balance {
            currency: balance.currency.code().to_owned(),
            available: Amount(balance.available),
            reserved: Amount(balance.reserved),
            reserved_for: open
                .iter()
                .filter(|payout| payout.amount.currency() == balance.currency)
                .map(|payout| Reservation {
                    payout_id: payout.id.uuid(),
                    amount: Amount(payout.amount),
                    status: payout.status.into(),
                    waiting: waiting.get(&payout.id).cloned(),
                })
                .collect(),
            paid_out: Amount(balance.paid_out),
            debt: Amount(balance.debt),
        };
        Ok(Json(Balances { balances: balances.into_iter().map(tell).collect() }))
    }
}
