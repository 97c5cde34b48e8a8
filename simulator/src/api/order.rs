//! Reading a transfer from a request body.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::books::{Order, State};
use crate::money;

/// The limits of the official SDK's schema.
const LONGEST_REFERENCE: usize = 100;
const LONGEST_NARRATION: usize = 100;
const LONGEST_ACCOUNT_NUMBER: usize = 20;
/// Longer than the SDK allows, since our own hosts have long names.
const LONGEST_URL: usize = 500;
const LONGEST_NAME: usize = 200;
const LARGEST_META: usize = 8 * 1024;

const NAIRA: &str = "NGN";

/// The bank's field has another name in an item of a bulk transfer; the wrong one counts as missing.
#[derive(Clone, Copy, Debug)]
pub(super) enum BankField {
    AccountBank,
    BankCode,
}

#[derive(Deserialize)]
pub(super) struct OrderBody<'a> {
    account_bank: Option<String>,
    bank_code: Option<String>,
    account_number: Option<String>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    currency: Option<String>,
    debit_currency: Option<String>,
    narration: Option<String>,
    reference: Option<String>,
    callback_url: Option<String>,
    beneficiary: Option<u64>,
    beneficiary_name: Option<String>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

impl OrderBody<'_> {
    pub(super) fn reference(&self) -> Option<&str> {
        self.reference.as_deref().filter(|reference| !reference.is_empty())
    }

    /// The order, or the API's message about the first field that is wrong.
    pub(super) fn into_order(
        self,
        bank: BankField,
        state: &State,
        now: DateTime<Utc>,
    ) -> Result<Order, String> {
        let (bank_code, account_number) = self.destination(bank, state)?;
        let amount = money::parse_amount(self.amount.ok_or("amount is required")?.get())?;
        let currency = self.currency.ok_or("currency is required")?;
        if currency != NAIRA {
            return Err(format!("currency {currency} is not supported, only {NAIRA} is"));
        }
        let reference = match self.reference {
            Some(reference) if !reference.is_empty() => reference,
            _ => generated_reference(state, now),
        };
        let meta = self.meta.map(RawValue::get).filter(|meta| *meta != "null");
        let lengths = [
            ("reference", reference.len(), LONGEST_REFERENCE),
            ("narration", self.narration.as_ref().map_or(0, String::len), LONGEST_NARRATION),
            ("callback_url", self.callback_url.as_ref().map_or(0, String::len), LONGEST_URL),
            ("beneficiary_name", self.beneficiary_name.as_ref().map_or(0, String::len), LONGEST_NAME),
            ("meta", meta.map_or(0, str::len), LARGEST_META),
        ];
        if let Some((field, _, most)) = lengths.into_iter().find(|(_, length, most)| length > most) {
            return Err(format!("{field} must not be longer than {most} characters"));
        }
        Ok(Order {
            reference,
            bank_code,
            account_number,
            amount,
            debit_currency: self.debit_currency.unwrap_or_else(|| currency.clone()),
            currency,
            narration: self.narration.unwrap_or_default(),
            beneficiary_name: self.beneficiary_name,
            callback_url: self.callback_url.filter(|url| crate::delivery::check_url(url).is_ok()),
            meta: meta.map(str::to_owned),
            batch: None,
        })
    }

    /// Bank and account number, given or from a beneficiary.
    fn destination(&self, bank: BankField, state: &State) -> Result<(String, String), String> {
        if let Some(id) = self.beneficiary {
            let known = state.beneficiaries.get(&id).ok_or("beneficiary not found")?;
            return Ok((known.bank_code.clone(), known.account_number.clone()));
        }
        let bank_code = match bank {
            BankField::AccountBank => self.account_bank.clone().ok_or("account_bank is required")?,
            BankField::BankCode => self.bank_code.clone().ok_or("bank_code is required")?,
        };
        let account_number = self.account_number.clone().ok_or("account_number is required")?;
        if account_number.len() > LONGEST_ACCOUNT_NUMBER {
            return Err(format!(
                "account_number must not be longer than {LONGEST_ACCOUNT_NUMBER} characters"
            ));
        }
        Ok((bank_code, account_number))
    }
}

/// The gateway makes up a reference when none is given.
fn generated_reference(state: &State, now: DateTime<Utc>) -> String {
    format!("FLW-{}-{}", now.timestamp_millis(), state.next_id())
}
