//! `POST /api/provider/payouts`

use domain::{BankAccountId, Money};
use poem_openapi::{ApiResponse, Object, OpenApi, types::ToJSON as _};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsProvider,
    body::{Body, Fields, FromFields},
    document::Tag,
    idempotency::{self, IdempotencyKey},
    money::Amount,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_KEY},
    rendered::Rendered,
    shapes::Payout,
};
use store::payouts::{NewPayout, RequestRefused, Requested};

/// A request to be paid.
#[derive(Debug, Clone, Object)]
pub(super) struct PayoutRequest {
    /// What to pay: more than zero, at most what is available, with no more decimals than the currency has.
    pub amount: Amount,
    /// One of the provider's own accounts, in the same currency.
    pub bank_account_id: Uuid,
}

impl FromFields for PayoutRequest {
    type Checked = Self;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let amount = fields.positive_money("amount").map(Amount);
        let bank_account_id = fields.id("bank_account_id");
        Some(Self { amount: amount?, bank_account_id: bank_account_id? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The payout exists and its money is reserved. It is carried on from here by itself.
    #[oai(status = 201)]
    Created(
        Rendered<Payout>,
        /// `true` when this is the first answer again because the key was used before with the same request.
        #[oai(header = "Idempotency-Replayed")]
        Option<bool>,
    ),
}

pub(crate) struct RequestPayout;

impl Refuses for RequestPayout {
    const CODES: &'static [&'static [Code]] = &[
        SIGNED_IN,
        WITH_KEY,
        WITH_BODY,
        &[
            Code::InsufficientBalance,
            Code::ProviderSuspended,
            Code::BankAccountUnknown,
            Code::BankAccountCurrency,
            Code::BankAccountCoolingOff,
        ],
    ];
}

#[OpenApi(tag = "Tag::Provider")]
impl RequestPayout {
    /// Ask for a payout
    ///
    /// Reserves the amount from the available balance and starts the payout, in one step: either both happened or neither.
    ///
    /// Safe to repeat. With the same `Idempotency-Key` and the same request the first answer comes again, for 30 days, also when
    /// both were sent at the same moment. Only a 201 uses the key up: after any problem the same key can be sent again. The
    /// request is the same when amount, currency and account are, however the JSON is written.
    #[oai(path = "/api/provider/payouts", method = "post", operation_id = "requestPayout")]
    async fn request(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// A name for this request, chosen by the caller: a new random one (a UUID, say) for each payout.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyKey,
        body: Body<PayoutRequest>,
    ) -> Result<Answer, Refused<Self>> {
        let new = NewPayout {
            provider: caller.0,
            bank_account: BankAccountId::from_uuid(body.0.bank_account_id),
            amount: body.0.amount.0,
            idempotency_key: key.into_string(),
            body_hash: what_was_asked(body.0.amount.0, body.0.bank_account_id),
        };
        let render = |payout: &store::payouts::Payout| Payout::from(payout).to_json().unwrap_or_default();
        match store::payouts::request(&app.pool, &new, render, app.now()).await? {
            Ok(Requested::New { payout, answer }) => {
                tracing::info!(payout.id = %payout.id, "payout {} requested", payout.id);
                Ok(Answer::Created(Rendered::new(answer), None))
            }
            Ok(Requested::Again { answer }) => Ok(Answer::Created(Rendered::new(answer), Some(true))),
            Err(refused) => Err(problem(&refused).into()),
        }
    }
}

fn what_was_asked(amount: Money, bank_account: Uuid) -> [u8; 32] {
    idempotency::hash(&[
        "POST",
        "/api/provider/payouts",
        &amount.amount().to_string(),
        amount.currency().code(),
        &bank_account.to_string(),
    ])
}

/// How a refusal is answered.
pub(super) fn problem(refused: &RequestRefused) -> Problem {
    match refused {
        RequestRefused::InsufficientBalance { available } => Problem::insufficient_balance(*available),
        RequestRefused::KeyReused => Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for another request. Use a new one for a new payout.",
        ),
        RequestRefused::UnknownProvider => {
            Problem::new(Code::Forbidden, "This token's provider is not known here.")
        }
        RequestRefused::UnknownBankAccount => {
            Problem::new(Code::BankAccountUnknown, "You have no bank account with this id.")
        }
        RequestRefused::BankAccountCurrency => {
            Problem::new(Code::BankAccountCurrency, "This bank account does not take this currency.")
        }
        RequestRefused::BankAccountCoolingOff { until } => Problem::cooling_off(*until),
        RequestRefused::ProviderSuspended => Problem::new(
            Code::ProviderSuspended,
            "Payouts to you are suspended. Your money stays in your balance.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;
    use crate::body::{assert_reads_what_is_documented, parse};

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<PayoutRequest>();
    }

    #[test]
    fn the_same_request_however_it_is_written() {
        let read = |text: &str| {
            let body = parse::<PayoutRequest>(text.as_bytes()).unwrap();
            what_was_asked(body.amount.0, body.bank_account_id)
        };
        let plain = read(
            r#"{"amount":{"amount":"1500.00","currency":"NGN"},"bank_account_id":"018f3f9e-7b1a-7cc0-8000-000000000001"}"#,
        );
        let spaced = read(
            r#" { "bank_account_id" : "018F3F9E7B1A7CC08000000000000001", "amount": {"currency":"NGN","amount":"1500"} } "#,
        );
        assert_eq!(plain, spaced);
        let other = Money::parse("1500.01", Currency::Ngn).unwrap();
        assert_ne!(plain, what_was_asked(other, "018f3f9e-7b1a-7cc0-8000-000000000001".parse().unwrap()));
    }

    #[test]
    fn zero_and_less_are_not_asked_for() {
        for amount in ["0", "0.00", "-1", "-0.01"] {
            let body = format!(
                r#"{{"amount":{{"amount":"{amount}","currency":"NGN"}},"bank_account_id":"018f3f9e-7b1a-7cc0-8000-000000000001"}}"#
            );
            let problem = parse::<PayoutRequest>(body.as_bytes()).unwrap_err();
            assert_eq!(
                (problem.errors()[0].field.as_str(), problem.errors()[0].code.as_str()),
                ("amount.amount", "amount_not_positive")
            );
        }
    }
}
