//! `GET /api/admin/messages` and `POST /api/admin/messages/{id}/resend`

use domain::PayoutId;
use poem_openapi::{
    Enum, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use store::messages::{self, Filter, Resent};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, NumberCursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
    shapes::message::{Message, MessageState, Messages},
};

/// How a message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum MessageChannel {
    Email,
    Push,
    Webhook,
}

impl MessageChannel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }
}

pub(crate) struct ListMessages;

impl Refuses for ListMessages {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListMessages {
    /// What went out
    ///
    /// Messages by e-mail, push and webhook, newest first, kept for 90 days after they ended. `state=failed` is what people must
    /// look at: mend the cause, then send them again.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/messages", method = "get", operation_id = "listMessages")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// Only these.
        state: Query<Option<MessageState>>,
        /// Only these.
        channel: Query<Option<MessageChannel>>,
        /// Only those about this payout.
        payout: Query<Option<Uuid>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<NumberCursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Messages>, Refused<Self>> {
        let filter = Filter {
            state: state.0.map(Into::into),
            channel: channel.0.map(|channel| channel.as_str().to_owned()),
            payout: payout.0.map(PayoutId::from_uuid),
            ..Filter::default()
        };
        let before = cursor.0.map(|cursor| cursor.0);
        let rows = messages::list(&app.pool, &filter, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut_numbered(rows, limit.0, |row| row.number);
        Ok(Json(Messages { items: rows.into_iter().map(Message::from).collect(), next_cursor }))
    }
}

pub(crate) struct ResendMessage;

impl Refuses for ResendMessage {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_QUERY, &[Code::NotFailed]];
}

#[OpenApi(tag = "Tag::Admin")]
impl ResendMessage {
    /// Send a failed message again
    ///
    /// With all its tries before it, under the id it has. 409 when it has not failed (any more).
    #[oai(path = "/api/admin/messages/:id/resend", method = "post", operation_id = "resendMessage")]
    async fn resend(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The message.
        id: Path<Uuid>,
    ) -> Result<Json<Message>, Refused<Self>> {
        match messages::resend(&app.pool, id.0, &caller.0, app.now()).await? {
            Resent::Done => {}
            Resent::NotFound => return Err(Problem::not_found().into()),
            Resent::NotFailed => {
                let why = "It was delivered, is on its way, or nobody wants it any more.";
                return Err(Problem::new(Code::NotFailed, why).into());
            }
        }
        let filter = Filter { id: Some(id.0), ..Filter::default() };
        let message = messages::list(&app.pool, &filter, None, 1).await?.into_iter().next();
        Ok(Json(message.ok_or_else(Problem::not_found)?.into()))
    }
}
