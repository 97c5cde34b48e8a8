//! `POST /api/provider/bank-accounts/resolve`

use domain::{AccountName, AccountNumber, BankCode};
use poem_openapi::{Object, OpenApi, payload::Json};

use crate::{
    app::{App, TheApp},
    auth::AsProvider,
    banks,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_GATEWAY},
};

/// An account to look up.
#[derive(Debug, Object)]
pub(super) struct AccountToResolve {
    /// The bank's code in `GET /api/provider/banks`: 3 or 6 digits.
    #[oai(validator(pattern = "^([0-9]{3}|[0-9]{6})$"))]
    bank_code: String,
    /// NUBAN: 10 digits.
    #[oai(validator(pattern = "^[0-9]{10}$"))]
    account_number: String,
}

impl FromFields for AccountToResolve {
    type Checked = GivenAccount;

    fn from_fields(fields: &mut Fields) -> Option<GivenAccount> {
        GivenAccount::from_fields(fields)
    }
}

/// An account that is written correctly. Whether there is one, only the bank knows.
pub(super) struct GivenAccount {
    pub bank: BankCode,
    pub number: AccountNumber,
}

impl GivenAccount {
    pub(super) fn from_fields(fields: &mut Fields) -> Option<Self> {
        let bank = fields.parsed("bank_code", FieldCode::BankCodeInvalid, |text| {
            text.parse::<BankCode>().map_err(|wrong| wrong.to_string())
        });
        let number = fields.parsed("account_number", FieldCode::AccountNumberInvalid, |text| {
            text.parse::<AccountNumber>().map_err(|wrong| wrong.to_string())
        });
        Some(Self { bank: bank?, number: number? })
    }

    /// The holder's name, if the gateway pays to this bank and the bank knows the account.
    pub(super) async fn holder(&self, app: &App) -> Result<AccountName, Problem> {
        let banks = app.banks.get(app).await?;
        if !banks.iter().any(|bank| bank.code == self.bank) {
            return Err(banks::unknown_bank());
        }
        banks::resolve(app, &self.bank, &self.number).await
    }
}

/// Who the bank says holds the account.
#[derive(Debug, Object)]
struct ResolvedAccount {
    /// As it was asked for.
    bank_code: String,
    /// The number with all but its last four digits hidden.
    account_number: String,
    /// The holder's name as the bank answered it. Show it before the account is added.
    account_name: String,
}

pub(crate) struct ResolveAccount;

impl Refuses for ResolveAccount {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, WITH_BODY, WITH_GATEWAY, &[Code::AccountNotResolved]];
}

#[OpenApi(tag = "Tag::Provider")]
impl ResolveAccount {
    /// Whose account is this
    ///
    /// Asks the bank for the holder's name. Nothing is stored. 422 when the bank does not know the account; 503 when nobody could
    /// be asked, which says nothing about the account.
    #[oai(path = "/api/provider/bank-accounts/resolve", method = "post", operation_id = "resolveBankAccount")]
    async fn resolve(
        &self,
        app: TheApp<'_>,
        _caller: AsProvider,
        body: Body<AccountToResolve>,
    ) -> Result<Json<ResolvedAccount>, Refused<Self>> {
        let account = body.0;
        let name = account.holder(&app).await?;
        Ok(Json(ResolvedAccount {
            bank_code: account.bank.as_str().to_owned(),
            account_number: account.number.masked(),
            account_name: name.expose().to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<AccountToResolve>();
    }
}
