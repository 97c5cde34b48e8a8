//! `GET /api/provider/notifications`

use chrono::{DateTime, Utc};
use domain::PayoutId;
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    money::Amount,
    paging::{self, Cursor, default_limit},
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
};

/// Something the provider was told.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Notification {
    /// Names the message; the same event of a payout is one message.
    id: Uuid,
    /// The payout it is about; absent where it is about a bank account, or about all of them.
    payout_id: Option<Uuid>,
    /// `received`, `approved`, `rejected`, `cancelled`, `completed`, `failed`, `refunded`, `replaced`, `returned`,
    /// `check_account`, `bank_account_changed`, `suspended` or `suspension_lifted`.
    event: String,
    /// The payout's amount.
    amount: Option<Amount>,
    /// Why, where there is a why; it is a part of `body` too.
    reason: Option<String>,
    /// A line.
    title: String,
    /// A sentence or two.
    body: String,
    /// When it happened (UTC).
    created_at: DateTime<Utc>,
    /// When it was read.
    read_at: Option<DateTime<Utc>>,
}

/// Messages, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Notifications {
    /// This page.
    items: Vec<Notification>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
    /// How many messages have not been read, on whichever page.
    unread: u64,
}

pub(crate) struct ListNotifications;

impl Refuses for ListNotifications {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Provider")]
impl ListNotifications {
    /// What you were told
    ///
    /// The in-app feed, newest first: one message for each event of each payout.
    #[oai(path = "/api/provider/notifications", method = "get", operation_id = "listNotifications")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Notifications>, Refused<Self>> {
        let before = cursor.0.map(|cursor| cursor.0);
        let rows = store::notifications::feed(&app.pool, caller.0, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id);
        let tell = |row: store::notifications::Notification| Notification {
            id: row.id,
            payout_id: row.payout.map(PayoutId::uuid),
            event: row.event,
            amount: row.amount.map(Amount),
            reason: row.reason,
            title: row.title,
            body: row.body,
            created_at: row.created_at,
            read_at: row.read_at,
        };
        let unread = store::notifications::unread(&app.pool, caller.0).await?.unsigned_abs();
        Ok(Json(Notifications { items: rows.into_iter().map(tell).collect(), next_cursor, unread }))
    }
}
