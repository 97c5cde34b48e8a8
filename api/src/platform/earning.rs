//! `PUT /api/platform/earnings/{external_id}`

use chrono::{DateTime, Utc};
use domain::Money;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json};
use store::earnings::{NewEarning, Pushed};

use super::external_id::ExternalId;
use crate::{
    app::TheApp,
    auth::AsPlatform,
    body::{Body, Fields, FromFields},
    document::Tag,
    money::Amount,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_QUERY},
    shapes::Earning,
};

/// The column holds this many.
const MAX_DESCRIPTION_CHARS: usize = 500;

/// One amount owed to a provider.
#[derive(Debug, Object)]
struct EarningContent {
    /// Whose it is: the marketplace's id of a provider that was pushed before.
    #[oai(validator(min_length = 1, max_length = 100, pattern = "^[!-~]{1,100}$"))]
    provider: String,
    /// How much: more than zero, with no more decimals than the currency has.
    amount: Amount,
    /// What it was for; at most 500 characters.
    #[oai(validator(max_length = 500))]
    description: Option<String>,
    /// When it was earned (RFC 3339). Payouts use up the oldest first.
    earned_at: DateTime<Utc>,
}

struct Given {
    provider: ExternalId,
    amount: Money,
    description: String,
    earned_at: DateTime<Utc>,
}

impl FromFields for EarningContent {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let provider = fields.parsed("provider", FieldCode::InvalidId, ExternalId::read);
        let amount = fields.positive_money("amount");
        let description = fields.optional_text("description", MAX_DESCRIPTION_CHARS).unwrap_or_default();
        let earned_at = fields.time("earned_at");
        Some(Given { provider: provider?, amount: amount?, description, earned_at: earned_at? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The earning is new and can be paid out.
    #[oai(status = 201)]
    New(Json<Earning>),
    /// The same earning was pushed before; nothing changed.
    #[oai(status = 200)]
    Again(Json<Earning>),
}

pub(crate) struct PushEarning;

impl Refuses for PushEarning {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_BODY, WITH_QUERY, &[Code::EarningDiffers, Code::ProviderUnknown]];
}

#[OpenApi(tag = "Tag::Platform")]
impl PushEarning {
    /// Push an earning
    ///
    /// Adds the amount to what its provider can ask for. Safe to repeat: the same content under the same external id is one
    /// earning, however often it is pushed (200 from the second time on). Other content under a known external id is refused with
    /// 409 and changes nothing: an earning that was counted is never rewritten.
    #[oai(path = "/api/platform/earnings/:external_id", method = "put", operation_id = "pushEarning")]
    async fn push(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        /// The marketplace's id of the earning.
        external_id: Path<ExternalId>,
        body: Body<EarningContent>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { provider, amount, description, earned_at } = body.0;
        let new = NewEarning {
            external_id: external_id.0.checked()?,
            provider_external_id: provider.0,
            amount,
            description,
            earned_at,
        };
        match store::earnings::push(&app.pool, &new, &caller.0, app.now()).await? {
            Pushed::New(earning) => Ok(Answer::New(Json(Earning::from(&earning)))),
            Pushed::Again(earning) => {
                let with = Earning::with_adjustments(&app.pool, std::slice::from_ref(&earning)).await?;
                let earning = with.into_iter().next().unwrap_or_else(|| Earning::from(&earning));
                Ok(Answer::Again(Json(earning)))
            }
            Pushed::Differs(_) => Err(Problem::new(
                Code::EarningDiffers,
                "An earning with this external id is known with another provider, amount, description or time. Nothing was \
                 changed. Push a correction under an id of its own.",
            )
            .into()),
            Pushed::UnknownProvider => {
                Err(Problem::new(Code::ProviderUnknown, "Push the provider before its earnings.").into())
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
        assert_reads_what_is_documented::<EarningContent>();
    }
}
