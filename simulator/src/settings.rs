//! What can be switched while the simulator runs.
//!
//! Each field that stands for something the documentation leaves open can be set to every answer we hold
//! possible; its default is the likeliest one. Settings are the experiment's, not the books': they are not kept
//! over a restart, give them again as flags.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::delivery;
use crate::faults::Fault;
use crate::span::Span;

/// Test mode leaves a transfer PENDING unless its reference says otherwise; live mode settles each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Live,
    Test,
}

/// The HTTP status of a duplicate reference. Its message is known, its status is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DuplicateStatus {
    #[default]
    #[serde(rename = "400")]
    BadRequest,
    #[serde(rename = "409")]
    Conflict,
}

/// Whether the reference of a FAILED transfer may be used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterFailed {
    #[default]
    Rejected,
    Reusable,
}

/// The shape of "no such transfer" when asked by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotFoundById {
    #[default]
    #[serde(rename = "404")]
    Http404,
    #[serde(rename = "400")]
    Http400,
    /// 200 with `"data":null`.
    #[serde(rename = "null")]
    Null,
}

/// The shape of "no such transfer" when asked by reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotFoundByReference {
    /// 200 with `"data":[]`.
    #[default]
    #[serde(rename = "empty")]
    Empty,
    #[serde(rename = "404")]
    Http404,
    #[serde(rename = "400")]
    Http400,
}

/// Whether `?reference=` filters, or is ignored and the newest page comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceFilter {
    #[default]
    Honoured,
    Ignored,
}

/// Whether a wallet that is too short shows later (200 NEW, then FAILED) or at once (400).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsufficientFunds {
    #[default]
    Later,
    AtOnce,
}

/// What a transfer's own `callback_url` is used for. Its body is not documented, so it is ignored by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackUrl {
    #[default]
    Ignored,
    Also,
    Instead,
}

/// The webhook's shape: today's, or the one some accounts still got in 2020.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookShape {
    #[default]
    Current,
    Legacy,
}

/// Faults that strike by chance: how often each kind does, from 0 to 1, and the seed that decides which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Random {
    pub seed: u64,
    pub rates: BTreeMap<String, Decimal>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the gateway that is on or off")]
pub struct Settings {
    pub mode: Mode,
    /// How long a transfer takes in live mode; zero settles it, and sends its webhook, at once.
    pub settle_after: Span,
    /// Where webhooks go; none are sent without it. Only `http://`.
    pub webhook_url: Option<String>,
    /// Sent verbatim as `verif-hash`.
    pub webhook_hash: String,
    /// The dashboard's switch: three more tries, 30 minutes apart.
    pub webhook_retries: bool,
    /// Whether the webhook carries `"event.type":"Transfer"`. Both were seen.
    pub event_type: bool,
    pub webhook_shape: WebhookShape,
    pub callback_url: CallbackUrl,
    /// Whether the caller's address is on the dashboard's list; without it transfers are refused, look-ups not.
    pub ip_whitelisted: bool,
    pub duplicate_status: DuplicateStatus,
    pub duplicate_after_failed: AfterFailed,
    /// How long after the first POST a second one with the same reference slips through. Zero: never.
    pub duplicate_blind_for: Span,
    pub not_found_by_id: NotFoundById,
    pub not_found_by_reference: NotFoundByReference,
    pub reference_filter: ReferenceFilter,
    pub insufficient_funds: InsufficientFunds,
    /// Whether the fee includes the levy of 50 naira from 10,000 naira on.
    pub levy_in_fee: bool,
    /// Whether a reversal gives the fee back with the amount.
    pub reversal_returns_fee: bool,
    /// Whether a reversal sends `transfer.completed` with FAILED. No such event is documented.
    pub reversal_event: bool,
    /// The least amount of a transfer; its refusal is a guess, so there is none by default.
    pub minimum_amount: Option<Decimal>,
    pub random: Random,
}

/// Long enough to see NEW and PENDING, short enough for a demo.
pub const DEFAULT_SETTLE_AFTER: Span = Span::from_secs(2);

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            settle_after: DEFAULT_SETTLE_AFTER,
            webhook_url: None,
            webhook_hash: "simulator-hash".to_owned(),
            webhook_retries: true,
            event_type: true,
            webhook_shape: WebhookShape::default(),
            callback_url: CallbackUrl::default(),
            ip_whitelisted: true,
            duplicate_status: DuplicateStatus::default(),
            duplicate_after_failed: AfterFailed::default(),
            duplicate_blind_for: Span::ZERO,
            not_found_by_id: NotFoundById::default(),
            not_found_by_reference: NotFoundByReference::default(),
            reference_filter: ReferenceFilter::default(),
            insufficient_funds: InsufficientFunds::default(),
            levy_in_fee: false,
            reversal_returns_fee: true,
            reversal_event: false,
            minimum_amount: None,
            random: Random::default(),
        }
    }
}

impl Settings {
    /// These settings with the given fields replaced; unknown fields and impossible values are refused.
    pub fn patched(&self, patch: &serde_json::Value) -> Result<Self, String> {
        let serde_json::Value::Object(patch) = patch else {
            return Err("settings are a JSON object".to_owned());
        };
        let mut merged = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let fields = merged.as_object_mut().ok_or("settings are a JSON object")?;
        for (name, value) in patch {
            if !fields.contains_key(name) {
                return Err(format!("there is no setting `{name}`"));
            }
            fields.insert(name.clone(), value.clone());
        }
        let settings: Self = serde_json::from_value(merged).map_err(|error| error.to_string())?;
        settings.check()?;
        Ok(settings)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(url) = &self.webhook_url {
            delivery::check_url(url)?;
        }
        if !self.webhook_hash.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err("webhook_hash must be printable ASCII".to_owned());
        }
        for (kind, rate) in &self.random.rates {
            Fault::with_defaults(kind)?;
            if *rate < Decimal::ZERO || *rate > Decimal::ONE {
                return Err(format!("the rate of `{kind}` must lie between 0 and 1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_replaces_only_what_it_names() {
        let patched = Settings::default()
            .patched(&json!({"mode": "test", "settle_after": "500ms", "duplicate_status": "409"}))
            .unwrap();
        let expected = Settings {
            mode: Mode::Test,
            settle_after: Span::from_millis(500),
            duplicate_status: DuplicateStatus::Conflict,
            ..Settings::default()
        };
        assert_eq!(patched, expected);
    }

    #[test]
    fn unknown_names_and_impossible_values_are_refused() {
        for patch in [
            json!({"moode": "live"}),
            json!({"mode": "dead"}),
            json!({"webhook_url": "https://example.org/"}),
            json!({"webhook_hash": "line\nbreak"}),
            json!({"random": {"seed": 1, "rates": {"no_such_kind": "0.1"}}}),
            json!({"random": {"seed": 1, "rates": {"fail": "1.1"}}}),
            json!([]),
        ] {
            assert!(Settings::default().patched(&patch).is_err(), "{patch}");
        }
    }
}
