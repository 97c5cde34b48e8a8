//! `GET /api/admin/statistics`

use chrono::{NaiveDate, TimeDelta};
use domain::calendar::start_of_day;
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use store::statistics::{Period, Spread};

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    money::Amount,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
    shapes::Currency,
};

/// A quarter fits; what is longer is for a warehouse.
const MAX_DAYS: i64 = 92;
const DEFAULT_DAYS: i64 = 30;

/// How long something took, in seconds.
#[derive(Debug, Object)]
struct Seconds {
    /// The median.
    p50: i64,
    /// 95 of 100 took at most this long.
    p95: i64,
}

/// What was paid on one day, and how long it had taken.
#[derive(Debug, Object)]
struct PaidOnDay {
    /// The day, in the installation's time zone.
    day: NaiveDate,
    /// How many payouts were confirmed by the gateway, also those that came back later.
    payouts: i64,
    /// Their sum.
    sum: Amount,
    /// From the request to the confirmation.
    whole: Seconds,
    /// Of that, until the approval: rules and reviewers.
    review: Seconds,
    /// From the approval until a batch took it.
    window: Seconds,
    /// From there to the confirmation, with every retry.
    gateway: Seconds,
}

/// How often attempts failed for one reason.
#[derive(Debug, Object)]
struct FailureReason {
    /// For programs, as on payouts.
    code: String,
    /// How many attempts ended so within the period.
    attempts: i64,
}

/// The reviews that ended on one day.
#[derive(Debug, Object)]
struct ReviewedOnDay {
    /// The day, in the installation's time zone.
    day: NaiveDate,
    /// How many were decided or cancelled.
    reviews: i64,
    /// How long they had waited.
    waited: Seconds,
}

/// A period in numbers. Days on which nothing happened are left out.
#[derive(Debug, Object)]
struct Statistics {
    /// The first day.
    from: NaiveDate,
    /// The day after the last.
    to: NaiveDate,
    /// The currency that is counted.
    currency: Currency,
    /// The time zone of the days (IANA).
    time_zone: String,
    /// Day by day.
    paid: Vec<PaidOnDay>,
    /// Most frequent first.
    failures: Vec<FailureReason>,
    /// Day by day.
    reviewed: Vec<ReviewedOnDay>,
}

pub(crate) struct GetStatistics;

impl Refuses for GetStatistics {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetStatistics {
    /// A period in numbers
    ///
    /// What was paid each day and how long it took from the request, split into review, window and gateway; why attempts failed;
    /// how long reviews waited. At most 92 days; without a period the last 30. Reads what ended within the period, about a second
    /// for a million payouts: for a page that is opened, not for one that asks all the time.
    #[oai(path = "/api/admin/statistics", method = "get", operation_id = "getStatistics")]
    async fn statistics(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The currency to count.
        currency: Query<Currency>,
        /// The first day, in the installation's time zone. Default: 30 days before `to`.
        from: Query<Option<NaiveDate>>,
        /// The day after the last. Default: tomorrow.
        to: Query<Option<NaiveDate>>,
    ) -> Result<Json<Statistics>, Refused<Self>> {
        let tomorrow = app.now().with_timezone(&app.zone).date_naive().succ_opt().unwrap_or(NaiveDate::MAX);
        let to = to.0.unwrap_or(tomorrow);
        let from = from.0.or_else(|| to.checked_sub_signed(TimeDelta::days(DEFAULT_DAYS))).unwrap_or(to);
        let days = to.signed_duration_since(from).num_days();
        if !(1..=MAX_DAYS).contains(&days) {
            let why = "must be 1 to 92 days after `from`";
            return Err(Problem::invalid_parameter("to", FieldCode::InvalidValue, why).into());
        }
        let period = Period { from: start_of_day(from, app.zone), to: start_of_day(to, app.zone) };
        let found = store::statistics::of(&app.pool, currency.0.into(), period, app.zone.name()).await?;
        let seconds = |spread: Spread| Seconds { p50: spread.p50, p95: spread.p95 };
        Ok(Json(Statistics {
            from,
            to,
            currency: currency.0,
            time_zone: app.zone.name().to_owned(),
            paid: found
                .paid
                .into_iter()
                .map(|day| PaidOnDay {
                    day: day.day,
                    payouts: day.payouts,
                    sum: Amount(day.sum),
                    whole: seconds(day.whole),
                    review: seconds(day.until_approved),
                    window: seconds(day.until_claimed),
                    gateway: seconds(day.until_paid),
                })
                .collect(),
            failures: found
                .failures
                .into_iter()
                .map(|reason| FailureReason { code: reason.code, attempts: reason.attempts })
                .collect(),
            reviewed: found
                .reviewed
                .into_iter()
                .map(|day| ReviewedOnDay { day: day.day, reviews: day.reviews, waited: seconds(day.waited) })
                .collect(),
        }))
    }
}
