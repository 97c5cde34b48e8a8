//! What the merchant's wallet holds, and what a transfer will cost it.
//!
//! Cost: one call each.

use domain::{Currency, Money};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    amounts,
    client::Client,
    envelope::Envelope,
    exchange::Exchange,
    question::{self, Told},
};
use crate::{Balance, LookUpFailed};

#[derive(Deserialize)]
struct Wallet<'a> {
    currency: String,
    #[serde(borrow)]
    available_balance: &'a RawValue,
    #[serde(borrow)]
    ledger_balance: &'a RawValue,
}

pub(super) async fn balance(client: &Client, currency: Currency) -> Result<Balance, LookUpFailed> {
    held(currency, client.get(&["balances", currency.code()], &[]).await)
}

fn held(currency: Currency, exchange: Exchange) -> Result<Balance, LookUpFailed> {
    let body = answer(exchange)?;
    let read = || {
        let wallet: Wallet<'_> = serde_json::from_str(Envelope::read(&body)?.success()?.get()).ok()?;
        let is_asked = wallet.currency == currency.code();
        is_asked.then_some(())?;
        Some(Balance {
            available: amounts::money(wallet.available_balance, currency, "available_balance").ok()?,
            ledger: amounts::money(wallet.ledger_balance, currency, "ledger_balance").ok()?,
        })
    };
    read().ok_or_else(|| question::not_understood("the balance"))
}

#[derive(Deserialize)]
struct Quote<'a> {
    currency: String,
    /// `value`, or `percentage` of the amount.
    #[serde(rename = "fee_type")]
    kind: String,
    #[serde(borrow)]
    fee: &'a RawValue,
}

pub(super) async fn fee_quote(client: &Client, amount: Money) -> Result<Money, LookUpFailed> {
    let number = amount.amount().to_string();
    let query = [("amount", number.as_str()), ("currency", amount.currency().code()), ("type", "account")];
    quoted(amount.currency(), client.get(&["transfers", "fee"], &query).await)
}

/// Exactly one fee in our currency, as a value. A percentage would have to be rounded by a rule the gateway does not tell.
fn quoted(currency: Currency, exchange: Exchange) -> Result<Money, LookUpFailed> {
    let body = answer(exchange)?;
    let read = || {
        let quotes: Vec<Quote<'_>> = serde_json::from_str(Envelope::read(&body)?.success()?.get()).ok()?;
        let mut values =
            quotes.iter().filter(|quote| quote.currency == currency.code() && quote.kind == "value");
        match (values.next(), values.next()) {
            (Some(quote), None) => amounts::money(quote.fee, currency, "fee").ok(),
            (None | Some(_), _) => None,
        }
    };
    read().ok_or_else(|| question::not_understood("the fee"))
}

fn answer(exchange: Exchange) -> Result<bytes::Bytes, LookUpFailed> {
    match question::told(exchange)? {
        Told::Answer(body) => Ok(body),
        Told::Refused { status, message } => Err(question::refused(status, &message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LookUpClass,
        flutterwave::v3::exchange::{Answer, Body},
    };

    fn success(data: &str) -> Exchange {
        let body = format!(r#"{{"status":"success","message":"fetched","data":{data}}}"#);
        Exchange::Answered(Answer { status: 200, retry_after: None, body: Body::Whole(body.into()) })
    }

    #[test]
    fn the_balance_is_exact_and_of_the_asked_currency() {
        let wallet =
            r#"{"currency":"NGN","available_balance":9007199254740993.01,"ledger_balance":-253125.825}"#;
        let balance = held(Currency::Ngn, success(wallet)).unwrap();
        assert_eq!(balance.available.to_string(), "9007199254740993.01 NGN");
        assert_eq!(balance.ledger.to_string(), "-253125.825 NGN");
        for (currency, data) in [
            (Currency::Ghs, wallet),
            (Currency::Ngn, "[]"),
            (Currency::Ngn, r#"{"currency":"NGN","available_balance":1}"#),
            (Currency::Ngn, r#"{"currency":"NGN","available_balance":1e9,"ledger_balance":0}"#),
        ] {
            assert_eq!(held(currency, success(data)).unwrap_err().class, LookUpClass::NotUnderstood);
        }
    }

    #[test]
    fn a_quote_is_one_fee_as_a_value() {
        let one = r#"{"currency":"NGN","fee_type":"value","fee":26.875}"#;
        let quote = |data: String| quoted(Currency::Ngn, success(&data)).map(|fee| fee.to_string());
        assert_eq!(quote(format!("[{one}]")).unwrap(), "26.875 NGN");
        let percentage = one.replace("value", "percentage");
        assert_eq!(quote(format!("[{percentage},{one}]")).unwrap(), "26.875 NGN");
        for data in [
            "[]".to_owned(),
            one.to_owned(),
            format!("[{percentage}]"),
            format!("[{one},{one}]"),
            format!("[{}]", one.replace("NGN", "KES")),
            format!("[{}]", one.replace("26.875", "2.6875e1")),
        ] {
            assert_eq!(quote(data).unwrap_err().class, LookUpClass::NotUnderstood);
        }
    }
}
