//! `POST /api/provider/bank-accounts`

use domain::Currency;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use store::{
    Actor,
    bank_accounts::{Added, MAX_ACCOUNTS, NewBankAccount, Stop},
};

use super::resolve_account::GivenAccount;
use crate::{
    app::TheApp,
    auth::AsProviderAt,
    banks::BankNames,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_GATEWAY},
    shapes::BankAccount,
    stop_page::StopLink,
};

/// A bank account to be paid to.
#[derive(Debug, Object)]
struct NewAccount {
    /// The bank's code in `GET /api/provider/banks`: 3 or 6 digits.
    #[oai(validator(pattern = "^([0-9]{3}|[0-9]{6})$"))]
    bank_code: String,
    /// NUBAN: 10 digits.
    #[oai(validator(pattern = "^[0-9]{10}$"))]
    account_number: String,
    /// The currency it takes (ISO 4217): `NGN`, `GHS` or `KES`.
    currency: String,
}

struct Given {
    account: GivenAccount,
    currency: Currency,
}

impl FromFields for NewAccount {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let account = GivenAccount::from_fields(fields);
        let currency = fields.parsed("currency", FieldCode::CurrencyUnknown, |text| {
            text.parse::<Currency>().map_err(|wrong| wrong.to_string())
        });
        Some(Given { account: account?, currency: currency? })
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The account was added.
    #[oai(status = 201)]
    Added(Json<BankAccount>),
    /// The provider has this account already; nothing changed.
    #[oai(status = 200)]
    AlreadyThere(Json<BankAccount>),
}

pub(crate) struct AddBankAccount;

impl Refuses for AddBankAccount {
    const CODES: &'static [&'static [Code]] = &[
        SIGNED_IN,
        WITH_BODY,
        WITH_GATEWAY,
        &[Code::AccountNotResolved, Code::TooManyBankAccounts, Code::FreshSignInNeeded],
    ];
}

#[OpenApi(tag = "Tag::Provider")]
impl AddBankAccount {
    /// Add a bank account
    ///
    /// The bank is asked for the holder's name first; an account it does not know is not stored (422), and when nobody can be
    /// asked nothing is stored either (503). A provider's first account can be used at once, a later one from `usable_from`.
    /// Needs a fresh sign-in (403 `fresh_sign_in_needed`). A later account is told to the provider with a link that stops it.
    /// Safe to repeat: adding the same account again answers the one that is there.
    #[oai(path = "/api/provider/bank-accounts", method = "post", operation_id = "addBankAccount")]
    async fn add(
        &self,
        app: TheApp<'_>,
        caller: AsProviderAt,
        body: Body<NewAccount>,
    ) -> Result<Answer, Refused<Self>> {
        let provider = caller.0.fresh(&app)?;
        let Given { account, currency } = body.0;
        let name = account.holder(&app).await?;
        let new = NewBankAccount { provider, currency, bank: account.bank, number: account.number, name };
        let actor = Actor::provider(provider);
        let banks = BankNames::get(&app).await;
        let link = StopLink::mint();
        let stop = app.public_url.as_ref().map(|public| Stop { hash: link.hash(), url: link.url(public) });
        match store::bank_accounts::add(&app.pool, &new, stop.as_ref(), app.cooling_off, &actor, app.now())
            .await?
        {
            Added::New(account) => Ok(Answer::Added(Json(BankAccount::told(&account, &banks)))),
            Added::AlreadyThere(account) => {
                Ok(Answer::AlreadyThere(Json(BankAccount::told(&account, &banks))))
            }
            Added::TooMany => {
                let detail = format!("You have {MAX_ACCOUNTS} accounts already. Remove one first.");
                Err(Problem::new(Code::TooManyBankAccounts, detail).into())
            }
            Added::UnknownProvider => {
                Err(Problem::new(Code::Forbidden, "This token's provider is not known here.").into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<NewAccount>();
    }
}
