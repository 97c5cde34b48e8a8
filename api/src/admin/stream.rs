//! `GET /api/admin/stream`

use poem_openapi::{OpenApi, param::Header};

use crate::{
    app::TheApp,
    auth::{AsAdmin, SignedIn},
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
    stream::{Audience, LiveStream},
};

pub(crate) struct StreamEverything;

impl Refuses for StreamEverything {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, &[Code::TooManyStreams]];
}

#[OpenApi(tag = "Tag::Admin")]
impl StreamEverything {
    /// What changes, as it changes
    ///
    /// As `GET /api/provider/stream`, of everything: also `review.changed` (with the payout's id), `batch.changed`, `case.changed` and
    /// `pause.changed`. In a batch hundreds of events may come in a second: gather them for a moment before fetching.
    #[oai(path = "/api/admin/stream", method = "get", operation_id = "streamAllChanges")]
    async fn stream(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        signed_in: SignedIn,
        /// The `id` of the last event that was heard, after a stream was lost.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
    ) -> Result<LiveStream, Refused<Self>> {
        Ok(app.streams.open(&signed_in.0, Audience::Staff, last_event_id.0.as_deref()).await?)
    }
}
