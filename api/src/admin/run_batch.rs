//! `POST /api/admin/batches/run`

use poem_openapi::{ApiResponse, OpenApi, payload::Json};

use super::batches::Batch;
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN},
};

#[derive(ApiResponse)]
enum Answer {
    /// The batch is open and begins at once.
    #[oai(status = 201)]
    Opened(Json<Batch>),
}

pub(crate) struct RunBatch;

impl Refuses for RunBatch {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Admin")]
impl RunBatch {
    /// Release approved payouts now
    ///
    /// Opens a batch of its own, besides those of the windows; it takes every payout approved by now. Running it twice releases
    /// nothing twice: a payout belongs to the batch that took it.
    #[oai(path = "/api/admin/batches/run", method = "post", operation_id = "runBatch")]
    async fn run(&self, app: TheApp<'_>, caller: AsAdmin) -> Result<Answer, Refused<Self>> {
        let batch = store::batches::run_now(&app.pool, &caller.0, app.now()).await?;
        Ok(Answer::Opened(Json(Batch::from(&batch))))
    }
}
