//! `DELETE /api/provider/bank-accounts/{id}`

use domain::BankAccountId;
use poem_openapi::{ApiResponse, OpenApi, param::Path};
use store::Actor;
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
};

#[derive(ApiResponse)]
enum Answer {
    /// The account takes no new payouts any more.
    #[oai(status = 204)]
    Removed,
}

pub(crate) struct RemoveBankAccount;

impl Refuses for RemoveBankAccount {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Provider")]
impl RemoveBankAccount {
    /// Remove a bank account
    ///
    /// New payouts cannot go to it. One that was asked for and not yet checked is rejected with its money back in the balance; one
    /// that has been approved still goes there: cancel it if it should not.
    #[oai(path = "/api/provider/bank-accounts/:id", method = "delete", operation_id = "removeBankAccount")]
    async fn remove(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        /// The account.
        id: Path<Uuid>,
    ) -> Result<Answer, Refused<Self>> {
        let actor = Actor::provider(caller.0);
        let id = BankAccountId::from_uuid(id.0);
        if store::bank_accounts::remove(&app.pool, caller.0, id, &actor, app.now()).await? {
            Ok(Answer::Removed)
        } else {
            Err(Problem::not_found().into())
        }
    }
}
