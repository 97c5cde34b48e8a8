//! `PUT /api/admin/batches/limits`

use std::collections::BTreeSet;

use chrono_tz::Tz;
use domain::{Allowance, Currency, Limit, Limits, Money};
use poem_openapi::{Object, OpenApi, payload::Json};
use serde_json::{Map, Value};

use super::batch_windows::{BatchRules, in_force};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// Windows that the answer lists.
const WINDOWS_SHOWN: u16 = 12;

/// A limit on the payouts of one currency.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct BatchLimit {
    /// The currency it is about.
    #[oai(validator(max_length = 3))]
    currency: String,
    /// How many payouts; absent: as many as there are.
    payouts: Option<u32>,
    /// How much in all, as a decimal string; absent: as much as there is.
    #[oai(validator(max_length = 32))]
    amount: Option<String>,
}

impl From<&Limit> for BatchLimit {
    fn from(limit: &Limit) -> Self {
        Self {
            currency: limit.currency.code().to_owned(),
            payouts: limit.allowance.payouts,
            amount: limit.allowance.amount.map(|amount| amount.to_string()),
        }
    }
}

/// How much may leave at once from now on. What is left out limits nothing.
#[derive(Debug, Object)]
pub(super) struct LimitsOrder {
    /// For one batch, at most one entry a currency.
    #[oai(validator(max_items = 3))]
    batch: Option<Vec<BatchLimit>>,
    /// For one day, at most one entry a currency.
    #[oai(validator(max_items = 3))]
    day: Option<Vec<BatchLimit>>,
    /// Where days begin: an IANA time zone; UTC where it is left out.
    #[oai(validator(max_length = 100))]
    time_zone: Option<String>,
}

impl FromFields for LimitsOrder {
    type Checked = Limits;

    fn from_fields(fields: &mut Fields) -> Option<Limits> {
        const WORDS: &str = r#"must be a list such as [{"currency": "NGN", "payouts": 500, "amount": "1000000.00"}], each currency once"#;
        let before = fields.mistakes();
        let batch = fields.optional("batch", |value| limits(value).ok_or(WORDS));
        let day = fields.optional("day", |value| limits(value).ok_or(WORDS));
        let zone = fields.optional("time_zone", |value| {
            let zone = value.as_str().and_then(|name| name.parse::<Tz>().ok());
            zone.ok_or("must be an IANA time zone such as Africa/Lagos")
        });
        (fields.mistakes() == before).then(|| Limits {
            batch: batch.unwrap_or_default(),
            day: day.unwrap_or_default(),
            zone: zone.unwrap_or(Tz::UTC),
        })
    }
}

fn limits(value: &Value) -> Option<Vec<Limit>> {
    let limits: Vec<Limit> =
        value.as_array()?.iter().map(|item| limit(item.as_object()?)).collect::<Option<_>>()?;
    let currencies: BTreeSet<Currency> = limits.iter().map(|limit| limit.currency).collect();
    (currencies.len() == limits.len()).then_some(limits)
}

fn limit(object: &Map<String, Value>) -> Option<Limit> {
    if object.keys().any(|name| !["currency", "payouts", "amount"].contains(&name.as_str())) {
        return None;
    }
    let currency: Currency = object.get("currency")?.as_str()?.parse().ok()?;
    let payouts = match object.get("payouts") {
        None | Some(Value::Null) => None,
        Some(number) => Some(u32::try_from(number.as_u64()?).ok()?),
    };
    let amount = match object.get("amount") {
        None | Some(Value::Null) => None,
        Some(text) => {
            let money = Money::parse(text.as_str()?, currency).ok()?;
            (money.amount() >= Money::zero(currency).amount()).then_some(())?;
            Some(money.amount())
        }
    };
    Some(Limit { currency, allowance: Allowance { payouts, amount } })
}

pub(crate) struct SetLimits;

impl Refuses for SetLimits {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl SetLimits {
    /// Set how much may leave at once
    ///
    /// In force from the next claim on, also of a batch that is under way. What is over waits for the next batch, or the next day,
    /// and says `limit`. A limit of zero lets nothing leave. All limits are replaced. It is kept in the audit trail.
    #[oai(path = "/api/admin/batches/limits", method = "put", operation_id = "setBatchLimits")]
    async fn set(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<LimitsOrder>,
    ) -> Result<Json<BatchRules>, Refused<Self>> {
        store::batches::rules::set_limits(&app.pool, &body.0, &caller.0, app.now()).await?;
        Ok(Json(in_force(&app, WINDOWS_SHOWN).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{assert_reads_what_is_documented, parse};
    use crate::problem::FieldCode;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<LimitsOrder>();
    }

    #[test]
    fn a_limit_is_exact_and_there_is_one_a_currency() {
        let read = |body: &str| parse::<LimitsOrder>(body.as_bytes());
        assert_eq!(read("{}").unwrap(), Limits::default());
        let both = r#"{"batch":[{"currency":"NGN","payouts":5}],"day":[{"currency":"KES","amount":"10.50"}],"time_zone":"Africa/Lagos"}"#;
        let limits = read(both).unwrap();
        assert_eq!(limits.of_batch(Currency::Ngn).unwrap().payouts, Some(5));
        assert_eq!(limits.of_day(Currency::Kes).unwrap().amount.unwrap().to_string(), "10.50");
        for wrong in [
            r#"{"batch":[{"currency":"NGN"},{"currency":"NGN"}]}"#,
            r#"{"batch":[{"currency":"USD"}]}"#,
            r#"{"batch":[{"currency":"NGN","payouts":-1}]}"#,
            r#"{"batch":[{"currency":"NGN","amount":10}]}"#,
            r#"{"batch":[{"currency":"NGN","amount":"-1"}]}"#,
            r#"{"batch":[{"currency":"NGN","sum":"1"}]}"#,
            r#"{"day":{}}"#,
            r#"{"time_zone":"Mars"}"#,
        ] {
            assert_eq!(
                read(wrong).unwrap_err().errors()[0].code,
                FieldCode::InvalidValue.as_str(),
                "{wrong}"
            );
        }
    }
}
