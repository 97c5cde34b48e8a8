//! `POST /api/admin/risk-policies/{id}/backtest`

use chrono::{DateTime, Utc};
use domain::{PayoutId, RiskPolicyId, risk::Replayed};
use poem_openapi::{Enum, Object, OpenApi, param::Path, payload::Json, types::ParseFromParameter as _};
use store::backtests::{self, Ended, Examples, MAX_PERIOD, Sum};
use uuid::Uuid;

use crate::{
    admin::view::RuleFinding,
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    money::Amount,
    paging::TimedCursor,
    problem::{Code, FieldCode, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_ID},
    shapes::RiskRoute,
};

/// Shown where nothing else is asked for.
const DEFAULT_EXAMPLES: u32 = 20;
const MAX_EXAMPLES: u32 = 100;
/// What a cursor may have.
const MAX_CURSOR_CHARS: usize = 200;

/// The period to try the policy on.
#[derive(Debug, Object)]
struct BacktestPeriod {
    /// What was assessed from here on (RFC 3339).
    from: DateTime<Utc>,
    /// Until before this moment; at most 92 days later.
    to: DateTime<Utc>,
    /// How many payouts that would have gone another way are listed one by one; 20 unless told.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    examples: Option<u32>,
    /// `next_cursor` of the answer before, to list the next of them.
    #[oai(validator(max_length = 200))]
    cursor: Option<String>,
}

struct Given {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    examples: u32,
    after: Option<TimedCursor>,
}

impl FromFields for BacktestPeriod {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let (from, to) = (fields.time("from"), fields.time("to"));
        let examples = fields.whole_number_or("examples", DEFAULT_EXAMPLES);
        let after = match fields.optional_text("cursor", MAX_CURSOR_CHARS) {
            None => None,
            Some(text) => {
                let read = TimedCursor::parse_from_parameter(&text).ok();
                if read.is_none() {
                    fields.refuse("cursor", FieldCode::InvalidValue, "is not a cursor of this list");
                }
                read
            }
        };
        if let (Some(from), Some(to)) = (from, to)
            && (to <= from || to.signed_duration_since(from) > MAX_PERIOD)
        {
            fields.refuse("to", FieldCode::InvalidValue, "must be after `from`, by 92 days at most");
        }
        if examples.is_some_and(|examples| examples > MAX_EXAMPLES) {
            fields.refuse("examples", FieldCode::InvalidValue, "must be from 0 to 100");
        }
        Some(Given { from: from?, to: to?, examples: examples?, after })
    }
}

/// Where the policy would have sent a payout: `auto`, `review`, `refuse`; or `unknown`, where that hangs on facts that were not
/// recorded then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "domain::risk::Replayed")]
enum ReplayedRoute {
    Auto,
    Review,
    Refuse,
    Unknown,
}

/// How payouts ended: `open` (not yet), `completed`, `failed` (the money is still set aside), `refunded` (failed, and the money is
/// back in the balance), `rejected`, `cancelled`, `reversed` (paid, and returned by the bank).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "store::backtests::Ended")]
enum PayoutEnd {
    Open,
    Completed,
    Failed,
    Refunded,
    Rejected,
    Cancelled,
    Reversed,
}

/// Payouts that ended in one way.
#[derive(Debug, Object)]
struct BacktestEnd {
    /// How they ended.
    ended: PayoutEnd,
    /// How many.
    payouts: u32,
    /// Their sum.
    sum: Amount,
}

/// Everything that went one way and would have gone the same or another.
#[derive(Debug, Object)]
struct BacktestChange {
    /// Where they went.
    was: RiskRoute,
    /// Where the policy would have sent them.
    would: ReplayedRoute,
    /// Whether that is another way.
    changed: bool,
    /// How many.
    payouts: u32,
    /// Their sum.
    sum: Amount,
    /// The same by how they ended.
    ended: Vec<BacktestEnd>,
}

/// A payout that would have gone another way.
#[derive(Debug, Object)]
struct BacktestExample {
    /// The payout.
    payout_id: Uuid,
    /// What was asked for.
    amount: Amount,
    /// Where it went.
    was: RiskRoute,
    /// Where the policy would have sent it.
    would: ReplayedRoute,
    /// How it ended.
    ended: PayoutEnd,
    /// When it was assessed (UTC).
    assessed_at: DateTime<Utc>,
    /// What the policy says of it, rule by rule.
    findings: Vec<RuleFinding>,
}

/// What a policy would have made of the payouts of a period.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Backtest {
    /// The policy's version.
    version: String,
    /// The period's begin.
    from: DateTime<Utc>,
    /// The period's end.
    to: DateTime<Utc>,
    /// How many payouts in the policy's currency it was tried on.
    assessed: u32,
    /// Present when the period has more assessments than are read at once (20,000, newest first): nothing before this moment was
    /// looked at. Ask again with a shorter period that ends there.
    cut_at: Option<DateTime<Utc>>,
    /// Every way that was and would have been gone.
    changes: Vec<BacktestChange>,
    /// Some of those that would have gone another way, newest first.
    examples: Vec<BacktestExample>,
    /// There are more: ask again with this `cursor`. Everything but the examples is the same then, unless payouts have ended
    /// meanwhile.
    next_cursor: Option<String>,
}

fn end((ended, sum): &(Ended, Sum)) -> BacktestEnd {
    BacktestEnd { ended: (*ended).into(), payouts: sum.payouts, sum: Amount(sum.amount) }
}

fn change(change: &backtests::Change) -> BacktestChange {
    BacktestChange {
        was: change.was.into(),
        would: change.would.into(),
        changed: !Replayed::is(change.would, change.was),
        payouts: change.all.payouts,
        sum: Amount(change.all.amount),
        ended: change.ended.iter().map(end).collect(),
    }
}

fn example(example: &backtests::Example) -> BacktestExample {
    BacktestExample {
        payout_id: example.payout.uuid(),
        amount: Amount(example.amount),
        was: example.was.into(),
        would: example.would.into(),
        ended: example.ended.into(),
        assessed_at: example.assessed_at,
        findings: example.findings.iter().map(RuleFinding::from).collect(),
    }
}

pub(crate) struct BacktestRiskPolicy;

impl Refuses for BacktestRiskPolicy {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl BacktestRiskPolicy {
    /// Try a risk policy on the past
    ///
    /// For `admin` and `finance`. Replays any policy over the facts that were recorded when the payouts of a period were assessed,
    /// and tells which would have gone another way, their sum, and how those ended. A rule whose facts were not recorded then does
    /// not count as fired: where that alone would decide, the payout is `unknown`. Changes nothing.
    #[oai(
        path = "/api/admin/risk-policies/:id/backtest",
        method = "post",
        operation_id = "backtestRiskPolicy"
    )]
    async fn backtest(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The policy.
        id: Path<Uuid>,
        body: Body<BacktestPeriod>,
    ) -> Result<Json<Backtest>, Refused<Self>> {
        let Given { from, to, examples, after } = body.0;
        let policy = store::risk_policies::get(&app.pool, RiskPolicyId::from_uuid(id.0)).await?;
        let policy = policy.ok_or_else(Problem::not_found)?;
        let examples = Examples {
            most: usize::try_from(examples).unwrap_or_default(),
            after: after.map(|after| (after.time, PayoutId::from_uuid(after.id))),
        };
        let done = backtests::run(&app.pool, &policy, from, to, examples).await?;
        Ok(Json(Backtest {
            version: policy.version(),
            from,
            to,
            assessed: done.assessed,
            cut_at: done.cut_at,
            changes: done.changes.iter().map(change).collect(),
            examples: done.examples.iter().map(example).collect(),
            next_cursor: done
                .more_after
                .map(|(time, payout)| TimedCursor { time, id: payout.uuid() }.encode()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<BacktestPeriod>();
    }
}
