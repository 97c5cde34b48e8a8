//! `GET /api/admin/notifications` and `POST /api/admin/notifications/read`

use chrono::{DateTime, Utc};
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use store::notifications;
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID, WITH_QUERY},
};

/// Something the admins were told.
#[derive(Debug, Object)]
struct AdminNotification {
    /// Names the message; the same event about the same thing is one message.
    id: Uuid,
    /// `review_waiting`, `review_escalated`, `funding_short`, `attempt_unknown`, `window_missed`, `case_opened` or
    /// `webhook_disabled`.
    event: String,
    /// What it is about: `payout:<id>`, `case:<id>`, `webhook_endpoint:<id>`, or the time of a window; more may follow after another
    /// colon, such as `:attempt:<number>`.
    subject: String,
    /// A line.
    title: String,
    /// A sentence or two.
    body: String,
    /// When it happened (UTC).
    created_at: DateTime<Utc>,
    /// Whether you have read it. Others have read their own.
    read: bool,
}

/// Messages, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AdminNotifications {
    /// This page.
    items: Vec<AdminNotification>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
    /// How many messages you have not read, on whichever page; counted up to 1000.
    unread: u64,
}

pub(crate) struct ListAdminNotifications;

impl Refuses for ListAdminNotifications {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListAdminNotifications {
    /// What the admins were told
    ///
    /// The in-app feed of all admins, newest first. What is read is told for you alone.
    #[oai(path = "/api/admin/notifications", method = "get", operation_id = "listAdminNotifications")]
    async fn list(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<AdminNotifications>, Refused<Self>> {
        let (admin, before) = (caller.0.as_str(), cursor.0.map(|cursor| cursor.0));
        let rows = notifications::admin_feed(&app.pool, admin, before, paging::fetch(limit.0)).await?;
        let unread = notifications::admin_unread(&app.pool, admin).await?.unsigned_abs();
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id);
        let tell = |row: notifications::AdminNotification| AdminNotification {
            id: row.id,
            event: row.event,
            subject: row.subject,
            title: row.title,
            body: row.body,
            created_at: row.created_at,
            read: row.read,
        };
        Ok(Json(AdminNotifications { items: rows.into_iter().map(tell).collect(), next_cursor, unread }))
    }
}

/// How far you have read.
#[derive(Debug, Object)]
struct AdminReadUpTo {
    /// The newest message that was seen; it and all older ones count as read by you.
    up_to: Uuid,
}

impl FromFields for AdminReadUpTo {
    type Checked = Uuid;

    fn from_fields(fields: &mut Fields) -> Option<Uuid> {
        fields.id("up_to")
    }
}

/// What is left for you to read.
#[derive(Debug, Object)]
struct AdminUnread {
    /// Messages that came later; counted up to 1000.
    unread: u64,
}

pub(crate) struct ReadAdminNotifications;

impl Refuses for ReadAdminNotifications {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ReadAdminNotifications {
    /// Say what you have read
    ///
    /// Marks a message of the admins' feed and every older one as read by you. Safe to repeat; reading never goes backwards.
    #[oai(path = "/api/admin/notifications/read", method = "post", operation_id = "readAdminNotifications")]
    async fn read(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<AdminReadUpTo>,
    ) -> Result<Json<AdminUnread>, Refused<Self>> {
        let admin = caller.0.as_str();
        if !notifications::admin_read(&app.pool, admin, body.0, app.now()).await? {
            return Err(Problem::not_found().into());
        }
        let unread = notifications::admin_unread(&app.pool, admin).await?.unsigned_abs();
        Ok(Json(AdminUnread { unread }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<AdminReadUpTo>();
    }
}
