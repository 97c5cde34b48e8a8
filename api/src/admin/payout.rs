//! `GET /api/admin/payouts/{id}`

use chrono::{DateTime, Utc};
use domain::{Money, PayoutId};
use poem_openapi::{Object, OpenApi, param::Path, payload::Json, types::Any};
use uuid::Uuid;

use super::{
    attestation::Attestation,
    case::Case,
    view::{AdminPayout, RuleFinding},
};
use crate::{
    app::{App, TheApp},
    auth::{AsAdmin, Staff},
    banks::BankNames,
    document::Tag,
    money::Amount,
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID},
    shapes::{Action, AttemptStatus, BankAccountBrief, RiskRoute, Waiting, actions},
};

/// A payout has a handful in the worst case.
const MAX_CASES: i64 = 100;

/// Everything there is about one payout.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AdminPayoutDetail {
    /// The payout itself.
    payout: AdminPayout,
    /// Whose it is.
    provider: Option<ProviderBrief>,
    /// Where its money goes.
    bank_account: Option<BankAccountBrief>,
    /// What it waits for, who must act, and when it moves. Absent once it has ended.
    waiting: Option<Waiting>,
    /// What the risk rules saw; absent until they ran.
    assessment: Option<RiskAssessment>,
    /// What the screening hook said last before a batch took it; the audit has the answers before. Absent where there is no hook, and
    /// until it was asked, which is when a batch is about to leave.
    screening: Option<Screening>,
    /// The tries to pay it, in order, each with what was observed about it.
    attempts: Vec<AdminAttempt>,
    /// What finance said about attempts that the gateway did not tell about, in order.
    attestations: Vec<Attestation>,
    /// What a person must settle, or has settled, about it; newest first, at most a hundred.
    cases: Vec<Case>,
    /// What was booked for it, in order. The lines of one posting sum to zero.
    ledger: Vec<LedgerLine>,
    /// Who did what, when and why, oldest first.
    audit: Vec<AuditLine>,
    /// Its history in the workflow engine, for operators.
    workflow_url: Option<String>,
    /// What can be done about it, and whether you may do it now.
    actions: Vec<Action>,
}

/// Whose payout it is.
#[derive(Debug, Object)]
struct ProviderBrief {
    /// Ours.
    id: Uuid,
    /// The marketplace's.
    external_id: String,
    /// What people call them.
    display_name: String,
    /// Whether their identity has been checked.
    verified: bool,
}

/// What the risk rules made of a payout.
#[derive(Debug, Object)]
struct RiskAssessment {
    /// `auto` when no rule fired, else `review`.
    route: RiskRoute,
    /// The version of the rules.
    policy_version: String,
    /// Every rule, fired or not.
    findings: Vec<RuleFinding>,
    /// When (UTC).
    assessed_at: DateTime<Utc>,
}

/// What the screening hook said about the payout's provider and bank account. Providers are not shown it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Screening {
    /// `clear`; `hit`: an admin approves it knowing that, or rejects it; `error`: there was no answer that can be believed, which goes
    /// before people too.
    verdict: String,
    /// Of the lists that were looked into. Absent after an error.
    list_version: Option<String>,
    /// Why, in the hook's words, or why its answer was not believed.
    reason: Option<String>,
    /// When (UTC).
    answered_at: DateTime<Utc>,
}

/// One try to pay, with its evidence.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AdminAttempt {
    /// 1 for the first try.
    number: u8,
    /// What is known about it.
    status: AttemptStatus,
    /// The reference under which the gateway knows it.
    reference: String,
    /// The gateway's own id for it.
    gateway_id: Option<String>,
    /// When it was begun (UTC).
    began_at: DateTime<Utc>,
    /// Who began it.
    began_by: String,
    /// How often it was sent, always under the same reference.
    sends: u32,
    /// When the gateway is asked next.
    check_at: Option<DateTime<Utc>>,
    /// Why the latest send did not leave.
    not_sent_reason: Option<String>,
    /// Why it failed, for programs.
    failure_code: Option<String>,
    /// What the gateway said.
    failure_message: Option<String>,
    /// False when its failure is not the payout's (the wallet was empty).
    counted: bool,
    /// What the gateway took for it.
    fee: Option<Amount>,
    /// Whether it had failed, by the gateway's own word, and paid after all.
    late: bool,
    /// What the latest look at its failure said instead: `unconfirmed` or `in_flight`. While that stands no money moves on it.
    doubt: Option<String>,
    /// When the gateway first called this paid transfer failed, and has not taken it back since.
    reversal_seen_at: Option<DateTime<Utc>>,
    /// When the gateway said how it ended.
    settled_at: Option<DateTime<Utc>>,
    /// What was observed about it, in order.
    evidence: Vec<Evidence>,
    /// What can be done about it, and whether you may do it now.
    actions: Vec<Action>,
}

/// One observation.
#[derive(Debug, Object)]
struct Evidence {
    /// `send`, `look_up`, `webhook` or `attestation`.
    source: String,
    /// What it said.
    verdict: String,
    /// Its particulars; never an account number or a name.
    detail: Any<serde_json::Value>,
    /// When (UTC).
    observed_at: DateTime<Utc>,
}

/// One line of a posting.
#[derive(Debug, Object)]
struct LedgerLine {
    /// Lines of one posting share this.
    posting_id: Uuid,
    /// What was booked: `reserved`, `refunded`, `paid`, `fee` and so on.
    posting: String,
    /// The account it changes.
    account: String,
    /// By how much; negative takes away.
    amount: Amount,
    /// When (UTC).
    posted_at: DateTime<Utc>,
}

/// One line of the audit trail.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AuditLine {
    /// When (UTC).
    at: DateTime<Utc>,
    /// Who: `provider:<id>`, `admin:<name>`, `platform:<name>`, `engine:<claimed name>` or `system`.
    actor: String,
    /// What.
    action: String,
    /// Why.
    reason: Option<String>,
    /// Its particulars.
    detail: Any<serde_json::Value>,
}

pub(crate) struct GetAnyPayout;

impl Refuses for GetAnyPayout {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetAnyPayout {
    /// Everything about one payout
    ///
    /// What it waits for; every attempt with its evidence; what finance attested; its cases; every ledger line; the whole audit
    /// trail; what the risk rules saw; and a link to its history in the workflow engine.
    #[oai(path = "/api/admin/payouts/:id", method = "get", operation_id = "getAnyPayout")]
    async fn get(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        /// The payout.
        id: Path<Uuid>,
    ) -> Result<Json<AdminPayoutDetail>, Refused<Self>> {
        Ok(Json(detail(&app, PayoutId::from_uuid(id.0), &caller.0).await?))
    }
}

async fn detail(app: &App, id: PayoutId, staff: &Staff) -> Result<AdminPayoutDetail, Problem> {
    let pool = &app.pool;
    let payout = store::payouts::get(pool, id).await?.ok_or_else(Problem::not_found)?;
    let standing = store::payouts::standing(pool, id).await?;
    let provider = store::providers::get(pool, payout.provider).await?;
    let bank_account = store::bank_accounts::get(pool, payout.bank_account).await?;
    let assessment = store::assessments::of(pool, id).await?;
    let attempts = store::attempts::of_payout(pool, id).await?;
    let attestations = store::attestations::of_payout(pool, id).await?;
    let filter = store::cases::Filter { payout: Some(id), ..store::cases::Filter::default() };
    let cases =
        store::cases::list(pool, &filter, store::cases::Page { before: None, limit: MAX_CASES }).await?;
    let ledger = store::ledger::lines_of_payout(pool, id).await?;
    let audit = store::audit::timeline(pool, id).await?;
    let banks = BankNames::get(app).await;
    let mut possible =
        store::actions::of_staff(pool, std::slice::from_ref(&payout), staff.who(), app.now()).await?;
    let mut of_attempts =
        store::actions::of_attempts(pool, id, &attestations, staff.who(), app.now()).await?;
    let next_window = app.next_window().await?;
    let screening = store::screening::of_payout(pool, &payout).await?;
    Ok(AdminPayoutDetail {
        screening: screening.map(Screening::from),
        provider: provider.map(|provider| ProviderBrief {
            id: provider.id.uuid(),
            external_id: provider.external_id,
            display_name: provider.display_name,
            verified: provider.verified,
        }),
        bank_account: bank_account.as_ref().map(|account| BankAccountBrief::told(account, &banks)),
        waiting: standing
            .and_then(|standing| standing.waiting(app.now(), next_window))
            .map(|waiting| Waiting::told(&waiting, &cases)),
        assessment: assessment.map(|(assessment, assessed_at)| RiskAssessment {
            route: assessment.route.into(),
            policy_version: assessment.policy_version,
            findings: assessment.findings.iter().map(RuleFinding::from).collect(),
            assessed_at,
        }),
        attempts: attempts
            .into_iter()
            .map(|attempt| {
                let actions = actions(of_attempts.remove(&attempt.number));
                AdminAttempt { actions, ..AdminAttempt::from(attempt) }
            })
            .collect(),
        attestations: attestations.iter().map(Attestation::from).collect(),
        cases: cases.iter().map(|case| Case::told(case, staff)).collect(),
        ledger: ledger.into_iter().map(ledger_line).collect::<Result<_, _>>()?,
        audit: audit.into_iter().map(AuditLine::from).collect(),
        workflow_url: app.temporal_ui.as_ref().map(|ui| ui.link(id)),
        actions: actions(possible.remove(&id)),
        payout: AdminPayout::from(&payout),
    })
}

impl From<store::screening::Screening> for Screening {
    fn from(said: store::screening::Screening) -> Self {
        Self {
            verdict: said.verdict.as_str().to_owned(),
            list_version: said.list_version,
            reason: said.reason,
            answered_at: said.answered_at,
        }
    }
}

impl From<store::attempts::Attempt> for AdminAttempt {
    fn from(attempt: store::attempts::Attempt) -> Self {
        Self {
            number: attempt.number.get(),
            status: attempt.status.into(),
            reference: attempt.reference.as_str().to_owned(),
            gateway_id: attempt.gateway_id,
            began_at: attempt.began_at,
            began_by: attempt.began_by,
            sends: attempt.sends,
            check_at: attempt.check_at,
            not_sent_reason: attempt.not_sent_reason,
            failure_code: attempt.failure_code.map(|code| code.as_str().to_owned()),
            failure_message: attempt.failure_message,
            counted: attempt.counted,
            fee: attempt.fee.map(Amount),
            late: attempt.late,
            doubt: attempt.doubt.map(|doubt| doubt.as_str().to_owned()),
            reversal_seen_at: attempt.reversal_seen_at,
            settled_at: attempt.settled_at,
            evidence: attempt.evidence.into_iter().map(Evidence::from).collect(),
            actions: vec![],
        }
    }
}

impl From<store::attempts::Evidence> for Evidence {
    fn from(evidence: store::attempts::Evidence) -> Self {
        Self {
            source: evidence.source,
            verdict: evidence.verdict,
            detail: Any(evidence.detail),
            observed_at: evidence.observed_at,
        }
    }
}

impl From<store::audit::Line> for AuditLine {
    fn from(line: store::audit::Line) -> Self {
        Self {
            at: line.at,
            actor: line.actor,
            action: line.action,
            reason: line.reason,
            detail: Any(line.detail),
        }
    }
}

fn ledger_line(line: store::ledger::Line) -> Result<LedgerLine, store::Error> {
    let corrupt = |wrong: domain::InvalidMoney| store::Error::Corrupt(wrong.to_string());
    let currency = line.currency.parse().map_err(corrupt)?;
    Ok(LedgerLine {
        posting_id: line.posting,
        posting: line.kind,
        account: line.account,
        amount: Amount(Money::exact(line.amount, currency).map_err(corrupt)?),
        posted_at: line.posted_at,
    })
}
