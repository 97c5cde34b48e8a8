//! `GET /api/provider/stream`

use poem_openapi::{OpenApi, param::Header};

use crate::{
    app::TheApp,
    auth::{AsProvider, SignedIn},
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
    stream::{Audience, LiveStream},
};

pub(crate) struct StreamOwn;

impl Refuses for StreamOwn {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, &[Code::TooManyStreams]];
}

#[OpenApi(tag = "Tag::Provider")]
impl StreamOwn {
    /// What changes, as it changes
    ///
    /// Server-sent events about this provider's own things, within a second of the change. An event names what has changed, not what
    /// it is now: fetch that. A browser's `EventSource` cannot send the token, so read the body of a `fetch` with the
    /// `Authorization` header instead.
    ///
    /// Each event is an `event` line, usually an `id` line, and one `data` line of JSON. `ready` comes first: fetch what is shown
    /// after it, and nothing is missed. `payout.changed`, `balance.changed`, `notification.changed`, `bank_account.changed` and
    /// `provider.changed` carry the `id` of what to fetch again. `resync` says that something was missed: fetch everything that is
    /// shown. `end` says why the stream ends: with `token_expired` come back with a new token, with `shutdown` at once.
    /// Come back with the last `id` as `Last-Event-ID` and what happened meanwhile follows, or `resync`. A comment comes every 15
    /// seconds; a stream that is silent for 30 is dead. The same change may be told twice.
    ///
    /// 429 when ten streams are open under the token's subject: ask every few seconds instead, as a client without streams does.
    #[oai(path = "/api/provider/stream", method = "get", operation_id = "streamOwnChanges")]
    async fn stream(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        signed_in: SignedIn,
        /// The `id` of the last event that was heard, after a stream was lost.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
    ) -> Result<LiveStream, Refused<Self>> {
        let audience = Audience::Provider(caller.0);
        Ok(app.streams.open(&signed_in.0, audience, last_event_id.0.as_deref()).await?)
    }
}
