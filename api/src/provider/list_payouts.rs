//! `GET /api/provider/payouts`

use chrono::{DateTime, Utc};
use domain::PayoutId;
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use store::payouts::{Filter, Order, Page};

use crate::{
    app::{App, TheApp},
    auth::AsProvider,
    document::Tag,
    money::PlainAmount,
    paging::{self, Turn, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
    shapes::{Action, Currency, Payout, PayoutStatus, Waiting, actions, waiting},
};

/// A payout in a list.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct ListedPayout {
    #[oai(flatten)]
    payout: Payout,
    /// What it waits for, who must act, and when it moves. Absent once it has ended.
    waiting: Option<Waiting>,
    /// What can be done about it, and whether you may do it now.
    actions: Vec<Action>,
}

/// Payouts, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Payouts {
    /// This page.
    items: Vec<ListedPayout>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
    /// Ask with this `cursor` for the page before. Absent on the first one.
    previous_cursor: Option<String>,
}

pub(crate) struct ListPayouts;

impl Refuses for ListPayouts {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Provider")]
impl ListPayouts {
    /// Your payouts
    ///
    /// Newest first, a page at a time. A payout that is asked for while you page appears on the first page, not in the middle.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/provider/payouts", method = "get", operation_id = "listPayouts")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// Only payouts that stand here.
        status: Query<Option<PayoutStatus>>,
        /// Only payouts that have not ended (`true`), or that have (`false`).
        open: Query<Option<bool>>,
        /// Only payouts asked for at or after this time (RFC 3339).
        from: Query<Option<DateTime<Utc>>>,
        /// Only payouts asked for before this time (RFC 3339).
        to: Query<Option<DateTime<Utc>>>,
        /// Only payouts in this currency.
        currency: Query<Option<Currency>>,
        /// Only payouts of at least so much, as a decimal without a currency.
        min_amount: Query<Option<PlainAmount>>,
        /// Only payouts of at most so much.
        max_amount: Query<Option<PlainAmount>>,
        /// `next_cursor` or `previous_cursor` of another page.
        cursor: Query<Option<Turn>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Payouts>, Refused<Self>> {
        let filter = Filter {
            provider: Some(caller.0),
            status: status.0.map(Into::into),
            open: open.0,
            from: from.0,
            to: to.0,
            currency: currency.0.map(Into::into),
            min_amount: min_amount.0.map(|amount| amount.0),
            max_amount: max_amount.0.map(|amount| amount.0),
            ..Filter::default()
        };
        Ok(Json(page(&app, &filter, cursor.0, limit.0).await?))
    }
}

async fn page(app: &App, filter: &Filter, from: Option<Turn>, limit: u16) -> Result<Payouts, Problem> {
    let back = from.is_some_and(|from| from.back);
    let order = if back { Order::NewestFirst.reversed() } else { Order::NewestFirst };
    let page =
        Page { order, from: from.map(|from| PayoutId::from_uuid(from.id)), limit: paging::fetch(limit) };
    let rows = store::payouts::list(&app.pool, filter, page).await?;
    let sheet = paging::sheet(rows, limit, from, |row| row.id.uuid());
    let ids: Vec<_> = sheet.items.iter().map(|row| row.id).collect();
    let waiting = waiting(app, &ids).await?;
    let mut possible = store::actions::of_provider(&app.pool, &sheet.items).await?;
    let tell = |row: &store::payouts::Payout| ListedPayout {
        payout: Payout::from(row),
        waiting: waiting.get(&row.id).cloned(),
        actions: actions(possible.remove(&row.id)),
    };
    Ok(Payouts {
        items: sheet.items.iter().map(tell).collect(),
        next_cursor: sheet.next_cursor,
        previous_cursor: sheet.previous_cursor,
    })
}
