//! Sending a transfer.
//!
//! Guarantee: one request, and for one attempt always the same bytes. Cost: one call on a connection of its own.
//! <https://developer.flutterwave.com/reference/endpoints/transfers/>

use domain::{AttemptTerms, Submitted};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    amounts,
    classify::submitted,
    client::{Client, Purpose},
    record::WireReference,
};

/// Flutterwave's own clients take no more.
const MAX_NARRATION_CHARS: usize = 100;

/// The wallet that pays is the one of the transfer's own currency: nothing is exchanged.
#[derive(Serialize)]
struct Order<'a> {
    account_bank: &'a str,
    account_number: &'a str,
    amount: &'a RawValue,
    currency: &'static str,
    debit_currency: &'static str,
    beneficiary_name: &'a str,
    narration: String,
    reference: &'a str,
}

pub(super) async fn submit(client: &Client, terms: &AttemptTerms, reference: &WireReference) -> Submitted {
    let Some(body) = order(terms, reference) else {
        // Cannot happen: a decimal is a JSON number and a text a JSON string.
        return Submitted::Unknown { why: "the order could not be written".to_owned() };
    };
    submitted(terms, reference, &client.post(Purpose::Send, &["transfers"], body).await)
}

fn order(terms: &AttemptTerms, reference: &WireReference) -> Option<Vec<u8>> {
    let amount = amounts::to_token(terms.amount)?;
    let currency = terms.amount.currency().code();
    serde_json::to_vec(&Order {
        account_bank: terms.bank.as_str(),
        account_number: terms.account.expose(),
        amount: &amount,
        currency,
        debit_currency: currency,
        beneficiary_name: terms.beneficiary.expose(),
        narration: terms.narration.chars().take(MAX_NARRATION_CHARS).collect(),
        reference: reference.as_wire(),
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use domain::{AccountName, Reference};

    use super::*;

    #[test]
    fn one_attempt_is_always_the_same_bytes() {
        let terms = AttemptTerms {
            reference: Reference::from_stored("pay-1"),
            amount: "9007199254740993.10 NGN".parse().unwrap(),
            bank: "044".parse().unwrap(),
            account: "0690000040".parse().unwrap(),
            beneficiary: AccountName::new("Ada \"Obi\""),
            narration: "ž".repeat(150),
        };
        let reference = WireReference::new(&terms.reference, Some(&"_PMCK".parse().unwrap()));
        let body = order(&terms, &reference).unwrap();
        assert_eq!(order(&terms, &reference).unwrap(), body);
        let narration = "ž".repeat(100);
        let expected = format!(
            r#"{{"account_bank":"044","account_number":"0690000040","amount":9007199254740993.10,"currency":"NGN","debit_currency":"NGN","beneficiary_name":"Ada \"Obi\"","narration":"{narration}","reference":"pay-1_PMCK"}}"#
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
