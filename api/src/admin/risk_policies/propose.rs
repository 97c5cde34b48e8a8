//! `POST /api/admin/risk-policies`

use domain::Currency;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};

use super::{
    policy::RiskPolicy,
    rules::{self, RiskRules},
};
use crate::{
    admin::act::MAX_REASON_CHARS,
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// A version of the risk rules.
#[derive(Debug, Object)]
struct NewRiskPolicy {
    /// What it is for: `NGN`, `GHS` or `KES`.
    #[oai(validator(min_length = 3, max_length = 3))]
    currency: String,
    /// Every rule with its mode and threshold.
    rules: RiskRules,
    /// Why, for whoever activates it and for whoever asks later; 1 to 1000 characters.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: String,
}

struct Given {
    currency: Currency,
    rules: domain::RiskRules,
    reason: String,
}

impl FromFields for NewRiskPolicy {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let currency = fields.parsed("currency", FieldCode::CurrencyUnknown, |text| {
            text.parse::<Currency>().map_err(|wrong| wrong.to_string())
        });
        let rules = rules::read(fields, currency);
        let reason = fields.text("reason", MAX_REASON_CHARS);
        Some(Given { currency: currency?, rules: rules?, reason: reason? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// Proposed: nothing has changed yet.
    #[oai(status = 201)]
    Proposed(Json<RiskPolicy>),
}

pub(crate) struct ProposeRiskPolicy;

impl Refuses for ProposeRiskPolicy {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ProposeRiskPolicy {
    /// Propose a risk policy
    ///
    /// For `admin` and `finance`. Writes down a version of the rules for one currency as `DRAFT`; every threshold that is out of
    /// range is named under its path. It changes nothing until another admin activates it. Try it before that: on what has been
    /// assessed already (backtest), or beside the active one from now on (shadow). Repeating it proposes another version.
    #[oai(path = "/api/admin/risk-policies", method = "post", operation_id = "proposeRiskPolicy")]
    async fn propose(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<NewRiskPolicy>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { currency, rules, reason } = &body.0;
        let policy =
            store::risk_policies::propose(&app.pool, *currency, rules, reason, &caller.0, app.now()).await?;
        Ok(Answer::Proposed(Json(RiskPolicy::from(&policy))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<NewRiskPolicy>();
    }
}
