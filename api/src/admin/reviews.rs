//! `GET /api/admin/reviews`

use chrono::TimeDelta;
use domain::{Currency, ProviderId};
use poem_openapi::{Enum, Object, OpenApi, param::Query, payload::Json};
use rust_decimal::Decimal;
use store::{
    Actor,
    reviews::{self, Assignee, Filter, Listed, Sort},
};
use uuid::Uuid;

use super::{
    review_cursor::{amount_cursor, amount_place, time_place},
    review_view::Review,
};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, TimedCursor, default_limit},
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
};

/// The order of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum ReviewSort {
    /// Longest waiting first.
    Waiting,
    /// Largest amount first; within one currency, so name one where you have several.
    Largest,
}

/// A page of the queue.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Reviews {
    /// This page.
    items: Vec<Review>,
    /// How many match, exact up to 1,000.
    total: ReviewTotal,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

/// How many reviews match.
#[derive(Debug, Object)]
struct ReviewTotal {
    /// How many, at most 1,000.
    count: u32,
    /// Whether there are more than `count`.
    more: bool,
}

pub(crate) struct ListReviews;

impl Refuses for ListReviews {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListReviews {
    /// Payouts that wait for a decision
    ///
    /// Each with every risk rule and what it saw, how long it has waited and when it is escalated, who has taken it on, how many
    /// approvals it has and needs, and its provider's past in short; `GET /api/admin/reviews/{id}` tells the rest. A payout
    /// leaves the queue when it is decided or cancelled, and comes back with a new wait when an approval is undone. Pages stay right
    /// while others leave: the next one begins after the last row you have seen. All filters narrow.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/reviews", method = "get", operation_id = "listReviews")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The order. Default: `waiting`.
        sort: Query<Option<ReviewSort>>,
        /// Only payouts in this currency (ISO 4217).
        #[oai(validator(max_length = 3))]
        currency: Query<Option<String>>,
        /// Only payouts of at least this amount, as a decimal such as `50000.00`.
        #[oai(validator(max_length = 25))]
        min_amount: Query<Option<String>>,
        /// Only payouts of at most this amount.
        #[oai(validator(max_length = 25))]
        max_amount: Query<Option<String>>,
        /// Only payouts where this risk rule fired, by its name such as `amount_spike`; or `screening`.
        #[oai(validator(max_length = 60))]
        rule: Query<Option<String>>,
        /// Only this provider's.
        provider: Query<Option<Uuid>>,
        /// `me`, `nobody`, `anybody`, or an admin's name as in `assigned_to`. A claim that has lapsed is nobody's.
        #[oai(validator(max_length = 210))]
        assigned: Query<Option<String>>,
        /// Only payouts that have waited at least so many minutes.
        #[oai(validator(maximum(value = "525600")))]
        waiting_minutes: Query<Option<u32>>,
        /// Only payouts that one admin has approved and that need another (`true`), or none of these (`false`).
        awaiting_second: Query<Option<bool>>,
        /// Only payouts that were escalated (`true`), or none of these (`false`).
        escalated: Query<Option<bool>>,
        /// `next_cursor` of the page before, asked for in the same order.
        #[oai(validator(max_length = 100))]
        cursor: Query<Option<String>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Reviews>, Refused<Self>> {
        let now = app.now();
        let filter = Filter {
            currency: currency.0.as_deref().map(read_currency).transpose()?,
            min: min_amount.0.as_deref().map(|text| read_amount("min_amount", text)).transpose()?,
            max: max_amount.0.as_deref().map(|text| read_amount("max_amount", text)).transpose()?,
            rule: rule.0,
            provider: provider.0.map(ProviderId::from_uuid),
            assignee: assigned.0.as_deref().map(|whose| assignee(whose, &caller.0)),
            waiting_since_before: waiting_minutes
                .0
                .and_then(|minutes| now.checked_sub_signed(TimeDelta::minutes(minutes.into()))),
            awaits_second: awaiting_second.0,
            escalated: escalated.0,
        };
        let order = sort.0.unwrap_or(ReviewSort::Waiting);
        let sort = match order {
            ReviewSort::Waiting => Sort::Waiting(cursor.0.as_deref().map(time_place).transpose()?),
            ReviewSort::Largest => Sort::Largest(cursor.0.as_deref().map(amount_place).transpose()?),
        };
        let rows = reviews::list(&app.pool, &filter, sort, paging::fetch(limit.0), now).await?;
        let (rows, next_cursor) = cut(rows, limit.0, order);
        let counted = reviews::count(&app.pool, &filter, now).await?;
        Ok(Json(Reviews {
            items: rows.iter().map(Review::from).collect(),
            total: total(counted),
            next_cursor,
        }))
    }
}

fn cut(rows: Vec<Listed>, limit: u16, order: ReviewSort) -> (Vec<Listed>, Option<String>) {
    match order {
        ReviewSort::Waiting => paging::cut_timed(rows, limit, |row| TimedCursor {
            time: row.review.wait.waiting_since,
            id: row.review.id.uuid(),
        }),
        ReviewSort::Largest => {
            let mut rows = rows;
            let more = rows.len() > usize::from(limit);
            rows.truncate(limit.into());
            let last = rows.last().filter(|_| more).map(|last| &last.review);
            let next = last.map(|review| amount_cursor(review.amount.amount(), review.id));
            (rows, next)
        }
    }
}

fn total(counted: i64) -> ReviewTotal {
    let count = u32::try_from(counted.min(reviews::COUNT_LIMIT)).unwrap_or_default();
    ReviewTotal { count, more: counted > reviews::COUNT_LIMIT }
}

fn read_currency(text: &str) -> Result<Currency, Problem> {
    text.parse().map_err(|_| {
        Problem::invalid_parameter("currency", FieldCode::CurrencyUnknown, "is not a currency we pay in")
    })
}

fn read_amount(name: &str, text: &str) -> Result<Decimal, Problem> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain).ok_or_else(|| {
        Problem::invalid_parameter(name, FieldCode::AmountNotANumber, "must be a decimal such as 50000.00")
    })
}

fn assignee(whose: &str, caller: &Actor) -> Assignee {
    match whose {
        "nobody" => Assignee::Nobody,
        "anybody" => Assignee::Anybody,
        "me" => Assignee::Is(caller.clone()),
        name => Assignee::Is(Actor::admin(name.strip_prefix("admin:").unwrap_or(name))),
    }
}
