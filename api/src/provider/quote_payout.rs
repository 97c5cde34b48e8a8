//! `POST /api/provider/payouts/quote`

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BankAccountId, Money, PausedBy, ProviderId};
use poem_openapi::{Object, OpenApi, payload::Json};
use store::payouts::Obstacles;
use uuid::Uuid;

use super::request_payout::{PayoutRequest, problem};
use crate::{
    app::{App, TheApp},
    auth::AsProvider,
    banks::within_patience,
    body::Body,
    document::Tag,
    money::Amount,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// Most transfers are confirmed this long after they leave. A promise would need the bank's word; this is what is usual.
const USUALLY_AT_THE_BANK_IN: TimeDelta = TimeDelta::minutes(30);

/// What asking for this payout now would mean. Nothing is written and nothing reserved.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Quote {
    /// What the provider would receive. Fees are not taken from it.
    amount: Amount,
    /// Where it would go.
    bank_account_id: Uuid,
    /// What the gateway quotes for the transfer. Absent while it cannot be asked; that stands in nobody's way.
    fee: Option<FeeQuote>,
    /// When the money could be there, if nothing stands in its way.
    arrival: Arrival,
    /// Whether the request would be taken now.
    possible: bool,
    /// What would refuse it, or hold it up once it was taken. Empty: nothing known.
    obstacles: Vec<QuoteObstacle>,
}

/// The gateway's own estimate. What it really takes is known once the transfer has been made.
#[derive(Debug, Object)]
struct FeeQuote {
    /// How much.
    amount: Amount,
    /// Who bears it: `platform` (the marketplace) or `provider`.
    borne_by: String,
    /// The same as a sentence.
    detail: String,
}

/// When a payout that was asked for now could arrive.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Arrival {
    /// When the next batch leaves. Absent where payouts leave at once.
    leaves_at: Option<DateTime<Utc>>,
    /// By when it is usually at the bank, if it leaves then.
    usually_by: DateTime<Utc>,
    /// The same as a sentence.
    detail: String,
}

/// What stands in the way.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct QuoteObstacle {
    /// For programs. Where the request would be refused it is the code of that problem; `paused`: it would be taken, and would
    /// leave when the pause has ended.
    code: String,
    /// The same as a sentence.
    detail: String,
    /// Whether the request would be refused; else it only waits.
    refuses: bool,
    /// With `insufficient_balance`: what can be asked for now.
    available: Option<Amount>,
    /// With `bank_account_cooling_off`: from when the account can be paid to.
    until: Option<DateTime<Utc>>,
}

pub(crate) struct QuotePayout;

impl Refuses for QuotePayout {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY];
}

#[OpenApi(tag = "Tag::Provider")]
impl QuotePayout {
    /// What a payout would cost, and when it would arrive
    ///
    /// For the screen before the confirmation: the gateway's fee as a quote and who bears it, when it would leave and usually be
    /// there, and what stands in the way. Takes the body of `POST /api/provider/payouts` and judges it by the same checks, but
    /// writes and reserves nothing: a request a moment later may be answered otherwise. Whether somebody will look at the payout
    /// first is not told.
    #[oai(path = "/api/provider/payouts/quote", method = "post", operation_id = "quotePayout")]
    async fn quote(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        body: Body<PayoutRequest>,
    ) -> Result<Json<Quote>, Refused<Self>> {
        let account = BankAccountId::from_uuid(body.0.bank_account_id);
        Ok(Json(quote(&app, caller.0, account, body.0.amount.0).await?))
    }
}

async fn quote(
    app: &App,
    provider: ProviderId,
    account: BankAccountId,
    amount: Money,
) -> Result<Quote, Problem> {
    let now = app.now();
    let found = store::payouts::obstacles(&app.pool, provider, account, amount, now).await?;
    let fee = match within_patience(app.gateway.fee_quote(amount)).await {
        Ok(Ok(fee)) => Some(fee_quote(fee)),
        Ok(Err(failed)) => {
            tracing::info!(%failed, "the gateway quoted no fee");
            None
        }
        Err(late) => {
            tracing::info!(%late, "the gateway quoted no fee in time");
            None
        }
    };
    let next_window = app.next_window().await?;
    Ok(Quote {
        amount: Amount(amount),
        bank_account_id: account.uuid(),
        fee,
        arrival: arrival(now, next_window),
        possible: found.refusals.is_empty(),
        obstacles: obstacles(&found),
    })
}

fn fee_quote(fee: Money) -> FeeQuote {
    FeeQuote {
        amount: Amount(fee),
        borne_by: "platform".to_owned(),
        detail: format!("The payment gateway quotes {fee} for this transfer. The marketplace bears it."),
    }
}

fn arrival(now: DateTime<Utc>, leaves_at: Option<DateTime<Utc>>) -> Arrival {
    let leaves = leaves_at.unwrap_or(now);
    let when = if leaves_at.is_some() { "It leaves with the next batch" } else { "It leaves at once" };
    let minutes = USUALLY_AT_THE_BANK_IN.num_minutes();
    Arrival {
        leaves_at,
        usually_by: leaves.checked_add_signed(USUALLY_AT_THE_BANK_IN).unwrap_or(leaves),
        detail: format!(
            "{when} and is usually at the bank within {minutes} minutes of that. Where it has to be looked at first it leaves \
             later, and some banks take until the next working day."
        ),
    }
}

fn obstacles(found: &Obstacles) -> Vec<QuoteObstacle> {
    let refusals = found.refusals.iter().map(|refusal| {
        let problem = problem(refusal);
        QuoteObstacle {
            code: problem.code().as_str().to_owned(),
            detail: problem.detail().to_owned(),
            refuses: true,
            available: problem.available(),
            until: problem.until(),
        }
    });
    let paused = found.paused.map(|by| QuoteObstacle {
        code: "paused".to_owned(),
        detail: match by {
            PausedBy::Admin => "Payouts are paused for the moment. It would leave when the pause has ended.",
            PausedBy::Case => "Something has to be settled first. It would leave when that is done.",
        }
        .to_owned(),
        refuses: false,
        available: None,
        until: None,
    });
    refusals.chain(paused).collect()
}
