//! `POST /api/platform/adjustments`

use domain::Money;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use store::earnings::{Adjusted, NewAdjustment};

use super::external_id::ExternalId;
use crate::{
    app::TheApp,
    auth::AsPlatform,
    body::{Body, Fields, FromFields},
    document::Tag,
    money::Amount,
    problem::{Code, FieldCode, FieldError, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
    shapes::Adjustment,
};

/// The column holds this many.
const MAX_REASON_CHARS: usize = 1000;

/// A correction of an earning.
#[derive(Debug, Object)]
struct AdjustmentContent {
    /// The marketplace's own id of the correction, chosen once: sending it again changes nothing.
    #[oai(validator(min_length = 1, max_length = 100, pattern = "^[!-~]{1,100}$"))]
    external_id: String,
    /// The marketplace's id of the earning.
    #[oai(validator(min_length = 1, max_length = 100, pattern = "^[!-~]{1,100}$"))]
    earning: String,
    /// Above zero: more is owed to the provider. Below zero: less.
    amount: Amount,
    /// For the provider to read too; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

struct Given {
    external_id: ExternalId,
    earning: ExternalId,
    amount: Money,
    reason: String,
}

impl FromFields for AdjustmentContent {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let external_id = fields.parsed("external_id", FieldCode::InvalidId, ExternalId::read);
        let earning = fields.parsed("earning", FieldCode::InvalidId, ExternalId::read);
        let amount = fields.signed_money("amount");
        let reason = fields.text("reason", MAX_REASON_CHARS);
        Some(Given { external_id: external_id?, earning: earning?, amount: amount?, reason: reason? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The earning is corrected.
    #[oai(status = 201)]
    New(Json<Adjustment>),
    /// The same correction was made before; nothing changed.
    #[oai(status = 200)]
    Again(Json<Adjustment>),
}

pub(crate) struct AdjustEarning;

impl Refuses for AdjustEarning {
    const CODES: &'static [&'static [Code]] = &[
        SIGNED_IN,
        WITH_BODY,
        &[Code::AdjustmentDiffers, Code::ExternalIdTaken, Code::EarningUnknown, Code::AdjustmentTooLarge],
    ];
}

#[OpenApi(tag = "Tag::Platform")]
impl AdjustEarning {
    /// Correct an earning
    ///
    /// What was earned is never rewritten. A raise is an earning of its own, free at once. A cut is owed by the provider at once: it
    /// is taken from what is free, first of this earning, then of the oldest; what is not there is the provider's debt, taken from
    /// later earnings first. Safe to repeat: the same content under the same external id is one correction.
    #[oai(path = "/api/platform/adjustments", method = "post", operation_id = "adjustEarning")]
    async fn adjust(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        body: Body<AdjustmentContent>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { external_id, earning, amount, reason } = body.0;
        let new =
            NewAdjustment { external_id: external_id.0, earning_external_id: earning.0, amount, reason };
        match store::earnings::adjust(&app.pool, &new, &caller.0, app.now()).await? {
            Adjusted::New(adjustment) => Ok(Answer::New(Json(Adjustment::from(&adjustment)))),
            Adjusted::Again(adjustment) => Ok(Answer::Again(Json(Adjustment::from(&adjustment)))),
            refused @ (Adjusted::Differs(_)
            | Adjusted::UnknownEarning
            | Adjusted::IdIsAnEarnings
            | Adjusted::TooMuch { .. }
            | Adjusted::WrongAmount) => Err(problem(&refused).into()),
        }
    }
}

fn problem(refused: &Adjusted) -> Problem {
    match refused {
        Adjusted::New(_) | Adjusted::Again(_) | Adjusted::Differs(_) => Problem::new(
            Code::AdjustmentDiffers,
            "An adjustment with this external id is known with another earning, amount or reason. Nothing was changed.",
        ),
        Adjusted::UnknownEarning => Problem::new(
            Code::EarningUnknown,
            "There is no earning with this external id that can be adjusted. The raise of an earning is adjusted by adjusting that.",
        ),
        Adjusted::IdIsAnEarnings => Problem::new(
            Code::ExternalIdTaken,
            "An earning has this external id. A raise needs one of its own.",
        ),
        Adjusted::TooMuch { left } => {
            let detail = format!("The earning is worth {left} by now: no more can be taken off.");
            Problem::new(Code::AdjustmentTooLarge, detail)
        }
        Adjusted::WrongAmount => Problem::invalid(vec![FieldError::new(
            "amount.currency",
            FieldCode::InvalidValue,
            "must be the earning's",
        )]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<AdjustmentContent>();
    }
}
