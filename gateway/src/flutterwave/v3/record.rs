//! The gateway's record of one transfer, and what it says about an attempt.

use domain::{Currency, Failure, Observed, Reference, Sighting};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{amounts, config::TestSuffix};
use crate::redact::scrub;

/// Our reference, and what it is on the wire: the same, except in test mode with a suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WireReference {
    ours: Reference,
    wire: String,
}

impl WireReference {
    pub(super) fn new(ours: &Reference, suffix: Option<&TestSuffix>) -> Self {
        let suffix = suffix.map(TestSuffix::as_str).unwrap_or_default();
        Self { ours: ours.clone(), wire: format!("{ours}{suffix}") }
    }

    /// A reference that was told: ours, and as it went over the wire.
    pub(super) fn told(ours: &Reference, wire: &str) -> Self {
        Self { ours: ours.clone(), wire: wire.to_owned() }
    }

    pub(super) fn as_wire(&self) -> &str {
        &self.wire
    }
}

/// The fields that are read, all of them optional, so that a missing one can be named.
#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    pub(super) reference: Option<String>,
    status: Option<String>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    fee: Option<&'a RawValue>,
    currency: Option<String>,
    /// The wallet the fee is taken from.
    debit_currency: Option<String>,
    bank_code: Option<String>,
    account_number: Option<String>,
    /// Read only to keep it out of messages.
    full_name: Option<String>,
    complete_message: Option<String>,
}

/// The status words of v3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    New,
    Pending,
    Successful,
    Failed,
    /// A word nobody has documented, or none. Never taken for a failure.
    Other(String),
}

impl<'a> Record<'a> {
    pub(super) fn read(json: &'a RawValue) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }

    pub(super) fn status(&self) -> Status {
        match self.status.as_deref() {
            Some("NEW") => Status::New,
            Some("PENDING") => Status::Pending,
            Some("SUCCESSFUL") => Status::Successful,
            Some("FAILED") => Status::Failed,
            Some(other) => Status::Other(self.scrubbed(other)),
            None => Status::Other("no status".to_owned()),
        }
    }

    pub(super) fn is_of(&self, reference: &WireReference) -> bool {
        self.reference.as_deref() == Some(reference.as_wire())
    }

    pub(super) fn gateway_id(&self) -> Option<String> {
        self.id.and_then(id)
    }

    /// What the record says about the attempt under `reference`, which must be its own.
    pub(super) fn observed(&self, reference: &WireReference) -> Observed {
        let status = self.status();
        let sighting = match self.sighting(reference) {
            Ok(sighting) => sighting,
            Err(what) => return Observed::Unrecognised { said: format!("{}, but {what}", status.word()) },
        };
        match status {
            Status::New | Status::Pending => Observed::InFlight(sighting),
            Status::Successful => Observed::Succeeded(sighting),
            Status::Failed => Observed::Failed(sighting, self.failure()),
            Status::Other(word) => Observed::Unrecognised { said: word },
        }
    }

    /// Everything evidence needs, or what is missing or wrong.
    pub(super) fn sighting(&self, reference: &WireReference) -> Result<Sighting, String> {
        let missing = |field: &str| format!("{field} is missing");
        if !self.is_of(reference) {
            return Err("it has another reference".to_owned());
        }
        let currency = currency(self.currency.as_deref(), "currency")?;
        let fee_currency = match self.debit_currency.as_deref() {
            Some(code) => self::currency(Some(code), "debit_currency")?,
            None => currency,
        };
        let amount = self.amount.ok_or_else(|| missing("amount"))?;
        let fee = self.fee.map(|fee| amounts::money(fee, fee_currency, "fee")).transpose();
        Ok(Sighting {
            reference: reference.ours.clone(),
            gateway_id: self.gateway_id().ok_or_else(|| missing("id"))?,
            amount: amounts::money(amount, currency, "amount").map_err(|error| error.to_string())?,
            bank: self.bank_code.clone().ok_or_else(|| missing("bank_code"))?,
            account: self.account_number.clone().ok_or_else(|| missing("account_number"))?,
            fee: fee.map_err(|error| error.to_string())?,
        })
    }

    /// Classified by the gateway's own words, kept without what is private in them.
    fn failure(&self) -> Failure {
        let message = self.complete_message.as_deref().unwrap_or_default();
        Failure { message: self.scrubbed(message), ..Failure::observed(message) }
    }

    fn scrubbed(&self, said: &str) -> String {
        scrub(said, self.full_name.as_deref().unwrap_or_default())
    }
}

impl Status {
    fn word(&self) -> &str {
        match self {
            Self::New => "NEW",
            Self::Pending => "PENDING",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Other(word) => word,
        }
    }
}

fn currency(code: Option<&str>, field: &str) -> Result<Currency, String> {
    let code = code.ok_or_else(|| format!("{field} is missing"))?;
    code.parse().map_err(|_| format!("{field} is not one of ours"))
}

/// v3 ids are numbers; the digits are kept as text, since another gateway's are not numbers.
fn id(token: &RawValue) -> Option<String> {
    let text = token.get();
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    is_id(digits).then(|| digits.to_owned())
}

/// Whether a text can be an id of v3, and so a segment of a path.
pub(super) fn is_id(text: &str) -> bool {
    /// `u64` has at most 20 digits.
    const MAX_DIGITS: usize = 20;
    (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
