//! `GET /api/provider/banks`

use poem_openapi::{Object, OpenApi, payload::Json};

use crate::{
    app::TheApp,
    auth::AsProvider,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_GATEWAY},
};

/// A bank that can be paid to.
#[derive(Debug, Object)]
struct Bank {
    /// What to send as `bank_code`: 3 or 6 digits.
    code: String,
    /// What to show.
    name: String,
}

/// The banks that can be paid to.
#[derive(Debug, Object)]
struct Banks {
    /// As the gateway lists them. The same bank may be there twice, under an old and a new code; both work.
    banks: Vec<Bank>,
}

pub(crate) struct ListBanks;

impl Refuses for ListBanks {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_GATEWAY];
}

#[OpenApi(tag = "Tag::Provider")]
impl ListBanks {
    /// Banks that can be paid to
    ///
    /// The gateway's list, at most an hour old (a day, while the gateway cannot be asked).
    #[oai(path = "/api/provider/banks", method = "get", operation_id = "listBanks")]
    async fn list(&self, app: TheApp<'_>, _caller: AsProvider) -> Result<Json<Banks>, Refused<Self>> {
        let banks = app.banks.get(&app).await?;
        let tell =
            |bank: &gateway::Bank| Bank { code: bank.code.as_str().to_owned(), name: bank.name.clone() };
        Ok(Json(Banks { banks: banks.iter().map(tell).collect() }))
    }
}
