//! Someone the marketplace owes money, pushed in by the marketplace under its own id.

use chrono::{DateTime, Utc};
use domain::ProviderId;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{Actor, Error, Pool, Result, audit};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderStatus {
    Active,
    Suspended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub id: ProviderId,
    pub external_id: String,
    pub display_name: String,
    pub email: Option<String>,
    pub verified: bool,
    pub status: ProviderStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What the marketplace tells about a provider; telling it again changes the provider.
#[derive(Debug, Clone)]
pub struct NewProvider {
    pub external_id: String,
    pub display_name: String,
    pub email: Option<String>,
    pub verified: bool,
    pub suspended: bool,
}

pub(crate) struct Row {
    pub(crate) id: uuid::Uuid,
    pub(crate) external_id: String,
    pub(crate) display_name: String,
    pub(crate) email: Option<String>,
    pub(crate) verified: bool,
    pub(crate) status: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Provider {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let status = match row.status.as_str() {
            "ACTIVE" => ProviderStatus::Active,
            "SUSPENDED" => ProviderStatus::Suspended,
            other => return Err(Error::corrupt(format!("provider status {other}"))),
        };
        Ok(Self {
            id: ProviderId::from_uuid(row.id),
            external_id: row.external_id,
            display_name: row.display_name,
            email: row.email,
            verified: row.verified,
            status,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Makes or changes the provider of this external id. Answers whether it is new. A suspension that staff ordered stands whatever
/// the marketplace says ([`crate::suspensions`]).
pub async fn upsert(
    pool: &Pool,
    new: &NewProvider,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(Provider, bool)> {
    let mut tx = pool.begin().await?;
    let minted = ProviderId::mint();
    let before = sqlx::query_as!(
        Row,
        "SELECT id, external_id, display_name, email, verified, status, created_at, updated_at FROM providers
         WHERE external_id = $1 FOR UPDATE",
        new.external_id,
    )
    .fetch_optional(&mut *tx)
    .await?
    .map(Provider::try_from)
    .transpose()?;
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO providers
             (id, external_id, display_name, email, verified, status, suspended_by_marketplace, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::boolean THEN 'SUSPENDED' ELSE 'ACTIVE' END, $6, $7, $7)
         ON CONFLICT (external_id) DO UPDATE SET
             display_name = excluded.display_name, email = excluded.email, verified = excluded.verified,
             status = CASE WHEN $6::boolean OR providers.suspended_at IS NOT NULL THEN 'SUSPENDED' ELSE 'ACTIVE' END,
             suspended_by_marketplace = excluded.suspended_by_marketplace, updated_at = excluded.updated_at
         RETURNING id, external_id, display_name, email, verified, status, created_at, updated_at",
        minted.uuid(),
        new.external_id,
        new.display_name,
        new.email,
        new.verified,
        new.suspended,
        now,
    )
    .fetch_one(&mut *tx)
    .await?;
    let provider = Provider::try_from(row)?;
    let is_new = provider.id == minted;
    let changed = before.map(|before| changes(&before, &provider));
    let detail = json!({ "verified": provider.verified, "suspended": new.suspended, "changed": changed });
    let action = if is_new { "provider_added" } else { "provider_changed" };
    audit::record_subject(&mut tx, actor, action, &provider.id.to_string(), detail, now).await?;
    tx.commit().await?;
    Ok((provider, is_new))
}

/// What reviewers ask about: each with before and after. That an email changed is told without it.
fn changes(before: &Provider, after: &Provider) -> Value {
    let mut changed = serde_json::Map::new();
    if before.display_name != after.display_name {
        changed.insert("name".to_owned(), json!([before.display_name, after.display_name]));
    }
    if before.verified != after.verified {
        changed.insert("verified".to_owned(), json!([before.verified, after.verified]));
    }
    if before.status != after.status {
        let suspended = |provider: &Provider| provider.status == ProviderStatus::Suspended;
        changed.insert("suspended".to_owned(), json!([suspended(before), suspended(after)]));
    }
    if before.email != after.email {
        changed.insert("email".to_owned(), json!(true));
    }
    Value::Object(changed)
}

pub async fn get(pool: &Pool, id: ProviderId) -> Result<Option<Provider>> {
    sqlx::query_as!(
        Row,
        "SELECT id, external_id, display_name, email, verified, status, created_at, updated_at FROM providers WHERE id = $1",
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(Provider::try_from)
    .transpose()
}

pub async fn by_external_id(pool: &Pool, external_id: &str) -> Result<Option<Provider>> {
    sqlx::query_as!(
        Row,
        "SELECT id, external_id, display_name, email, verified, status, created_at, updated_at FROM providers WHERE external_id = $1",
        external_id
    )
    .fetch_optional(pool)
    .await?
    .map(Provider::try_from)
    .transpose()
}

/// Serialises changes that must be judged against all of a provider's rows (their accounts, say).
pub(crate) async fn lock(conn: &mut PgConnection, id: ProviderId) -> Result<bool> {
    let found = sqlx::query_scalar!("SELECT id FROM providers WHERE id = $1 FOR NO KEY UPDATE", id.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}
