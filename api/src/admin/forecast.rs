//! `GET /api/admin/forecast`

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Currency, Money, forecast};
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use rust_decimal::Decimal;
use store::funds::{self, Sight};

use crate::{
    app::{App, TheApp},
    auth::AsAdmin,
    document::Tag,
    money::Amount,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
};

/// A look at the wallet that is younger is not repeated.
const STILL_FRESH: chrono::TimeDelta = chrono::TimeDelta::seconds(30);
/// Whoever looks at the forecast does not wait longer for the gateway.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

fn default_windows() -> u16 {
    6
}

/// What the next windows will take, and whether the wallet will do.
#[derive(Debug, Object)]
struct Forecast {
    /// One for each currency in which something waits.
    currencies: Vec<CurrencyForecast>,
}

/// The forecast of one currency.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct CurrencyForecast {
    /// Approved by now, without fees.
    approved: Amount,
    /// How many.
    approved_payouts: u32,
    /// Under review: it may be approved before a window, or not.
    in_review: Amount,
    /// How many.
    payouts_in_review: u32,
    /// What the gateway says can be spent. Absent: it could not be asked.
    balance: Option<Amount>,
    /// The balance without what was claimed and is not debited yet; below zero where that is more.
    spendable: Option<Amount>,
    /// When the gateway was asked last (UTC).
    asked_at: Option<DateTime<Utc>>,
    /// What a transfer is reckoned to cost besides its amount.
    fee_each: Amount,
    /// The next windows; empty where payouts are instant.
    windows: Vec<WindowForecast>,
}

/// What one window is expected to take.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct WindowForecast {
    /// When its batch leaves (UTC).
    at: DateTime<Utc>,
    /// How much it takes of what is approved by now, with fees.
    takes: Amount,
    /// How many payouts.
    payouts: u32,
    /// What is missing by then; zero: nothing. Absent: the wallet could not be looked at.
    shortfall: Option<Amount>,
    /// The same if everything under review is approved before it.
    shortfall_with_reviews: Option<Amount>,
}

pub(crate) struct GetForecast;

impl Refuses for GetForecast {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetForecast {
    /// Will the money do?
    ///
    /// What is approved by now leaves with the next windows, as much with each as the limits of a batch let; the wallet is looked at
    /// unless that was done in the last half minute. What will be asked for until then is not guessed, and limits of a day are left
    /// out. Ahead of a window that will be short finance is told by itself.
    #[oai(path = "/api/admin/forecast", method = "get", operation_id = "getForecast")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// How many windows.
        #[oai(default = "default_windows", validator(minimum(value = "1"), maximum(value = "50")))]
        windows: Query<u16>,
    ) -> Result<Json<Forecast>, Refused<Self>> {
        look_at_wallet(&app).await?;
        let moments = app.schedule().await?.next(app.now(), windows.0.into());
        let waiting = store::forecast::waiting(&app.pool, app.now()).await?;
        let currencies = waiting.iter().map(|(waiting, funds)| shown(waiting, funds, &moments)).collect();
        Ok(Json(Forecast { currencies }))
    }
}

fn shown(waiting: &forecast::Waiting, funds: &funds::Funds, moments: &[DateTime<Utc>]) -> CurrencyForecast {
    let amount = |amount: Decimal| amount_of(amount, waiting.currency);
    let windows = forecast::forecast(waiting, moments).into_iter().map(|window| WindowForecast {
        at: window.at,
        takes: amount(window.takes),
        payouts: window.payouts,
        shortfall: window.shortfall.map(amount),
        shortfall_with_reviews: window.shortfall_with_reviews.map(amount),
    });
    CurrencyForecast {
        approved: amount(waiting.amount),
        approved_payouts: waiting.payouts,
        in_review: amount(waiting.in_review),
        payouts_in_review: waiting.payouts_in_review,
        balance: funds.balance.map(Amount),
        spendable: funds.spendable.map(Amount),
        asked_at: funds.asked_at,
        fee_each: Amount(funds.fee_each),
        windows: windows.collect(),
    }
}

/// Sums of what the database holds are amounts it can hold.
fn amount_of(amount: Decimal, currency: Currency) -> Amount {
    Amount(Money::exact(amount, currency).unwrap_or_else(|_| Money::zero(currency)))
}

async fn look_at_wallet(app: &App) -> store::Result<()> {
    let seen = funds::seen(&app.pool).await?;
    for asked in funds::asked(&app.pool, app.now()).await? {
        let now = app.now();
        let fresh = seen.iter().any(|funds| {
            funds.currency == asked.currency
                && funds.asked_at.is_some_and(|at| now.signed_duration_since(at) < STILL_FRESH)
        });
        if fresh {
            continue;
        }
        let undebited = funds::claimed_and_not_debited(&app.pool, asked.currency, now).await?;
        let question = tokio::time::timeout(QUESTION_LIMIT, app.gateway.balance(asked.currency));
        // What batches know is not forgotten because this look failed.
        if let Ok(Ok(balance)) = question.await {
            let sight = Sight {
                currency: asked.currency,
                asked_at: now,
                balance: Some(balance.available),
                fee_each: None,
                undebited,
            };
            funds::see(&app.pool, &sight).await?;
        }
    }
    Ok(())
}
