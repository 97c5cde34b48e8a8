//! `GET /api/provider/payouts/{id}`

use domain::{PayoutId, ProviderId};
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use crate::{
    app::{App, TheApp},
    auth::AsProvider,
    banks::BankNames,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
    shapes::{
        Action, BankAccountBrief, Payout, ProviderAttempt, TimelineEntry, Waiting, actions, provider_timeline,
    },
};

/// A payout, what it waits for, and its way so far.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct PayoutDetail {
    /// The payout itself.
    payout: Payout,
    /// Where its money goes.
    bank_account: Option<BankAccountBrief>,
    /// What it waits for, who must act, and when it moves. Absent once it has ended.
    waiting: Option<Waiting>,
    /// What happened so far, oldest first.
    timeline: Vec<TimelineEntry>,
    /// The tries to pay it, in order.
    attempts: Vec<ProviderAttempt>,
    /// What can be done about it, and whether you may do it now.
    actions: Vec<Action>,
    /// The payout that this one takes the place of: its bank account was refused, and another one was given.
    replaces: Option<Uuid>,
    /// The payout that takes the place of this one, since another bank account was given.
    replaced_by: Option<Uuid>,
}

pub(crate) struct GetPayout;

impl Refuses for GetPayout {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Provider")]
impl GetPayout {
    /// One payout, and what it waits for
    ///
    /// Answers what the payout is waiting for, who must act and when it will move, and everything that happened so far. Somebody
    /// else's payout is answered exactly as one that does not exist.
    #[oai(path = "/api/provider/payouts/:id", method = "get", operation_id = "getPayout")]
    async fn get(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// The payout.
        id: Path<Uuid>,
    ) -> Result<Json<PayoutDetail>, Refused<Self>> {
        Ok(Json(detail(&app, caller.0, PayoutId::from_uuid(id.0)).await?))
    }
}

async fn detail(app: &App, provider: ProviderId, id: PayoutId) -> Result<PayoutDetail, Problem> {
    let payout = store::payouts::get(&app.pool, id)
        .await?
        .filter(|payout| payout.provider == provider)
        .ok_or_else(Problem::not_found)?;
    let standing = store::payouts::standing(&app.pool, id).await?;
    let bank_account = store::bank_accounts::get(&app.pool, payout.bank_account).await?;
    let timeline = store::audit::timeline(&app.pool, id).await?;
    let attempts = store::attempts::of_payout(&app.pool, id).await?;
    let cases = store::cases::open_of_payout(&app.pool, id).await?;
    let banks = BankNames::get(app).await;
    let mut possible = store::actions::of_provider(&app.pool, std::slice::from_ref(&payout)).await?;
    let next_window = app.next_window().await?;
    let replaces = store::another_account::replaced(&app.pool, id).await?;
    let replaced_by = store::another_account::replacement(&app.pool, id).await?;
    Ok(PayoutDetail {
        replaces: replaces.map(PayoutId::uuid),
        replaced_by: replaced_by.map(PayoutId::uuid),
        bank_account: bank_account.as_ref().map(|account| BankAccountBrief::told(account, &banks)),
        waiting: standing
            .and_then(|standing| standing.waiting(app.now(), next_window))
            .map(|waiting| Waiting::told(&waiting, &cases)),
        timeline: provider_timeline(timeline),
        attempts: attempts.iter().map(ProviderAttempt::from).collect(),
        actions: actions(possible.remove(&id)),
        payout: Payout::from(&payout),
    })
}
