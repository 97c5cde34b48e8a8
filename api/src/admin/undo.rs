//! `POST /api/admin/payouts/{id}/undo`

use domain::PayoutId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use store::decisions::Undone;
use uuid::Uuid;

use super::{act::Reason, view::AdminPayout};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::Body,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

pub(crate) struct UndoApproval;

impl Refuses for UndoApproval {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::PayoutMovedOn]];
}

#[OpenApi(tag = "Tag::Admin")]
impl UndoApproval {
    /// Take an approval back
    ///
    /// For an approved payout that no batch has claimed, whoever approved it: a person or the risk engine. It is under review again.
    /// 409 says who was faster when a batch has it, or when it is not approved any more.
    #[oai(path = "/api/admin/payouts/:id/undo", method = "post", operation_id = "undoApproval")]
    async fn undo(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
        body: Body<Reason>,
    ) -> Result<Json<AdminPayout>, Refused<Self>> {
        let id = PayoutId::from_uuid(id.0);
        match store::decisions::undo(&app.pool, id, &caller.0, &body.0, app.now()).await? {
            Undone::Done(payout) => Ok(Json(AdminPayout::from(payout.as_ref()))),
            Undone::NotFound => Err(Problem::not_found().into()),
            Undone::TooLate(conflict) => Err(Problem::moved_on(conflict.status, &conflict.by).into()),
        }
    }
}
