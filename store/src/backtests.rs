//! What another risk policy would have made of the payouts of a period, from the facts recorded when they were assessed.
//!
//! Reads at most [`MAX_ASSESSMENTS`], newest first, [`CHUNK`] at a time, and says when that was not all. Changes nothing. About
//! 50 microseconds an assessment.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Finding, Money, PayoutId, PayoutStatus, RiskFacts, Route,
    risk::{Replayed, replay},
};
use uuid::Uuid;

use crate::{
    Error, Pool, Result,
    payouts::{money, route},
    risk_policies::Policy,
};

/// A quarter: longer than anything that is compared from one policy to the next.
pub const MAX_PERIOD: TimeDelta = TimeDelta::days(92);
/// Some two seconds of work.
pub const MAX_ASSESSMENTS: usize = 20_000;
/// Rows in memory at once.
const CHUNK: i64 = 500;

/// How a payout ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Not yet.
    Open,
    Completed,
    /// Failed, and the money is still set aside.
    Failed,
    /// Failed, and the money is back in the balance.
    Refunded,
    Rejected,
    Cancelled,
    /// Paid, and the bank returned it.
    Reversed,
}

impl Ended {
    fn of(status: PayoutStatus, refunded: bool) -> Self {
        match status {
            PayoutStatus::Requested | PayoutStatus::Approved | PayoutStatus::Processing => Self::Open,
            PayoutStatus::Completed => Self::Completed,
            PayoutStatus::Failed if refunded => Self::Refunded,
            PayoutStatus::Failed => Self::Failed,
            PayoutStatus::Rejected => Self::Rejected,
            PayoutStatus::Cancelled => Self::Cancelled,
            PayoutStatus::Reversed => Self::Reversed,
        }
    }
}

/// Payouts and their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub payouts: u32,
    pub amount: Money,
}

impl Sum {
    fn add(&mut self, amount: Money) -> Result<()> {
        self.payouts = self.payouts.saturating_add(1);
        self.amount = self.amount.checked_add(amount).map_err(Error::corrupt)?;
        Ok(())
    }
}

/// Everything that went one way and would have gone the same or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub was: Route,
    pub would: Replayed,
    pub all: Sum,
    /// The same by how they ended.
    pub ended: Vec<(Ended, Sum)>,
}

/// A payout that would have gone another way.
#[derive(Debug, Clone)]
pub struct Example {
    pub payout: PayoutId,
    pub amount: Money,
    pub was: Route,
    pub would: Replayed,
    pub ended: Ended,
    pub assessed_at: DateTime<Utc>,
    /// What the policy says of it.
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone)]
pub struct Backtest {
    /// In the policy's currency.
    pub assessed: u32,
    /// There were more than are read at once: nothing assessed before this moment was looked at.
    pub cut_at: Option<DateTime<Utc>>,
    pub changes: Vec<Change>,
    /// Newest first.
    pub examples: Vec<Example>,
    /// There are more than were asked for: they come after this one.
    pub more_after: Option<Place>,
}

/// When a payout was assessed, and which it is: where a page of examples ended.
pub type Place = (DateTime<Utc>, PayoutId);

/// How many payouts that would have gone another way are told one by one, and after which.
#[derive(Debug, Clone, Copy)]
pub struct Examples {
    pub most: usize,
    pub after: Option<Place>,
}

type Tally = BTreeMap<(Route, Replayed), (Sum, BTreeMap<Ended, Sum>)>;

/// Replays `policy` over what was assessed from `from` until before `to`. Every page of examples replays all of it: what is
/// counted beside them is the same on each.
pub async fn run(
    pool: &Pool,
    policy: &Policy,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    examples: Examples,
) -> Result<Backtest> {
    let terms = policy.terms();
    let nothing = Sum { payouts: 0, amount: Money::zero(policy.currency) };
    let mut tally = Tally::new();
    let mut backtest =
        Backtest { assessed: 0, cut_at: None, changes: vec![], examples: vec![], more_after: None };
    let (mut place, mut read) = ((to, Uuid::nil()), 0_usize);
    loop {
        let rows = sqlx::query!(
            "SELECT a.payout_id, a.route, a.facts, a.assessed_at, p.amount, p.currency, p.status,
                    p.refunded_at IS NOT NULL AS \"refunded!\"
             FROM assessments a JOIN payouts p ON p.id = a.payout_id
             WHERE a.assessed_at >= $1 AND (a.assessed_at, a.payout_id) < ($2, $3)
             ORDER BY a.assessed_at DESC, a.payout_id DESC LIMIT $4",
            from,
            place.0,
            place.1,
            CHUNK,
        )
        .fetch_all(pool)
        .await?;
        let Some(last) = rows.last() else { break };
        if read >= MAX_ASSESSMENTS {
            backtest.cut_at = Some(place.0);
            break;
        }
        place = (last.assessed_at, last.payout_id);
        read = read.saturating_add(rows.len());
        for row in rows {
            let amount = money(row.amount, &row.currency)?;
            if amount.currency() != policy.currency {
                continue;
            }
            let was = route(&row.route)?;
            let status: PayoutStatus = row.status.parse().map_err(Error::Corrupt)?;
            let ended = Ended::of(status, row.refunded);
            // Facts that cannot be read are not known.
            let (would, findings) = match serde_json::from_value::<RiskFacts>(row.facts) {
                Ok(facts) => {
                    let (would, assessment) = replay(&terms, &facts);
                    (would, assessment.findings)
                }
                Err(_) => (Replayed::Unknown, vec![]),
            };
            backtest.assessed = backtest.assessed.saturating_add(1);
            let (all, by_end) = tally.entry((was, would)).or_insert_with(|| (nothing, BTreeMap::new()));
            all.add(amount)?;
            by_end.entry(ended).or_insert(nothing).add(amount)?;
            let (payout, assessed_at) = (PayoutId::from_uuid(row.payout_id), row.assessed_at);
            let told_before =
                examples.after.is_some_and(|(at, id)| (assessed_at, row.payout_id) >= (at, id.uuid()));
            if would.is(was) || told_before {
                continue;
            }
            if backtest.examples.len() < examples.most {
                backtest.examples.push(Example { payout, amount, was, would, ended, assessed_at, findings });
            } else if backtest.more_after.is_none() {
                backtest.more_after = backtest.examples.last().map(|last| (last.assessed_at, last.payout));
            }
        }
    }
    let changes = tally.into_iter().map(|((was, would), (all, by_end))| {
        let ended = by_end.into_iter().collect();
        Change { was, would, all, ended }
    });
    backtest.changes = changes.collect();
    Ok(backtest)
}
