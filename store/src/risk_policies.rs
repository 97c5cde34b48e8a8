//! The risk rules' thresholds as data: versions per currency, of which one is in force.
//!
//! A version never changes. One admin proposes it, another activates it; activation retires the one before in the same
//! transaction, behind an advisory lock that assessments share: once it has answered, no assessment goes by the old policy.
//! Nothing is cached anywhere. Retiring the active policy without another needs one person only, because it lets nothing
//! through: without a policy every payout of the currency goes to people.

use chrono::{DateTime, Utc};
use domain::{
    Currency, Finding, Money, PayoutId, PayoutStatus, RiskFacts, RiskPolicy, RiskPolicyId, RiskRules, Route,
    assess,
};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Actor, Error, Pool, Result,
    assessments::facts::version_name,
    audit,
    payouts::{money, route},
    text::storable,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Proposed.
    Draft,
    /// Tried beside the active one.
    Shadow,
    /// In force.
    Active,
    /// Replaced or withdrawn.
    Retired,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Draft, Self::Shadow, Self::Active, Self::Retired];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Shadow => "SHADOW",
            Self::Active => "ACTIVE",
            Self::Retired => "RETIRED",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| Error::corrupt(format!("risk policy status {text}")))
    }
}

/// One version of the rules for one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub id: RiskPolicyId,
    pub currency: Currency,
    pub number: i32,
    pub status: Status,
    pub rules: RiskRules,
    /// Why it was proposed.
    pub reason: String,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
    pub activated_by: Option<String>,
    pub activated_at: Option<DateTime<Utc>>,
    pub retired_by: Option<String>,
    pub retired_at: Option<DateTime<Utc>>,
}

impl Policy {
    /// As assessments name it.
    pub fn version(&self) -> String {
        version_name(self.currency, self.number)
    }

    /// As the rules take it.
    pub fn terms(&self) -> RiskPolicy {
        RiskPolicy { version: self.version(), currency: self.currency, rules: self.rules }
    }
}

struct Row {
    id: uuid::Uuid,
    currency: String,
    version: i32,
    status: String,
    rules: serde_json::Value,
    reason: String,
    proposed_by: String,
    proposed_at: DateTime<Utc>,
    activated_by: Option<String>,
    activated_at: Option<DateTime<Utc>>,
    retired_by: Option<String>,
    retired_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Policy {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: RiskPolicyId::from_uuid(row.id),
            currency: row.currency.parse().map_err(Error::corrupt)?,
            number: row.version,
            status: Status::parse(&row.status)?,
            rules: serde_json::from_value(row.rules).map_err(Error::corrupt)?,
            reason: row.reason,
            proposed_by: row.proposed_by,
            proposed_at: row.proposed_at,
            activated_by: row.activated_by,
            activated_at: row.activated_at,
            retired_by: row.retired_by,
            retired_at: row.retired_at,
        })
    }
}

/// What became of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    Done(Box<Policy>),
    /// It stands there already.
    Again(Box<Policy>),
    NotFound,
    /// Who proposed it cannot put it in force.
    SamePerson,
    /// From where it stands there is no such move.
    NotFrom(Status),
}

/// Writes down a version of the rules, which changes nothing yet. The thresholds have been checked (`RiskRules::check`).
pub async fn propose(
    pool: &Pool,
    currency: Currency,
    rules: &RiskRules,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Policy> {
    let mut tx = pool.begin().await?;
    lock(&mut tx, currency).await?;
    let reason = storable(reason);
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO risk_policies (id, currency, version, rules, reason, proposed_by, proposed_at)
         SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6 FROM risk_policies WHERE currency = $2
         RETURNING id, currency, version, status, rules, reason, proposed_by, proposed_at, activated_by, activated_at, retired_by,
                   retired_at",
        RiskPolicyId::mint().uuid(),
        currency.code(),
        serde_json::to_value(rules).map_err(Error::corrupt)?,
        reason.as_ref(),
        actor.as_str(),
        now,
    )
    .fetch_one(&mut *tx)
    .await?;
    let policy = Policy::try_from(row)?;
    record(&mut tx, actor, "risk_policy_proposed", &policy, now).await?;
    tx.commit().await?;
    Ok(policy)
}

/// Puts a proposed policy in force, instead of the active one of its currency.
pub async fn activate(pool: &Pool, id: RiskPolicyId, actor: &Actor, now: DateTime<Utc>) -> Result<Moved> {
    let mut tx = pool.begin().await?;
    let Some(policy) = lock_policy(&mut tx, id).await? else { return Ok(Moved::NotFound) };
    match policy.status {
        Status::Active => return Ok(Moved::Again(Box::new(policy))),
        Status::Retired => return Ok(Moved::NotFrom(Status::Retired)),
        Status::Draft | Status::Shadow => {}
    }
    if policy.proposed_by == actor.as_str() {
        return Ok(Moved::SamePerson);
    }
    let replaced = sqlx::query_scalar!(
        "UPDATE risk_policies SET status = 'RETIRED', retired_by = $2, retired_at = $3
         WHERE currency = $1 AND status = 'ACTIVE' RETURNING version",
        policy.currency.code(),
        actor.as_str(),
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let moved = sqlx::query!(
        "UPDATE risk_policies SET status = 'ACTIVE', activated_by = $2, activated_at = $3
         WHERE id = $1 AND status IN ('DRAFT', 'SHADOW')",
        id.uuid(),
        actor.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    let detail = json!({
        "version": policy.version(),
        "instead_of": replaced.map(|number| version_name(policy.currency, number)),
        "proposed_by": policy.proposed_by,
    });
    audit::record_subject(&mut tx, actor, "risk_policy_activated", &id.to_string(), detail, now).await?;
    finish(tx, id).await
}

/// Tries a proposed policy beside the active one from now on, instead of the one that was tried so far.
pub async fn shadow(pool: &Pool, id: RiskPolicyId, actor: &Actor, now: DateTime<Utc>) -> Result<Moved> {
    let mut tx = pool.begin().await?;
    let Some(policy) = lock_policy(&mut tx, id).await? else { return Ok(Moved::NotFound) };
    match policy.status {
        Status::Shadow => return Ok(Moved::Again(Box::new(policy))),
        Status::Active | Status::Retired => return Ok(Moved::NotFrom(policy.status)),
        Status::Draft => {}
    }
    sqlx::query!(
        "UPDATE risk_policies SET status = 'DRAFT' WHERE currency = $1 AND status = 'SHADOW'",
        policy.currency.code(),
    )
    .execute(&mut *tx)
    .await?;
    let moved = sqlx::query!(
        "UPDATE risk_policies SET status = 'SHADOW' WHERE id = $1 AND status = 'DRAFT'",
        id.uuid()
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    record(&mut tx, actor, "risk_policy_shadowed", &policy, now).await?;
    finish(tx, id).await
}

/// Takes a policy out: a proposal, a shadow, or the one in force, without which every payout of the currency goes to people.
pub async fn retire(pool: &Pool, id: RiskPolicyId, actor: &Actor, now: DateTime<Utc>) -> Result<Moved> {
    let mut tx = pool.begin().await?;
    let Some(policy) = lock_policy(&mut tx, id).await? else { return Ok(Moved::NotFound) };
    match policy.status {
        Status::Retired => return Ok(Moved::Again(Box::new(policy))),
        Status::Draft | Status::Shadow | Status::Active => {}
    }
    let moved = sqlx::query!(
        "UPDATE risk_policies SET status = 'RETIRED', retired_by = $2, retired_at = $3 WHERE id = $1 AND status <> 'RETIRED'",
        id.uuid(),
        actor.as_str(),
        now,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    record(&mut tx, actor, "risk_policy_retired", &policy, now).await?;
    finish(tx, id).await
}

fn moved_one(rows: u64, id: RiskPolicyId) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::corrupt(format!("risk policy {id} moved although it was locked")))
    }
}

async fn finish(mut tx: sqlx::PgTransaction<'_>, id: RiskPolicyId) -> Result<Moved> {
    let policy = get_in(&mut tx, id).await?.ok_or_else(|| Error::corrupt(format!("no risk policy {id}")))?;
    tx.commit().await?;
    Ok(Moved::Done(Box::new(policy)))
}

async fn record(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Result<()> {
    let detail =
        json!({ "version": policy.version(), "from": policy.status.as_str(), "reason": policy.reason });
    audit::record_subject(conn, actor, action, &policy.id.to_string(), detail, now).await
}

/// Waits for the assessments that are under way in this currency, and holds off new ones until the transaction ends.
async fn lock(conn: &mut PgConnection, currency: Currency) -> Result<()> {
    sqlx::query_scalar!(
        r#"SELECT pg_advisory_xact_lock(hashtextextended('risk policy ' || $1, 0)) AS "lock: ()""#,
        currency.code(),
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// The policy as it stands once nobody else changes or reads those of its currency.
async fn lock_policy(conn: &mut PgConnection, id: RiskPolicyId) -> Result<Option<Policy>> {
    match get_in(conn, id).await? {
        None => Ok(None),
        Some(policy) => {
            lock(conn, policy.currency).await?;
            get_in(conn, id).await
        }
    }
}

async fn get_in(conn: &mut PgConnection, id: RiskPolicyId) -> Result<Option<Policy>> {
    sqlx::query_as!(
        Row,
        "SELECT id, currency, version, status, rules, reason, proposed_by, proposed_at, activated_by, activated_at, retired_by,
                retired_at
         FROM risk_policies WHERE id = $1",
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Policy::try_from)
    .transpose()
}

pub async fn get(pool: &Pool, id: RiskPolicyId) -> Result<Option<Policy>> {
    get_in(&mut *pool.acquire().await?, id).await
}

/// The one in force.
pub async fn active(pool: &Pool, currency: Currency) -> Result<Option<Policy>> {
    sqlx::query_as!(
        Row,
        "SELECT id, currency, version, status, rules, reason, proposed_by, proposed_at, activated_by, activated_at, retired_by,
                retired_at
         FROM risk_policies WHERE currency = $1 AND status = 'ACTIVE'",
        currency.code(),
    )
    .fetch_optional(pool)
    .await?
    .map(Policy::try_from)
    .transpose()
}

/// Newest first, older than `before`.
pub async fn list(
    pool: &Pool,
    currency: Option<Currency>,
    status: Option<Status>,
    before: Option<RiskPolicyId>,
    limit: i64,
) -> Result<Vec<Policy>> {
    sqlx::query_as!(
        Row,
        "SELECT id, currency, version, status, rules, reason, proposed_by, proposed_at, activated_by, activated_at, retired_by,
                retired_at
         FROM risk_policies
         WHERE ($1::text IS NULL OR currency = $1) AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3)
         ORDER BY id DESC LIMIT $4",
        currency.map(Currency::code),
        status.map(Status::as_str),
        before.map(RiskPolicyId::uuid),
        limit,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Policy::try_from)
    .collect()
}

/// A payout that a shadow policy would have sent elsewhere.
#[derive(Debug, Clone)]
pub struct Disagreement {
    pub payout: PayoutId,
    pub amount: Money,
    pub status: PayoutStatus,
    /// What was made of it.
    pub was: Route,
    /// What the shadow would have made of it.
    pub would: Route,
    pub assessed_at: DateTime<Utc>,
    /// The shadow's.
    pub findings: Vec<Finding>,
}

/// Where a policy, while it was tried as a shadow, disagreed with the one in force: newest payouts first, older than `before`.
pub async fn disagreements(
    pool: &Pool,
    policy: &Policy,
    before: Option<PayoutId>,
    limit: i64,
) -> Result<Vec<Disagreement>> {
    let rows = sqlx::query!(
        "SELECT s.payout_id, s.route, s.active_route, s.assessed_at, p.amount, p.currency, p.status, a.facts
         FROM shadow_assessments s JOIN payouts p ON p.id = s.payout_id JOIN assessments a ON a.payout_id = s.payout_id
         WHERE s.policy_id = $1 AND s.route <> s.active_route AND ($2::uuid IS NULL OR s.payout_id < $2)
         ORDER BY s.payout_id DESC LIMIT $3",
        policy.id.uuid(),
        before.map(PayoutId::uuid),
        limit,
    )
    .fetch_all(pool)
    .await?;
    let terms = policy.terms();
    rows.into_iter()
        .map(|row| {
            let facts: RiskFacts = serde_json::from_value(row.facts).map_err(Error::corrupt)?;
            Ok(Disagreement {
                payout: PayoutId::from_uuid(row.payout_id),
                amount: money(row.amount, &row.currency)?,
                status: row.status.parse().map_err(Error::Corrupt)?,
                was: route(&row.active_route)?,
                would: route(&row.route)?,
                assessed_at: row.assessed_at,
                findings: assess(&terms, &facts).findings,
            })
        })
        .collect()
}
