//! What the risk rules look at, read in one statement whose cost does not grow with a provider's history.
//!
//! Fails closed: whatever cannot be read or understood leaves facts about which nothing is known, and the payout goes to people.
//! Only a lost connection is an error: then nothing was decided, and the step is tried again.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Assessment, Currency, RiskFacts, RiskPolicy, RiskPolicyId, RiskRules, assess,
    risk::{
        FACTS_VERSION, Fact, FailedDay, FailuresOn, assess_without_facts, assess_without_policy,
        compare_names,
    },
};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use crate::{Error, Result, payouts::Payout};

/// A policy as the rules take it.
pub(crate) struct Stored {
    pub(crate) id: RiskPolicyId,
    pub(crate) policy: RiskPolicy,
}

impl Stored {
    pub(crate) fn read(id: uuid::Uuid, currency: Currency, version: i32, rules: Value) -> Result<Self> {
        let rules: RiskRules = serde_json::from_value(rules).map_err(Error::corrupt)?;
        let policy = RiskPolicy { version: version_name(currency, version), currency, rules };
        Ok(Self { id: RiskPolicyId::from_uuid(id), policy })
    }
}

/// How assessments name a version.
pub(crate) fn version_name(currency: Currency, version: i32) -> String {
    format!("{currency}-{version}")
}

/// What was read for one payout.
pub(super) struct Gathered {
    pub(super) facts: RiskFacts,
    pub(super) active: Option<Stored>,
    pub(super) shadow: Option<Stored>,
    readable: bool,
}

impl Gathered {
    pub(super) fn assess(&self) -> Assessment {
        match &self.active {
            Some(active) => assess(&active.policy, &self.facts),
            None if self.readable => assess_without_policy(&self.facts),
            None => assess_without_facts(&self.facts),
        }
    }
}

/// Three statements: a savepoint, the facts, and its release.
pub(super) async fn gather(conn: &mut PgConnection, payout: &Payout, now: DateTime<Utc>) -> Result<Gathered> {
    let mut attempt = conn.begin().await?;
    match read(&mut attempt, payout, now).await {
        Ok(gathered) => {
            attempt.commit().await?;
            Ok(gathered)
        }
        Err(error) => {
            // Without a connection this fails too, and the step is tried again.
            attempt.rollback().await?;
            let cause: &dyn std::error::Error = &error;
            tracing::error!(
                payout.id = %payout.id,
                error = cause,
                "the facts about payout {} could not be read: a person has to look at it", payout.id
            );
            let facts = RiskFacts::unknown(payout.amount, now);
            Ok(Gathered { facts, active: None, shadow: None, readable: false })
        }
    }
}

async fn read(conn: &mut PgConnection, payout: &Payout, now: DateTime<Utc>) -> Result<Gathered> {
    let currency = payout.amount.currency();
    let seen = sqlx::query_file!(
        "src/assessments/facts.sql",
        payout.provider.uuid(),
        payout.bank_account.uuid(),
        currency.code(),
        now,
    )
    .fetch_one(conn)
    .await?;
    let facts = RiskFacts {
        version: FACTS_VERSION,
        amount: payout.amount,
        observed_at: now,
        provider_verified: Fact::Known(seen.verified),
        provider_suspended: Fact::Known(seen.provider_status != "ACTIVE"),
        provider_since: Fact::Known(seen.provider_since),
        successful_payouts: Fact::Known(count(seen.successful)),
        average_paid: Fact::Known(seen.average_paid),
        failed_by_day: Fact::Known(failures(seen.failed_days, seen.failed)),
        bank_changed_at: Fact::Known(seen.bank_changed_at),
        other_providers_on_account: Fact::Known(count(seen.other_providers)),
        account_name: Fact::Known(compare_names(&seen.display_name, &seen.account_name)),
        requests_last_day: Fact::Known(count(seen.last_day)),
        sum_last_day: Fact::Known(seen.sum_last_day),
        requests_last_week: Fact::Known(count(seen.last_week)),
        sum_last_week: Fact::Known(seen.sum_last_week),
        requests_in_baseline: Fact::Known(count(seen.baseline)),
        sum_in_baseline: Fact::Known(seen.sum_in_baseline),
    };
    let active = match (seen.active_id, seen.active_version, seen.active_rules) {
        (Some(id), Some(version), Some(rules)) => Some(Stored::read(id, currency, version, rules)?),
        (_, _, _) => None,
    };
    let shadow = match (seen.shadow_id, seen.shadow_version, seen.shadow_rules) {
        (Some(id), Some(version), Some(rules)) => shadow(id, currency, version, rules),
        (_, _, _) => None,
    };
    Ok(Gathered { facts, active, shadow, readable: true })
}

/// A shadow that cannot be read decides nothing and stops nothing.
fn shadow(id: uuid::Uuid, currency: Currency, version: i32, rules: Value) -> Option<Stored> {
    Stored::read(id, currency, version, rules)
        .inspect_err(|error| tracing::error!("risk policy {id} cannot be read and is not tried: {error}"))
        .ok()
}

fn count(counted: i64) -> u32 {
    u32::try_from(counted).unwrap_or(u32::MAX)
}

fn failures(days: Option<Vec<NaiveDate>>, failed: Option<Vec<i32>>) -> FailuresOn {
    let failed = failed.unwrap_or_default();
    let days = days.unwrap_or_default().into_iter().zip(failed);
    days.map(|(day, failed)| FailedDay { day, payouts: u32::try_from(failed).unwrap_or(u32::MAX) }).collect()
}
