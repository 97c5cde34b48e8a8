//! `POST /api/admin/wallet-fundings`

use chrono::{DateTime, Utc};
use domain::{CaseId, Money};
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use store::fundings::{self, Booked, MAX_REFERENCE_CHARS, NewFunding};
use uuid::Uuid;

use super::act::MAX_REASON_CHARS;
use crate::{
    app::TheApp,
    auth::AsFinance,
    body::{Body, Fields, FromFields},
    document::Tag,
    money::Amount,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// Money that finance has put into the gateway's wallet.
#[derive(Debug, Object)]
struct WalletFundingContent {
    /// The reference of the bank transfer, as the wallet's statement has it; 1 to 150 characters. It names the funding: told again
    /// with the same amount it changes nothing.
    #[oai(validator(min_length = 1, max_length = 150))]
    reference: String,
    /// How much came in.
    amount: Amount,
    /// For whoever has to answer for it later; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

struct Given {
    reference: String,
    amount: Money,
    reason: String,
}

impl FromFields for WalletFundingContent {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let reference = fields.text("reference", MAX_REFERENCE_CHARS);
        let amount = fields.positive_money("amount");
        let reason = fields.text("reason", MAX_REASON_CHARS);
        Some(Given { reference: reference?, amount: amount?, reason: reason? })
    }
}

/// A funding of the gateway's wallet, as it is booked.
#[derive(Debug, Object)]
#[oai(rename = "WalletFunding")]
struct Funding {
    /// Names it.
    reference: String,
    /// How much came in.
    amount: Amount,
    /// When it was booked (UTC).
    booked_at: DateTime<Utc>,
    /// The cases about lines of the wallet's statement that this booking explained and closed.
    closed_cases: Vec<Uuid>,
}

impl From<fundings::Funding> for Funding {
    fn from(funding: fundings::Funding) -> Self {
        Self {
            reference: funding.reference,
            amount: Amount(funding.amount),
            booked_at: funding.booked_at,
            closed_cases: funding.closed.into_iter().map(CaseId::uuid).collect(),
        }
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// It is booked, and the cases that asked about it are closed.
    #[oai(status = 201)]
    New(Json<Funding>),
    /// It was booked before; nothing changed.
    #[oai(status = 200)]
    Before(Json<Funding>),
}

pub(crate) struct BookFunding;

impl Refuses for BookFunding {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY, &[Code::FundingDiffers]];
}

#[OpenApi(tag = "Tag::Admin")]
impl BookFunding {
    /// Book money put into the gateway's wallet
    ///
    /// Finance only. The books' side of a bank transfer to the gateway, before its statement shows it or after: a credit of the
    /// same reference and amount in an imported statement is then `funding`, and the case that asked about it is closed. Moves no
    /// money and changes no provider's balance. Safe to repeat: one reference is booked once. Another amount under a reference that
    /// is booked, or the reference of a transfer of ours (what comes in under that came back), is refused (409).
    #[oai(path = "/api/admin/wallet-fundings", method = "post", operation_id = "bookWalletFunding")]
    async fn book(
        &self,
        app: TheApp<'_>,
        caller: AsFinance,
        body: Body<WalletFundingContent>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { reference, amount, reason } = &body.0;
        let new = NewFunding { reference, amount: *amount, reason };
        match fundings::book(&app.pool, &new, &caller.0, app.now()).await? {
            Booked::New(funding) => Ok(Answer::New(Json(Funding::from(funding)))),
            Booked::Before(funding) => Ok(Answer::Before(Json(Funding::from(funding)))),
            Booked::Differs(before) => {
                let detail =
                    format!("{} is booked under this reference. Nothing was changed.", before.amount);
                Err(Problem::new(Code::FundingDiffers, detail).into())
            }
            Booked::OfATransfer => {
                let detail = "This is the reference of a transfer of ours: what comes in under it came back. Nothing was booked.";
                Err(Problem::new(Code::FundingDiffers, detail).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<WalletFundingContent>();
    }
}
