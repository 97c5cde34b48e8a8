//! `GET /api/admin/payouts`

use chrono::{DateTime, Utc};
use domain::{BatchId, PayoutId, ProviderId};
use poem::Request;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, ResponseContent, param::Query, payload::Json};
use store::payouts::{Filter, Order, Page, Payee};
use uuid::Uuid;

use super::{export::Csv, view::AdminPayout};
use crate::{
    app::{App, TheApp},
    auth::{AsAdmin, Staff},
    document::Tag,
    money::PlainAmount,
    paging::{self, Turn, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
    shapes::{Action, Currency, PayoutStatus, RiskRoute, Waiting, actions, waiting},
};

/// A payout in a list.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct ListedAdminPayout {
    #[oai(flatten)]
    payout: AdminPayout,
    /// What people call its provider.
    provider_name: Option<String>,
    /// The marketplace's id of its provider.
    provider_external_id: Option<String>,
    /// What it waits for, who must act, and when it moves. Absent once it has ended.
    waiting: Option<Waiting>,
    /// What can be done about it, and whether you may do it now.
    actions: Vec<Action>,
}

/// Payouts of everybody.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AllPayouts {
    /// This page.
    items: Vec<ListedAdminPayout>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
    /// Ask with this `cursor` for the page before. Absent on the first one.
    previous_cursor: Option<String>,
}

/// By when they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Sort {
    Newest,
    Oldest,
}

/// How to answer a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum ListFormat {
    Json,
    Csv,
}

#[derive(ResponseContent)]
enum Content {
    #[oai(content_type = "application/json")]
    Page(Json<AllPayouts>),
    #[oai(content_type = "text/csv")]
    Export(Csv),
}

#[derive(ApiResponse)]
enum Answer {
    /// A page, or everything as CSV.
    #[oai(status = 200)]
    Found(Content),
}

pub(crate) struct ListAllPayouts;

impl Refuses for ListAllPayouts {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListAllPayouts {
    /// Payouts of everybody
    ///
    /// Newest first, a page at a time; every filter narrows. `q` finds what a person has at hand. With `format=csv`, or `Accept: text/csv`, everything that matches comes as one CSV file, at
    /// most 50,000 rows, in the same order; cells that a spreadsheet would take for a formula begin with an apostrophe.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/payouts", method = "get", operation_id = "listAllPayouts")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        request: &Request,
        /// A payout's id, a reference at the gateway, a provider's id, or the beginning of a provider's name or external id (the
        /// first 50 that begin so).
        #[oai(validator(min_length = 1, max_length = 100))]
        q: Query<Option<String>>,
        /// Only this provider's.
        provider: Query<Option<Uuid>>,
        /// Only payouts that stand here.
        status: Query<Option<PayoutStatus>>,
        /// Only payouts that have not ended (`true`), or that have (`false`).
        open: Query<Option<bool>>,
        /// Only payouts that the risk rules sent this way.
        risk: Query<Option<RiskRoute>>,
        /// Only those that this batch took.
        batch: Query<Option<Uuid>>,
        /// Only those that an admin has to act on (`true`), or need not (`false`).
        needs_attention: Query<Option<bool>>,
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
        /// `newest` (default) or `oldest` first.
        sort: Query<Option<Sort>>,
        /// `csv` for a file. Default: `json`, or what `Accept` prefers.
        format: Query<Option<ListFormat>>,
        /// `next_cursor` or `previous_cursor` of another page of the same list. Not for CSV.
        cursor: Query<Option<Turn>>,
        /// How many per page. Not for CSV.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Answer, Refused<Self>> {
        let sought = match q.0.as_deref() {
            Some(text) => Some(store::payouts::seek(&app.pool, text).await?),
            None => None,
        };
        let filter = Filter {
            provider: provider.0.map(ProviderId::from_uuid),
            status: status.0.map(Into::into),
            open: open.0,
            risk: risk.0.map(Into::into),
            batch: batch.0.map(BatchId::from_uuid),
            needs_attention: needs_attention.0,
            from: from.0,
            to: to.0,
            currency: currency.0.map(Into::into),
            min_amount: min_amount.0.map(|amount| amount.0),
            max_amount: max_amount.0.map(|amount| amount.0),
            sought,
        };
        let order = match sort.0 {
            None | Some(Sort::Newest) => Order::NewestFirst,
            Some(Sort::Oldest) => Order::OldestFirst,
        };
        if wants_csv(format.0, request) {
            return Ok(Answer::Found(Content::Export(Csv::payouts(app.pool.clone(), filter, order))));
        }
        Ok(Answer::Found(Content::Page(Json(
            page(&app, &caller.0, &filter, order, cursor.0, limit.0).await?,
        ))))
    }
}

async fn page(
    app: &App,
    staff: &Staff,
    filter: &Filter,
    order: Order,
    from: Option<Turn>,
    limit: u16,
) -> Result<AllPayouts, Problem> {
    let read = if from.is_some_and(|from| from.back) { order.reversed() } else { order };
    let place = from.map(|from| PayoutId::from_uuid(from.id));
    let page = Page { order: read, from: place, limit: paging::fetch(limit) };
    let rows = store::payouts::list(&app.pool, filter, page).await?;
    let sheet = paging::sheet(rows, limit, from, |row| row.id.uuid());
    let ids: Vec<_> = sheet.items.iter().map(|row| row.id).collect();
    let payees = store::payouts::payees(&app.pool, &ids).await?;
    let waiting = waiting(app, &ids).await?;
    let mut possible = store::actions::of_staff(&app.pool, &sheet.items, staff.who(), app.now()).await?;
    let tell = |row: &store::payouts::Payout| {
        let payee: Option<&Payee> = payees.get(&row.id);
        ListedAdminPayout {
            payout: AdminPayout::from(row),
            provider_name: payee.map(|payee| payee.provider_name.clone()),
            provider_external_id: payee.map(|payee| payee.provider_external_id.clone()),
            waiting: waiting.get(&row.id).cloned(),
            actions: actions(possible.remove(&row.id)),
        }
    };
    Ok(AllPayouts {
        items: sheet.items.iter().map(tell).collect(),
        next_cursor: sheet.next_cursor,
        previous_cursor: sheet.previous_cursor,
    })
}

/// The parameter decides; without it a client that asks for CSV first gets it.
pub(super) fn wants_csv(format: Option<ListFormat>, request: &Request) -> bool {
    match format {
        Some(ListFormat::Csv) => true,
        Some(ListFormat::Json) => false,
        None => request.header("accept").is_some_and(|accept| accept.trim_start().starts_with("text/csv")),
    }
}
