//! Who owns an account, and which banks there are.
//!
//! Cost: one call each.

use domain::{AccountName, AccountNumber, BankCode, Failure, FailureCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::debug;

use super::{
    client::{Client, Purpose},
    envelope::Envelope,
    exchange::Exchange,
    question::{self, Told},
};
use crate::{Bank, LookUpFailed, ResolveFailed};

/// The banks of Nigeria: the only country this system pays to.
const COUNTRY: &str = "NG";

#[derive(Serialize)]
struct Question<'a> {
    account_number: &'a str,
    account_bank: &'a str,
}

#[derive(Deserialize)]
struct Owner {
    account_number: String,
    account_name: String,
}

pub(super) async fn resolve(
    client: &Client,
    bank: &BankCode,
    account: &AccountNumber,
) -> Result<AccountName, ResolveFailed> {
    let question = Question { account_number: account.expose(), account_bank: bank.as_str() };
    let body = serde_json::to_vec(&question).map_err(|_| question::not_understood("the question"))?;
    owner(account, client.post(Purpose::Ask, &["accounts", "resolve"], body).await)
}

fn owner(account: &AccountNumber, exchange: Exchange) -> Result<AccountName, ResolveFailed> {
    let body = match question::told(exchange)? {
        Told::Answer(body) => body,
        Told::Refused { status, message } => return Err(unresolved(status, message)),
    };
    let owner: Option<Owner> = data(&body);
    match owner {
        Some(owner) if owner.account_number == account.expose() && !owner.account_name.trim().is_empty() => {
            Ok(AccountName::new(&owner.account_name))
        }
        _ => Err(question::not_understood("the owner of the account").into()),
    }
}

/// Only a message that is known to be about the account is an answer about the account.
fn unresolved(status: u16, message: String) -> ResolveFailed {
    match Failure::known_refusal(&message).map(|failure| failure.code) {
        Some(FailureCode::AccountInvalid) => ResolveFailed::NoSuchAccount { message },
        Some(FailureCode::BankUnknown) => ResolveFailed::UnknownBank,
        Some(
            FailureCode::AccountBlacklisted
            | FailureCode::BeneficiaryNameMissing
            | FailureCode::WalletEmpty
            | FailureCode::MerchantRestricted
            | FailureCode::MerchantDailyLimit
            | FailureCode::AmountLimit
            | FailureCode::AmountTooSmall
            | FailureCode::BankUnavailable
            | FailureCode::AttestedUnpaid
            | FailureCode::Withdrawn
            | FailureCode::Other,
        )
        | None => ResolveFailed::Unavailable(question::refused(status, &message)),
    }
}

#[derive(Deserialize)]
struct Listed {
    code: String,
    name: String,
}

pub(super) async fn banks(client: &Client) -> Result<Vec<Bank>, LookUpFailed> {
    listed(client.get(&["banks", COUNTRY], &[]).await)
}

/// A code of another form than ours (some have five digits) is a bank that cannot be paid to, and not a fault of the list.
fn listed(exchange: Exchange) -> Result<Vec<Bank>, LookUpFailed> {
    let body = match question::told(exchange)? {
        Told::Answer(body) => body,
        Told::Refused { status, message } => return Err(question::refused(status, &message)),
    };
    let listed: Vec<Listed> = data(&body).ok_or_else(|| question::not_understood("the list of banks"))?;
    let told = listed.len();
    let banks: Vec<Bank> = listed
        .into_iter()
        .filter_map(|bank| Some(Bank { code: bank.code.parse().ok()?, name: bank.name.trim().to_owned() }))
        .collect();
    debug!(told, kept = banks.len(), "read the gateway's list of banks");
    Ok(banks)
}

fn data<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Option<T> {
    let data: &RawValue = Envelope::read(body)?.success()?;
    serde_json::from_str(data.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LookUpClass,
        flutterwave::v3::exchange::{Answer, Body},
    };

    fn answer(status: u16, body: &str) -> Exchange {
        Exchange::Answered(Answer { status, retry_after: None, body: Body::Whole(body.to_owned().into()) })
    }

    #[test]
    fn the_name_or_why_there_is_none() {
        let owner_is = |number: &str, name: &str| {
            format!(
                r#"{{"status":"success","message":"Account details fetched","data":{{"account_number":"{number}","account_name":"{name}"}}}}"#
            )
        };
        let error = |message: &str| format!(r#"{{"status":"error","message":"{message}","data":null}}"#);
        #[rustfmt::skip]
        let rows = [
            (200, owner_is("0690000032", "Pastor Bright"),                      "Pastor Bright"),
            (200, owner_is("0690000033", "Pastor Bright"),                      "NotUnderstood"),
            (200, owner_is("0690000032", " "),                                  "NotUnderstood"),
            (200, error("Unknown Bank Code"),                                   "NotUnderstood"),
            (200, "<html>".to_owned(),                                          "NotUnderstood"),
            (400, error("Sorry, that account number is invalid, please check and try again"), "no such account"),
            (400, error("Unknown Bank Code"),                                   "unknown bank"),
            (400, error("Something nobody has seen"),                           "Refused"),
            (400, "<html>".to_owned(),                                          "Refused"),
            (400, error("Please enable IP Whitelisting to access this service"), "NotWhitelisted"),
            (401, error("Authorization required"),                              "Unauthorized"),
            (503, error("Sorry, that account number is invalid"),               "Unavailable"),
        ];
        for (status, body, expected) in rows {
            let said = match owner(&"0690000032".parse().unwrap(), answer(status, &body)) {
                Ok(name) => name.expose().to_owned(),
                Err(ResolveFailed::NoSuchAccount { .. }) => "no such account".to_owned(),
                Err(ResolveFailed::UnknownBank) => "unknown bank".to_owned(),
                Err(ResolveFailed::Unavailable(failed)) => format!("{:?}", failed.class),
            };
            assert_eq!(said, expected, "{status} {body}");
        }
    }

    #[test]
    fn banks_that_cannot_be_paid_to_are_left_out() {
        let body = r#"{"status":"success","message":"Banks fetched successfully","data":[
            {"id":137,"code":"011","name":" First Bank of Nigeria "},{"id":1,"code":"50515","name":"Five digits"},
            {"id":2,"code":"100004","name":"OPay"}]}"#;
        let banks = listed(answer(200, body)).unwrap();
        let read: Vec<_> = banks.iter().map(|bank| (bank.code.as_str(), bank.name.as_str())).collect();
        assert_eq!(read, [("011", "First Bank of Nigeria"), ("100004", "OPay")]);
        for body in
            [r#"{"status":"success","data":null}"#, r#"{"status":"success","data":[{"code":11}]}"#, "[]"]
        {
            assert_eq!(listed(answer(200, body)).unwrap_err().class, LookUpClass::NotUnderstood);
        }
    }
}
