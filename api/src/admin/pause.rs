//! `POST /api/admin/pauses` and `POST /api/admin/pauses/resume`

use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use store::{
    control,
    pauses::{Pausing, Resuming},
};
use uuid::Uuid;

use super::pauses::{Given, Pause, PauseOrder};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::Body,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
};

#[derive(ApiResponse)]
enum Answer {
    /// Paused: from now on no attempt begins there.
    #[oai(status = 201)]
    Paused(Json<Pause>),
    /// It was paused already; nothing changed.
    #[oai(status = 200)]
    Already(Json<Pause>),
}

pub(crate) struct OrderPause;

impl Refuses for OrderPause {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl OrderPause {
    /// Stop paying
    ///
    /// Everything (`system`, the kill switch), one provider, one bank, or one bank account. Once this has answered no attempt to
    /// pay begins there; what was sent before goes on to its end, and payouts can still be asked for and decided. Safe to repeat:
    /// pausing what is paused answers the pause that stands. An unknown provider or account is a 404.
    #[oai(path = "/api/admin/pauses", method = "post", operation_id = "pause")]
    async fn pause(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<PauseOrder>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { what, reason } = &body.0;
        let Some(what) = what else {
            let before = store::control::get(&app.pool).await?;
            if before.paused {
                return Ok(Answer::Already(Json(Pause::from(before))));
            }
            store::control::set_paused(&app.pool, true, reason, &caller.0, app.now()).await?;
            return Ok(Answer::Paused(Json(Pause::from(store::control::get(&app.pool).await?))));
        };
        match store::pauses::pause(&app.pool, what, reason, &caller.0, app.now()).await? {
            Pausing::Done(pause) => Ok(Answer::Paused(Json(Pause::from(pause)))),
            Pausing::Already(pause) => Ok(Answer::Already(Json(Pause::from(pause)))),
            Pausing::Unknown => Err(Problem::not_found().into()),
        }
    }
}

/// What came of resuming.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Resumed {
    /// Whether attempts may begin there again, as far as pauses of this scope go.
    resumed: bool,
    /// The open case that keeps it paused: its pause ends when the case is closed.
    paused_by_case: Option<Uuid>,
}

pub(crate) struct OrderResume;

impl Refuses for OrderResume {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY, &[Code::NotReconciled]];
}

#[OpenApi(tag = "Tag::Admin")]
impl OrderResume {
    /// Pay again
    ///
    /// Lifts what an admin paused. The pause of an open case (an overpaid provider, a failing bank account) is not lifted here: it
    /// ends when finance closes the case, and the answer names it. Safe to repeat: resuming what is not paused changes nothing.
    /// After the database was restored everything is resumed only once a reconciliation that began later has finished.
    #[oai(path = "/api/admin/pauses/resume", method = "post", operation_id = "resume")]
    async fn resume(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<PauseOrder>,
    ) -> Result<Json<Resumed>, Refused<Self>> {
        let Given { what, reason } = &body.0;
        let Some(what) = what else {
            if store::control::get(&app.pool).await?.paused {
                match control::resume(&app.pool, reason, &caller.0, app.now()).await? {
                    control::Resumed::Done => {}
                    control::Resumed::NotReconciled(why) => {
                        return Err(
                            Problem::new(Code::NotReconciled, format!("Nothing is resumed: {why}.")).into()
                        );
                    }
                }
            }
            return Ok(Json(Resumed { resumed: true, paused_by_case: None }));
        };
        match store::pauses::resume(&app.pool, what, reason, &caller.0, app.now()).await? {
            Resuming::Done { still } => Ok(Json(Resumed {
                resumed: still.is_none(),
                paused_by_case: still.map(domain::CaseId::uuid),
            })),
            Resuming::Unknown => Err(Problem::not_found().into()),
        }
    }
}
