//! `POST /api/provider/payouts/{id}/another-account`

use domain::{BankAccountId, PayoutId};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, types::ToJSON as _};
use store::another_account::{AnotherAccount, Given};
use uuid::Uuid;

use super::request_payout::problem;
use crate::{
    app::TheApp,
    auth::AsProvider,
    body::{Body, Fields, FromFields},
    document::Tag,
    idempotency::{self, IdempotencyKey},
    look_again::look_again,
    problem::{Code, FieldCode, FieldError, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_GATEWAY, WITH_ID, WITH_KEY},
    rendered::Rendered,
    shapes::{Payout, role_of},
};

/// Where the money shall go instead.
#[derive(Debug, Object)]
struct OtherAccount {
    /// Another one of the provider's own accounts, in the same currency.
    bank_account_id: Uuid,
}

impl FromFields for OtherAccount {
    type Checked = BankAccountId;

    fn from_fields(fields: &mut Fields) -> Option<BankAccountId> {
        fields.id("bank_account_id").map(BankAccountId::from_uuid)
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The new payout. The old one is refunded and final.
    #[oai(status = 201)]
    Created(
        Rendered<Payout>,
        /// `true` when this is the first answer again because the key was used before with the same request.
        #[oai(header = "Idempotency-Replayed")]
        Option<bool>,
    ),
}

pub(crate) struct GiveAnotherAccount;

impl Refuses for GiveAnotherAccount {
    const CODES: &'static [&'static [Code]] = &[
        SIGNED_IN,
        WITH_ID,
        WITH_KEY,
        WITH_BODY,
        WITH_GATEWAY,
        &[
            Code::PayoutMovedOn,
            Code::NotTheAccount,
            Code::NotProvenUnpaid,
            Code::InsufficientBalance,
            Code::ProviderSuspended,
            Code::BankAccountUnknown,
            Code::BankAccountCurrency,
            Code::BankAccountCoolingOff,
        ],
    ];
}

#[OpenApi(tag = "Tag::Provider")]
impl GiveAnotherAccount {
    /// Give another account for a payout that the bank refused
    ///
    /// For a payout that failed for good because of its account. In one step its money goes back and the same amount is asked for
    /// again, to the other account: either both happened or neither. The new payout is checked and assessed like any other. Every
    /// attempt is looked at once more at the gateway first, now: unless each of them has conclusively failed nothing happens (409
    /// `not_proven_unpaid`, or 503 when the gateway cannot be asked). Safe to repeat with the same `Idempotency-Key`.
    #[oai(
        path = "/api/provider/payouts/:id/another-account",
        method = "post",
        operation_id = "giveAnotherAccount"
    )]
    async fn give(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// The payout that failed.
        id: Path<Uuid>,
        /// A name for this request, chosen by the caller: a new random one (a UUID, say) for each.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyKey,
        body: Body<OtherAccount>,
    ) -> Result<Answer, Refused<Self>> {
        let id = PayoutId::from_uuid(id.0);
        let theirs = store::payouts::get(&app.pool, id).await?.filter(|payout| payout.provider == caller.0);
        if theirs.is_none() {
            return Err(Problem::not_found().into());
        }
        look_again(&app, id).await?;
        let new = AnotherAccount {
            payout: id,
            provider: caller.0,
            bank_account: body.0,
            idempotency_key: key.into_string(),
            body_hash: what_was_asked(id, body.0),
        };
        let render = |payout: &store::payouts::Payout| Payout::from(payout).to_json().unwrap_or_default();
        match store::another_account::give(&app.pool, &new, render, app.now()).await? {
            Given::New { payout, answer } => {
                tracing::info!(payout.id = %payout.id, "payout {} replaces {id}", payout.id);
                Ok(Answer::Created(Rendered::new(answer), None))
            }
            Given::Again { answer } => Ok(Answer::Created(Rendered::new(answer), Some(true))),
            refused @ (Given::NotFound
            | Given::NotWaiting(_)
            | Given::NotTheAccount
            | Given::SameAccount
            | Given::NotProven { .. }
            | Given::Refused(_)) => Err(refusal(&refused).into()),
        }
    }
}

fn refusal(given: &Given) -> Problem {
    match given {
        Given::NotFound | Given::New { .. } | Given::Again { .. } => Problem::not_found(),
        Given::NotWaiting(conflict) => Problem::moved_on(conflict.status, role_of(&conflict.by)),
        Given::NotTheAccount => Problem::new(
            Code::NotTheAccount,
            "Another account would not help: this payout did not fail because of its account. Someone looks at it.",
        ),
        Given::SameAccount => Problem::invalid(vec![FieldError::new(
            "bank_account_id",
            FieldCode::InvalidValue,
            "is the account that was refused",
        )]),
        Given::NotProven { .. } => Problem::new(
            Code::NotProvenUnpaid,
            "An earlier attempt may still pay, so no money moves. It is looked at again.",
        ),
        Given::Refused(refused) => problem(refused),
    }
}

fn what_was_asked(payout: PayoutId, bank_account: BankAccountId) -> [u8; 32] {
    let path = format!("/api/provider/payouts/{payout}/another-account");
    idempotency::hash(&["POST", &path, &bank_account.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<OtherAccount>();
    }
}
