//! `POST /api/provider/notifications/read`

use poem_openapi::{Object, OpenApi, payload::Json};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsProvider,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

/// How far the feed was read.
#[derive(Debug, Object)]
struct ReadUpTo {
    /// The newest message that was seen; it and all older ones count as read.
    up_to: Uuid,
}

impl FromFields for ReadUpTo {
    type Checked = Uuid;

    fn from_fields(fields: &mut Fields) -> Option<Uuid> {
        fields.id("up_to")
    }
}

/// What is left to read.
#[derive(Debug, Object)]
struct Unread {
    /// Messages that came later.
    unread: u64,
}

pub(crate) struct ReadNotifications;

impl Refuses for ReadNotifications {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Provider")]
impl ReadNotifications {
    /// Say what you have read
    ///
    /// Marks a message of your feed and every older one as read. Safe to repeat: what was read keeps its time.
    #[oai(path = "/api/provider/notifications/read", method = "post", operation_id = "readNotifications")]
    async fn read(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        body: Body<ReadUpTo>,
    ) -> Result<Json<Unread>, Refused<Self>> {
        if !store::notifications::is_theirs(&app.pool, caller.0, body.0).await? {
            return Err(Problem::not_found().into());
        }
        store::notifications::mark_read(&app.pool, caller.0, body.0, app.now()).await?;
        let unread = store::notifications::unread(&app.pool, caller.0).await?;
        Ok(Json(Unread { unread: unread.unsigned_abs() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<ReadUpTo>();
    }
}
