//! Every answer that is not a success: `application/problem+json` (RFC 9457) with a code that never changes its meaning.
//!
//! Guarantees: a code here has its section in `docs/errors.md` (a test compares the two); a problem never says anything about
//! somebody else's data, and never repeats what an inner error said: that goes to the log.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::{Money, PayoutStatus};
use poem::{
    Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::Object;

use crate::money::Amount;

/// RFC 9457's media type.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// When a client may try again what failed for want of something that comes back by itself.
const RETRY_AFTER_SECONDS: &str = "5";

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, for programs. The text is part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// For the tests that compare this list with what is written about it.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The same words whenever this code is answered.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON";
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is not valid";
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A parameter is not valid";
    IdempotencyKeyRequired = "idempotency_key_required", BAD_REQUEST, "An idempotency key is required";
    IdempotencyKeyInvalid = "idempotency_key_invalid", BAD_REQUEST, "The idempotency key is not valid";
    InsufficientBalance = "insufficient_balance", BAD_REQUEST, "The balance is too low";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Authentication is required";
    WebhookUnsigned = "webhook_unsigned", UNAUTHORIZED, "The webhook is not signed";
    Forbidden = "forbidden", FORBIDDEN, "Not allowed";
    ProviderSuspended = "provider_suspended", FORBIDDEN, "Payouts are suspended";
    SecondPersonRequired = "second_person_required", FORBIDDEN, "A second person is required";
    ReviewerInvolved = "reviewer_involved", FORBIDDEN, "You asked for this or changed it";
    NotFound = "not_found", NOT_FOUND, "Not found";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    PayoutMovedOn = "payout_moved_on", CONFLICT, "The payout has moved on";
    ReviewTaken = "review_taken", CONFLICT, "Somebody else has taken this review on";
    NotTheAccount = "not_the_account", CONFLICT, "The payout did not fail because of its account";
    NotProvenUnpaid = "not_proven_unpaid", CONFLICT, "An earlier attempt may still pay";
    TooManyBankAccounts = "too_many_bank_accounts", CONFLICT, "Too many bank accounts";
    EarningDiffers = "earning_differs", CONFLICT, "This earning is known with other content";
    AdjustmentDiffers = "adjustment_differs", CONFLICT, "This adjustment is known with other content";
    ExternalIdTaken = "external_id_taken", CONFLICT, "The external id is taken";
    CaseClosed = "case_closed", CONFLICT, "The case is closed";
    CauseStillSo = "cause_still_so", CONFLICT, "What the case was opened for is still so";
    NotAReversal = "not_a_reversal", CONFLICT, "There is no reversal to confirm";
    NotAttestable = "not_attestable", CONFLICT, "There is nothing to attest";
    AttestationOpen = "attestation_open", CONFLICT, "Another attestation is open";
    NoOpenAttestation = "no_open_attestation", CONFLICT, "No attestation is open";
    RiskPolicyMovedOn = "risk_policy_moved_on", CONFLICT, "The risk policy has moved on";
    NotFailed = "not_failed", CONFLICT, "The message has not failed";
    TooManyContacts = "too_many_contacts", CONFLICT, "Too many contacts";
    TooManyWebhookEndpoints = "too_many_webhook_endpoints", CONFLICT, "Too many webhook endpoints";
    WebhookEndpointDisabled = "webhook_endpoint_disabled", CONFLICT, "The webhook endpoint is switched off";
    PushUnavailable = "push_unavailable", CONFLICT, "Nothing is pushed here";
    NotDead = "not_dead", CONFLICT, "The dead letter is not dead";
    ReconciliationRunning = "reconciliation_running", CONFLICT, "A reconciliation is running";
    NotReconciled = "not_reconciled", CONFLICT, "The database was restored and is not reconciled yet";
    FundingDiffers = "funding_differs", CONFLICT, "This reference is known with other content";
    StatementTooLong = "statement_too_long", UNPROCESSABLE_ENTITY, "The statement would be too long";
    FreshSignInNeeded = "fresh_sign_in_needed", FORBIDDEN, "A fresh sign-in is needed";
    StatementUnreadable = "statement_unreadable", UNPROCESSABLE_ENTITY, "The statement cannot be read";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    BankAccountUnknown = "bank_account_unknown", UNPROCESSABLE_ENTITY, "Unknown bank account";
    BankAccountCurrency = "bank_account_currency", UNPROCESSABLE_ENTITY, "The bank account takes another currency";
    BankAccountCoolingOff = "bank_account_cooling_off", UNPROCESSABLE_ENTITY, "The bank account is too new";
    AccountNotResolved = "account_not_resolved", UNPROCESSABLE_ENTITY, "The bank does not know this account";
    ProviderUnknown = "provider_unknown", UNPROCESSABLE_ENTITY, "Unknown provider";
    EarningUnknown = "earning_unknown", UNPROCESSABLE_ENTITY, "Unknown earning";
    AdjustmentTooLarge = "adjustment_too_large", UNPROCESSABLE_ENTITY, "The earning is worth less than that";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, "Too many streams";
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    InternalError = "internal_error", INTERNAL_SERVER_ERROR, "Something went wrong on our side";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not available just now";
    GatewayUnavailable = "gateway_unavailable", SERVICE_UNAVAILABLE, "The payment gateway cannot be asked just now";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too many requests at once";
    TimedOut = "timed_out", SERVICE_UNAVAILABLE, "The request took too long";
}

/// What is wrong with one field. The text is part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FieldCode {
    Required,
    UnknownField,
    WrongType,
    Empty,
    TooLong,
    ForbiddenCharacter,
    InvalidValue,
    InvalidId,
    InvalidTime,
    AmountNotAString,
    AmountNotANumber,
    AmountNotPositive,
    AmountTooManyDecimals,
    AmountTooLarge,
    CurrencyUnknown,
    AccountNumberInvalid,
    BankCodeInvalid,
    BankUnknown,
}

impl FieldCode {
    /// For the test that compares this list with what is written about it.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 18] = [
        Self::Required,
        Self::UnknownField,
        Self::WrongType,
        Self::Empty,
        Self::TooLong,
        Self::ForbiddenCharacter,
        Self::InvalidValue,
        Self::InvalidId,
        Self::InvalidTime,
        Self::AmountNotAString,
        Self::AmountNotANumber,
        Self::AmountNotPositive,
        Self::AmountTooManyDecimals,
        Self::AmountTooLarge,
        Self::CurrencyUnknown,
        Self::AccountNumberInvalid,
        Self::BankCodeInvalid,
        Self::BankUnknown,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownField => "unknown_field",
            Self::WrongType => "wrong_type",
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::ForbiddenCharacter => "forbidden_character",
            Self::InvalidValue => "invalid_value",
            Self::InvalidId => "invalid_id",
            Self::InvalidTime => "invalid_time",
            Self::AmountNotAString => "amount_not_a_string",
            Self::AmountNotANumber => "amount_not_a_number",
            Self::AmountNotPositive => "amount_not_positive",
            Self::AmountTooManyDecimals => "amount_too_many_decimals",
            Self::AmountTooLarge => "amount_too_large",
            Self::CurrencyUnknown => "currency_unknown",
            Self::AccountNumberInvalid => "account_number_invalid",
            Self::BankCodeInvalid => "bank_code_invalid",
            Self::BankUnknown => "bank_unknown",
        }
    }
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub(crate) struct FieldError {
    /// Which one: a path into the body such as `amount.currency`, or the name of a parameter.
    pub field: String,
    /// What is wrong with it, for programs. See `docs/errors.md`.
    pub code: String,
    /// The same for people.
    pub detail: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, code: FieldCode, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.as_str().to_owned(), detail: detail.into() }
    }
}

/// Why a request was not carried out (RFC 9457). `code` is for programs and never changes its meaning, `detail` is for people.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
pub(crate) struct ProblemBody {
    /// Where the code is explained, relative to this server.
    #[oai(rename = "type")]
    kind: String,
    /// The code in words; the same for every answer with this code.
    title: String,
    /// The HTTP status, again.
    status: u16,
    /// What went wrong, for programs. Every code has a section in `docs/errors.md`.
    code: String,
    /// What went wrong this time, for people.
    detail: String,
    /// The fields that are wrong, where the request was not valid.
    #[oai(skip_serializing_if_is_empty, default)]
    errors: Vec<FieldError>,
    /// With `insufficient_balance`: what could have been asked for.
    available: Option<Amount>,
    /// With `bank_account_cooling_off`: from when the account can be paid to.
    until: Option<DateTime<Utc>>,
    /// With `payout_moved_on`: where the payout stands now.
    payout_status: Option<String>,
    /// With `payout_moved_on`: who moved it.
    moved_by: Option<String>,
    /// With `rate_limited`: seconds until there is room again, as in `Retry-After`.
    retry_after_seconds: Option<u64>,
}

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    code: Code,
    /// Boxed: it is the rare half of nearly every `Result`.
    body: Box<ProblemBody>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: format!("/errors#{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            code: code.as_str().to_owned(),
            detail: detail.into(),
            errors: vec![],
            available: None,
            until: None,
            payout_status: None,
            moved_by: None,
            retry_after_seconds: None,
        };
        Self { code, body: Box::new(body) }
    }

    /// The same problem with what `add` puts into it.
    fn with(mut self, add: impl FnOnce(&mut ProblemBody)) -> Self {
        add(&mut self.body);
        self
    }

    /// A body that was understood and is wrong.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.field, only.detail),
            several => format!("{} fields are not valid", several.len()),
        };
        Self::new(Code::InvalidRequest, detail).with(|body| body.errors = errors)
    }

    /// A query parameter or header that is wrong.
    pub(crate) fn invalid_parameter(name: &str, code: FieldCode, detail: &str) -> Self {
        let error = FieldError::new(name, code, detail);
        Self::new(Code::InvalidParameter, format!("{name}: {detail}")).with(|body| body.errors = vec![error])
    }

    /// What does not exist, and what exists but is somebody else's: the same answer to the letter.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here for you.")
    }

    /// Another request, or the system, was faster.
    pub(crate) fn moved_on(status: PayoutStatus, by: &str) -> Self {
        let detail = format!(
            "The payout is {status} by now, moved by {by}. Read it again before you decide what to do."
        );
        Self::new(Code::PayoutMovedOn, detail).with(|body| {
            body.payout_status = Some(status.to_string());
            body.moved_by = Some(by.to_owned());
        })
    }

    pub(crate) fn insufficient_balance(available: Money) -> Self {
        let detail = format!("Only {available} can be paid out now.");
        Self::new(Code::InsufficientBalance, detail).with(|body| body.available = Some(Amount(available)))
    }

    pub(crate) fn cooling_off(until: DateTime<Utc>) -> Self {
        let detail = format!("This bank account is new and can be paid to from {}.", until.to_rfc3339());
        Self::new(Code::BankAccountCoolingOff, detail).with(|body| body.until = Some(until))
    }

    /// The same, with when to come back.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(|body| body.retry_after_seconds = Some(seconds))
    }

    /// The same problem in other words.
    pub(crate) fn saying(self, detail: &str) -> Self {
        self.with(|body| detail.clone_into(&mut body.detail))
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.body.detail
    }

    /// With `insufficient_balance`.
    pub(crate) fn available(&self) -> Option<Amount> {
        self.body.available
    }

    /// With `bank_account_cooling_off`.
    pub(crate) fn until(&self) -> Option<DateTime<Utc>> {
        self.body.until
    }

    #[cfg(test)]
    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.body.errors
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.body.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.code().status()
    }

    fn as_response(&self) -> Response {
        respond(self)
    }
}

/// The answer that says `problem`.
pub(crate) fn respond(problem: &Problem) -> Response {
    use poem_openapi::types::ToJSON as _;
    let body = problem.body.to_json().unwrap_or_default().to_string();
    let status = problem.code().status();
    let mut response = Response::builder().status(status).content_type(PROBLEM_JSON).body(body);
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.body.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    } else if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}

/// The database could not. Business refusals never come this way.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "the database could not carry out a request");
        Self::new(
            Code::Unavailable,
            "The request could not be carried out now. Send it again with the same idempotency key.",
        )
    }
}

/// What poem and poem-openapi refuse before a handler sees it, in our words.
pub(crate) fn of_framework_error(error: &poem::Error) -> Problem {
    use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
    use poem_openapi::error::{
        AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
    };
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if error.is::<AuthorizationError>() {
        return Problem::new(Code::Unauthenticated, "Send a bearer token in the Authorization header.");
    }
    // An id that no row can have is an unknown one.
    if error.is::<ParsePathError>() || error.is::<NotFoundError>() {
        return Problem::not_found();
    }
    if let Some(parameter) = error.downcast_ref::<ParseParamError>() {
        return Problem::invalid_parameter(
            parameter.name,
            FieldCode::InvalidValue,
            "is not one of the values allowed",
        );
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(Code::MethodNotAllowed, "This path does not take this method.");
    }
    if error.is::<ContentTypeError>() {
        return Problem::new(Code::UnsupportedMediaType, "Send the body as application/json.");
    }
    if error.is::<ParseRequestPayloadError>() {
        return Problem::new(Code::MalformedJson, "The body could not be read.");
    }
    match error.downcast_ref::<ReadBodyError>() {
        Some(ReadBodyError::PayloadTooLarge) => return body_too_large(),
        Some(ReadBodyError::Utf8(_) | ReadBodyError::Io(_)) => {
            return Problem::new(Code::MalformedJson, "The body could not be read.");
        }
        Some(ReadBodyError::BodyHasBeenTaken) | None => {}
    }
    if error.status().is_client_error() {
        tracing::warn!(%error, "a request was refused by the framework for a reason without a code of its own");
        return Problem::new(Code::InvalidRequest, "The request could not be understood.");
    }
    tracing::error!(%error, "a request failed");
    Problem::new(
        Code::InternalError,
        "The failure has been recorded. Sending the request again does no harm.",
    )
}

pub(crate) fn body_too_large() -> Problem {
    let limit = crate::limits::MAX_BODY_BYTES;
    Problem::new(Code::BodyTooLarge, format!("A body may have {limit} bytes at most."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCUMENTED: &str = include_str!("../../docs/errors.md");

    fn headings(level: &str) -> BTreeSet<&'static str> {
        DOCUMENTED
            .lines()
            .filter_map(|line| line.strip_prefix(level)?.strip_prefix(" `")?.strip_suffix('`'))
            .collect()
    }

    #[test]
    fn every_code_has_its_section_and_no_section_is_left_over() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(headings("##"), codes);
        let fields: BTreeSet<_> = FieldCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(headings("###"), fields);
    }

    #[test]
    fn the_documented_status_is_the_one_answered() {
        for code in Code::ALL {
            let section = DOCUMENTED.split(&format!("\n## `{}`\n", code.as_str())).nth(1).unwrap();
            let first = section.trim_start().lines().next().unwrap();
            let status = code.status();
            assert!(first.starts_with(&format!("**{}**", status.as_u16())), "{}: {first}", code.as_str());
        }
    }

    #[test]
    fn absent_members_are_left_out() {
        use poem_openapi::types::ToJSON as _;
        let json = Problem::not_found().body.to_json().unwrap();
        let members: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["code", "detail", "status", "title", "type"]);
    }
}
