//! `GET /api/admin/dead-letters` and `POST /api/admin/dead-letters/{number}/resend`

use chrono::{DateTime, Utc};
use domain::PayoutId;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use store::outbox::{self, DeadFilter, Resent};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, NumberCursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
};

/// What a dead letter asks of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum DeadLetterKind {
    /// Start a payout's workflow.
    Start,
    /// Wake a payout's workflow.
    Signal,
    /// Run an admin's batch.
    Batch,
    /// Run a batch of instant payouts.
    InstantBatch,
}

impl DeadLetterKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Batch => "batch",
            Self::InstantBatch => "instant_batch",
        }
    }
}

/// Something the engine refused so often that it was given up.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct DeadLetter {
    /// Names it.
    id: i64,
    /// `start`, `signal`, `batch` or `instant_batch`.
    kind: String,
    /// The payout it is about.
    payout_id: Option<Uuid>,
    /// The batch it is about.
    batch_id: Option<Uuid>,
    /// Which signal: `decision`, `release`, `transfer_update`, `cancel` or `manual_action`.
    signal: Option<String>,
    /// When it was written (UTC).
    created_at: DateTime<Utc>,
    /// How often it was tried.
    tries: i32,
    /// What the engine said last.
    last_error: Option<String>,
    /// When it was given up.
    dead_at: DateTime<Utc>,
}

impl From<&outbox::DeadLetter> for DeadLetter {
    fn from(letter: &outbox::DeadLetter) -> Self {
        Self {
            id: letter.id,
            kind: letter.kind.clone(),
            payout_id: letter.payout.map(PayoutId::uuid),
            batch_id: letter.batch.map(domain::BatchId::uuid),
            signal: letter.signal.clone(),
            created_at: letter.created_at,
            tries: letter.tries,
            last_error: letter.last_error.clone(),
            dead_at: letter.dead_at,
        }
    }
}

/// Dead letters, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct DeadLetters {
    /// This page.
    items: Vec<DeadLetter>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

/// What is sent again.
#[derive(Debug, Object)]
struct ResentLetters {
    /// Oldest first: the one that was asked for, and every older dead one of the same payout.
    ids: Vec<i64>,
}

pub(crate) struct ListDeadLetters;

impl Refuses for ListDeadLetters {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListDeadLetters {
    /// Dead letters
    ///
    /// Starts and signals that the engine refused for about a day. Their payouts are not lost: the sweeper starts what has no
    /// workflow, and a workflow asks the gateway by itself; but what a letter says is not heard until it is sent again. Newest first.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/dead-letters", method = "get", operation_id = "listDeadLetters")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// Only these.
        kind: Query<Option<DeadLetterKind>>,
        /// Only those about this payout.
        payout: Query<Option<Uuid>>,
        /// Only those of this signal.
        #[oai(validator(max_length = 50))]
        signal: Query<Option<String>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<NumberCursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<DeadLetters>, Refused<Self>> {
        let filter = DeadFilter {
            kind: kind.0.map(|kind| kind.as_str().to_owned()),
            payout: payout.0.map(PayoutId::from_uuid),
            signal: signal.0,
        };
        let before = cursor.0.map(|cursor| cursor.0);
        let rows = outbox::dead(&app.pool, &filter, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut_numbered(rows, limit.0, |row| row.id);
        Ok(Json(DeadLetters { items: rows.iter().map(DeadLetter::from).collect(), next_cursor }))
    }
}

pub(crate) struct ResendDeadLetter;

impl Refuses for ResendDeadLetter {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_QUERY, &[Code::NotDead]];
}

#[OpenApi(tag = "Tag::Admin")]
impl ResendDeadLetter {
    /// Send a dead letter again
    ///
    /// After what made the engine refuse it has been mended. Older dead letters of the same payout go first, because the order per
    /// payout is kept; what was written later and delivered meanwhile stays delivered, since every signal only makes the workflow
    /// read the payout as it stands. 409 when it is not dead (any more).
    #[oai(
        path = "/api/admin/dead-letters/:number/resend",
        method = "post",
        operation_id = "resendDeadLetter"
    )]
    async fn resend(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The dead letter's `id`.
        number: Path<i64>,
    ) -> Result<Json<ResentLetters>, Refused<Self>> {
        match outbox::resend(&app.pool, number.0, &caller.0, app.now()).await? {
            Resent::Done(ids) => Ok(Json(ResentLetters { ids })),
            Resent::NotFound => Err(Problem::not_found().into()),
            Resent::NotDead => {
                Err(Problem::new(Code::NotDead, "It was delivered, or somebody has sent it again already.")
                    .into())
            }
        }
    }
}
