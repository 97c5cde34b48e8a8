//! The kinds of fault, what each may be told, and which part of the gateway it strikes.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::span::Span;
use crate::status::Status;

/// The gateway answers 503 after about 28 seconds when it times out inside.
const GATEWAY_STALL: Span = Span::from_secs(28);
/// Longer than any client should wait for the gateway's own 503.
const SILENCE: Span = Span::from_secs(120);

/// What becomes of the money of a request that is not answered honestly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// The request is carried out as if nothing had happened.
    Moves,
    /// The request is forgotten.
    #[default]
    Stays,
}

/// What an undocumented status may turn into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Final {
    Successful,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    // What the caller hears.
    /// 503 after a stall.
    #[serde(rename = "stall_then_503")]
    StallThen503 {
        #[serde(default)]
        money: Money,
        #[serde(default = "default_stall")]
        stall: Span,
    },
    /// 503 after a stall; the request is carried out `after` it arrived, whatever was said.
    LateCarryOut {
        #[serde(default = "default_stall")]
        stall: Span,
        #[serde(default = "default_late")]
        after: Span,
    },
    /// Silence, then a closed connection; the transfer is paid.
    TimeoutMoneyMoves {
        #[serde(default = "default_silence")]
        stall: Span,
    },
    /// A TCP reset in place of an answer, nothing carried out.
    ResetBefore {},
    /// A TCP reset in place of an answer, after the request was carried out.
    ResetAfter {},
    /// The proxy's HTML page with status 503.
    HtmlError {
        #[serde(default)]
        money: Money,
    },
    /// 429 with `Retry-After`, in seconds of the wall clock.
    RateLimited {
        #[serde(default = "default_retry_after")]
        retry_after_seconds: u32,
    },
    /// 401.
    Unauthorized {},
    /// 400, as from an address that is not on the list.
    IpNotWhitelisted {},
    /// A refusal with the given message.
    Decline {
        #[serde(default = "default_decline")]
        message: String,
        #[serde(default = "default_decline_status")]
        status: u16,
    },

    // What becomes of an accepted transfer.
    /// NEW, then FAILED.
    Fail {
        #[serde(default = "default_failure")]
        message: String,
        /// Defaults to the setting `settle_after`.
        #[serde(default)]
        after: Option<Span>,
    },
    PendingForever {},
    /// A status word of no documentation; for ever, or until it turns into `then`.
    UnknownStatus {
        #[serde(default = "default_word")]
        status: String,
        #[serde(default)]
        then: Option<Final>,
        #[serde(default = "default_while")]
        after: Span,
    },
    /// SUCCESSFUL, later FAILED with the money back, with an event or without.
    FlipAfterSuccess {
        #[serde(default = "default_while")]
        after: Span,
        #[serde(default = "default_true")]
        webhook: bool,
        #[serde(default = "default_failure")]
        message: String,
    },
    /// Settled, and the webhook delivered, before the POST is answered.
    WebhookEarly {},

    // What look-ups say.
    /// Look-ups do not find the transfer: for some time, or for a number of look-ups, or both.
    LookupLag {
        #[serde(default, rename = "for")]
        duration: Option<Span>,
        #[serde(default)]
        lookups: u32,
    },
    /// Look-ups are answered with an error.
    LookupError {
        #[serde(default = "default_lookup_status")]
        status: u16,
        #[serde(default)]
        html: bool,
    },

    // What becomes of the webhook.
    WebhookLost {},
    WebhookLate {
        #[serde(default = "default_late")]
        by: Span,
    },
    WebhookDuplicate {
        #[serde(default = "default_copies")]
        copies: u8,
        #[serde(default = "default_apart")]
        apart: Span,
    },
    /// Held until another webhook has left; sent anyway after `hold`.
    WebhookReordered {
        #[serde(default = "default_hold")]
        hold: Span,
    },
}

/// Which part of the gateway a fault strikes; at most one fault of each stage strikes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The answer to a request.
    Answer,
    /// The course of an accepted transfer.
    Course,
    /// How long look-ups do not see an accepted transfer.
    Hiding,
    LookUp,
    Webhook,
}

impl Fault {
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::StallThen503 { .. }
            | Self::LateCarryOut { .. }
            | Self::TimeoutMoneyMoves { .. }
            | Self::ResetBefore {}
            | Self::ResetAfter {}
            | Self::HtmlError { .. }
            | Self::RateLimited { .. }
            | Self::Unauthorized {}
            | Self::IpNotWhitelisted {}
            | Self::Decline { .. } => Stage::Answer,
            Self::Fail { .. }
            | Self::PendingForever {}
            | Self::UnknownStatus { .. }
            | Self::FlipAfterSuccess { .. }
            | Self::WebhookEarly {} => Stage::Course,
            Self::LookupLag { .. } => Stage::Hiding,
            Self::LookupError { .. } => Stage::LookUp,
            Self::WebhookLost {}
            | Self::WebhookLate { .. }
            | Self::WebhookDuplicate { .. }
            | Self::WebhookReordered { .. } => Stage::Webhook,
        }
    }

    /// The name in `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::StallThen503 { .. } => "stall_then_503",
            Self::LateCarryOut { .. } => "late_carry_out",
            Self::TimeoutMoneyMoves { .. } => "timeout_money_moves",
            Self::ResetBefore {} => "reset_before",
            Self::ResetAfter {} => "reset_after",
            Self::HtmlError { .. } => "html_error",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unauthorized {} => "unauthorized",
            Self::IpNotWhitelisted {} => "ip_not_whitelisted",
            Self::Decline { .. } => "decline",
            Self::Fail { .. } => "fail",
            Self::PendingForever {} => "pending_forever",
            Self::UnknownStatus { .. } => "unknown_status",
            Self::FlipAfterSuccess { .. } => "flip_after_success",
            Self::WebhookEarly {} => "webhook_early",
            Self::LookupLag { .. } => "lookup_lag",
            Self::LookupError { .. } => "lookup_error",
            Self::WebhookLost {} => "webhook_lost",
            Self::WebhookLate { .. } => "webhook_late",
            Self::WebhookDuplicate { .. } => "webhook_duplicate",
            Self::WebhookReordered { .. } => "webhook_reordered",
        }
    }

    /// A fault of this kind, told nothing more.
    pub fn with_defaults(kind: &str) -> Result<Self, String> {
        serde_json::from_value(serde_json::json!({ "kind": kind }))
            .map_err(|_| format!("there is no kind of fault `{kind}`"))
    }

    /// Refuses what could not be answered with.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Self::Decline { status, .. } | Self::LookupError { status, .. } = self
            && !(400..600).contains(status)
        {
            return Err(format!("{status} is not the status of an error"));
        }
        if let Self::UnknownStatus { status, .. } = self
            && !matches!(Status::from(status.clone()), Status::Undocumented(_))
        {
            return Err(format!("{status} is a documented status"));
        }
        Ok(())
    }
}

/// The endpoints that a fault of an answer can be aimed at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v3/transfers`.
    #[default]
    Transfer,
    /// `GET /v3/transfers…`.
    Lookup,
    Bulk,
    Retry,
    Fee,
    Resolve,
    Banks,
    Balances,
    Beneficiaries,
}

/// What a fault strikes; every field that is given must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// For faults of an answer; defaults to `transfer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_contains: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
}

/// What a request or a transfer shows of itself to be matched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) reference: Option<&'a str>,
    pub(crate) account_number: Option<&'a str>,
    pub(crate) bank_code: Option<&'a str>,
    pub(crate) amount: Option<Decimal>,
}

impl Match {
    pub(crate) fn agrees(&self, stage: Stage, subject: &Subject<'_>) -> bool {
        fn field<T: PartialEq>(wanted: Option<&T>, shown: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| shown == Some(wanted))
        }
        let endpoint_agrees = stage != Stage::Answer || self.endpoint.unwrap_or_default() == subject.endpoint;
        let contains = self
            .reference_contains
            .as_ref()
            .is_none_or(|part| subject.reference.is_some_and(|shown| shown.contains(part.as_str())));
        endpoint_agrees
            && contains
            && field(self.reference.as_deref().as_ref(), subject.reference.as_ref())
            && field(self.account_number.as_deref().as_ref(), subject.account_number.as_ref())
            && field(self.bank_code.as_deref().as_ref(), subject.bank_code.as_ref())
            && field(self.amount.as_ref(), subject.amount.as_ref())
    }
}

const fn default_stall() -> Span {
    GATEWAY_STALL
}
const fn default_silence() -> Span {
    SILENCE
}
const fn default_late() -> Span {
    Span::from_secs(60)
}
const fn default_while() -> Span {
    Span::from_secs(10)
}
const fn default_hold() -> Span {
    Span::from_secs(30)
}
const fn default_apart() -> Span {
    Span::from_secs(1)
}
const fn default_copies() -> u8 {
    1
}
const fn default_retry_after() -> u32 {
    5
}
const fn default_true() -> bool {
    true
}
const fn default_decline_status() -> u16 {
    400
}
const fn default_lookup_status() -> u16 {
    500
}
fn default_decline() -> String {
    crate::banks::BLACKLISTED.to_owned()
}
fn default_failure() -> String {
    crate::books::TRANSFER_FAILED.to_owned()
}
fn default_word() -> String {
    "PROCESSING".to_owned()
}
