//! A transfer under our own prefix that we have no attempt for: this database was put back to an earlier moment, and has
//! forgotten it.
//!
//! Nothing is sent from then on until an admin resumes ([`crate::installation`]). Where the payout is known, the attempt is
//! recorded as the failed and doubted one that it may be, with every one before it that is missing too, and the look that
//! follows says what it was: paid after all, failed, or on its way. As a doubted failure it stands in the way of every other
//! attempt and of a refund, and two of them can stand beside each other.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    AttemptId, AttemptNumber, BankCode, BatchId, Money, Observed, PayoutId, ProviderId, Reference,
    ReferencePrefix, Sighting, judge::REVERSAL_CONFIRMED_AFTER, reconcile::Listed,
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::difference::{Subject, about_transfer, differ_in, told};
use crate::{
    Actor, Error, Pool, Result, audit, balances,
    cases::{self, CaseKind},
    debt, installation, ledger,
    payouts::{self, Payout},
    text::storable,
};

/// What was made of a forgotten transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is an attempt of this payout again, as are those before it: they are to be looked at now.
    Recorded { payout: PayoutId, attempts: Vec<AttemptNumber> },
    /// We do not know the payout: a case, unless a person has closed it as explained.
    Unknown { case: bool },
    /// It is an attempt of ours by now.
    Known,
}

const WHY: &str = "the gateway has a transfer of this installation that its database has forgotten";

/// Claims a transfer whose reference is of this installation: `payout` and `number` are what it says.
pub async fn claim(
    pool: &Pool,
    prefix: &ReferencePrefix,
    listed: &Listed,
    payout: PayoutId,
    number: AttemptNumber,
    now: DateTime<Utc>,
) -> Result<Claim> {
    let mut tx = pool.begin().await?;
    let known = payouts::lock(&mut tx, payout).await?;
    let recorded = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts WHERE reference = $1) AS "recorded!""#,
        listed.reference.as_str()
    )
    .fetch_one(&mut *tx)
    .await?;
    if recorded {
        return Ok(Claim::Known);
    }
    let detail = json!({ "reference": listed.reference, "gateway_id": listed.gateway_id });
    // A payout that we do not know stays unknown, and is met by every run: it is found once.
    if known.is_some() || !met(&mut tx, listed).await? {
        installation::restored(&mut tx, WHY, detail, now).await?;
    }
    let claim = match known {
        Some(payout) => {
            let attempts = record(&mut tx, prefix, &payout, number, listed, now).await?;
            Claim::Recorded { payout: payout.id, attempts }
        }
        None => Claim::Unknown { case: unknown(&mut tx, listed, now).await? },
    };
    tx.commit().await?;
    Ok(claim)
}

/// Records the attempt and every missing one before it. Each is a failure that nothing confirms yet.
async fn record(
    conn: &mut PgConnection,
    prefix: &ReferencePrefix,
    payout: &Payout,
    number: AttemptNumber,
    listed: &Listed,
    now: DateTime<Utc>,
) -> Result<Vec<AttemptNumber>> {
    let batch = batch_of(conn, payout, now).await?;
    let there = sqlx::query_scalar!("SELECT number FROM attempts WHERE payout_id = $1", payout.id.uuid())
        .fetch_all(&mut *conn)
        .await?;
    let mut recorded = vec![];
    for missing in (1..=number.get()).filter_map(AttemptNumber::new) {
        if there.contains(&i16::from(missing.get())) {
            continue;
        }
        let gateway_id = listed.gateway_id.as_deref().filter(|_| missing == number).map(storable);
        let id = AttemptId::mint();
        let reference = Reference::new(prefix, payout.id, missing);
        sqlx::query!(
            "INSERT INTO attempts (id, payout_id, number, batch_id, reference, status, claimed, began_at, began_by, sends, leases,
                                   gateway_id, failure_code, failure_message, counted, failed_seen_at, doubt, doubted_at, settled_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, 'FAILED', true, $6, 'system', 1, 1, $7, 'other', $8, false, $6, 'unconfirmed', $6, $6, $6)",
            id.uuid(),
            payout.id.uuid(),
            i16::from(missing.get()),
            batch.uuid(),
            reference.as_str(),
            now,
            gateway_id.as_deref(),
            WHY,
        )
        .execute(&mut *conn)
        .await?;
        let detail = json!({ "attempt": missing, "reference": reference });
        audit::record(conn, &Actor::system(), "attempt_claimed", payout.id, Some(WHY), detail, now).await?;
        recorded.push(missing);
    }
    sqlx::query!(
        "UPDATE payouts SET attempts = greatest(attempts, $2), updated_at = $3 WHERE id = $1",
        payout.id.uuid(),
        i16::from(number.get()),
        now,
    )
    .execute(conn)
    .await?;
    Ok(recorded)
}

/// The batch that sent it is forgotten where the payout has none (any more): then one stands for it.
async fn batch_of(conn: &mut PgConnection, payout: &Payout, now: DateTime<Utc>) -> Result<BatchId> {
    if let Some(batch) = payout.batch {
        return Ok(batch);
    }
    let id = BatchId::mint();
    sqlx::query!(
        "INSERT INTO batches (id, kind, status, opened_by, opened_at, closed_at) VALUES ($1, 'RUN_NOW', 'CLOSED', 'system', $2, $2)",
        id.uuid(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// There is, or was, a case about this transfer.
async fn met(conn: &mut PgConnection, listed: &Listed) -> Result<bool> {
    let subject = about_transfer(listed.gateway_id.as_deref().unwrap_or_default());
    let met = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM cases WHERE kind = 'unknown_transfer' AND subject = $1) AS "met!""#,
        subject
    )
    .fetch_one(conn)
    .await?;
    Ok(met)
}

async fn unknown(conn: &mut PgConnection, listed: &Listed, now: DateTime<Utc>) -> Result<bool> {
    let gateway_id = listed.gateway_id.clone().unwrap_or_default();
    let sighting = sighting(&listed.observed);
    let provider = match sighting {
        Some(sighting) => only_owner(conn, sighting).await?,
        None => None,
    };
    let amount: Option<Money> = sighting.map(|sighting| sighting.amount);
    match &listed.observed {
        Observed::Succeeded(paid) => {
            came_back_by_mistake(conn, &gateway_id).await?;
            if let Some(provider) = provider {
                owe(conn, listed, &gateway_id, paid.amount, provider, now).await?;
            }
        }
        Observed::Failed(..) | Observed::Reversed(_) => {
            if came_back(conn, listed, &gateway_id, now).await? {
                return Ok(false);
            }
        }
        Observed::InFlight(_) | Observed::NotFound | Observed::Unrecognised { .. } => {}
    }
    let subject = Subject::Transfer { gateway_id: &gateway_id, of: None, amount, provider };
    let detail = told(&gateway_id, listed.reference.as_str(), word(&listed.observed));
    let summary = format!(
        "The gateway has transfer {} of a payout that this database has forgotten.",
        listed.reference
    );
    Ok(differ_in(conn, subject, &summary, detail, now).await?.is_some())
}

/// What a provider was paid and we have forgotten is owed back, once, so that it cannot be asked for again.
async fn owe(
    conn: &mut PgConnection,
    listed: &Listed,
    gateway_id: &str,
    amount: Money,
    provider: ProviderId,
    now: DateTime<Utc>,
) -> Result<()> {
    if gateway_id.is_empty() || amount.positive().is_err() {
        return Ok(());
    }
    let gateway_id = storable(gateway_id);
    let claimed = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM claimed_transfers WHERE gateway_id = $1) AS "claimed!""#,
        gateway_id.as_ref()
    )
    .fetch_one(&mut *conn)
    .await?;
    if claimed {
        return Ok(());
    }
    ledger::open_accounts(conn, provider, amount.currency()).await?;
    // Whoever adds to a debt holds the provider's accounts.
    balances::lock_accounts(conn, provider, amount.currency()).await?;
    let posting = ledger::forgotten(conn, provider, gateway_id.as_ref(), amount, now).await?;
    sqlx::query!(
        "INSERT INTO claimed_transfers (gateway_id, reference, provider_id, posting_id, amount, currency, claimed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        gateway_id.as_ref(),
        listed.reference.as_str(),
        provider.uuid(),
        posting.uuid(),
        amount.amount(),
        amount.currency().code(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    let cause = format!("overpaid:transfer:{gateway_id}");
    debt::recover(conn, provider, amount.currency(), &cause, None, now).await?;
    let subject = format!("provider:{provider}");
    let detail = json!({ "reference": listed.reference, "amount": amount.to_string() });
    audit::record_subject(conn, &Actor::system(), "forgotten_transfer_owed", &subject, detail, now).await
}

/// What had been booked as owed is called failed or reversed: given back when the gateway still says so a day later, like any
/// transfer that paid ([`crate::attempts`]). `true`: nothing is owed for it any more, and its case is closed.
async fn came_back(
    conn: &mut PgConnection,
    listed: &Listed,
    gateway_id: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let gateway_id = storable(gateway_id);
    let owed = sqlx::query!(
        r#"SELECT c.provider_id AS "provider_id!", c.amount, c.currency, r.seen_at AS "seen_at?", r.posting_id AS "posting_id?"
           FROM claimed_transfers c LEFT JOIN claimed_returns r ON r.gateway_id = c.gateway_id
           WHERE c.gateway_id = $1 AND c.provider_id IS NOT NULL"#,
        gateway_id.as_ref()
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(owed) = owed else { return Ok(false) };
    if owed.posting_id.is_some() {
        return Ok(true);
    }
    let Some(seen) = owed.seen_at else {
        sqlx::query!(
            "INSERT INTO claimed_returns (gateway_id, seen_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            gateway_id.as_ref(),
            now
        )
        .execute(conn)
        .await?;
        return Ok(false);
    };
    if now.signed_duration_since(seen) < REVERSAL_CONFIRMED_AFTER {
        return Ok(false);
    }
    let (provider, amount) =
        (ProviderId::from_uuid(owed.provider_id), payouts::money(owed.amount, &owed.currency)?);
    let accounts = balances::lock_accounts(conn, provider, amount.currency()).await?;
    let forgiven = amount.least(accounts.owed).map_err(Error::corrupt)?;
    let given_back = amount.checked_sub(forgiven).map_err(Error::corrupt)?;
    let posting =
        ledger::forgotten_reversed(conn, provider, &gateway_id, amount, (forgiven, given_back), now).await?;
    debt::give_back(conn, provider, given_back, posting).await?;
    let booked = sqlx::query!(
        "UPDATE claimed_returns SET posting_id = $2 WHERE gateway_id = $1 AND posting_id IS NULL",
        gateway_id.as_ref(),
        posting.uuid()
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if booked != 1 {
        return Err(Error::corrupt(format!("transfer {gateway_id} came back twice")));
    }
    let words = "The gateway still says so a day later: the money came back, and nothing is owed for it.";
    cases::heal(conn, CaseKind::UnknownTransfer, &about_transfer(&gateway_id), words, now).await?;
    let subject = format!("provider:{provider}");
    let detail = json!({ "reference": listed.reference, "amount": amount.to_string() });
    audit::record_subject(conn, &Actor::system(), "forgotten_transfer_returned", &subject, detail, now)
        .await?;
    Ok(true)
}

/// The gateway says again that it paid. What was given back on its word is a person's to settle: the case says paid.
async fn came_back_by_mistake(conn: &mut PgConnection, gateway_id: &str) -> Result<()> {
    let gateway_id = storable(gateway_id);
    sqlx::query!(
        "DELETE FROM claimed_returns WHERE gateway_id = $1 AND posting_id IS NULL",
        gateway_id.as_ref()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The one provider that this account belongs to, if it is one.
async fn only_owner(conn: &mut PgConnection, sighting: &Sighting) -> Result<Option<ProviderId>> {
    let account = storable(&sighting.account);
    let owners = sqlx::query!(
        "SELECT DISTINCT provider_id, bank_code FROM bank_accounts WHERE account_number = $1",
        account.as_ref(),
    )
    .fetch_all(conn)
    .await?;
    let mut of_this_bank: BTreeSet<Uuid> = BTreeSet::new();
    for owner in owners {
        let bank: BankCode = owner.bank_code.parse().map_err(Error::corrupt)?;
        if bank.is_told_as(&sighting.bank) {
            of_this_bank.insert(owner.provider_id);
        }
    }
    match of_this_bank.pop_first() {
        Some(only) if of_this_bank.is_empty() => Ok(Some(ProviderId::from_uuid(only))),
        Some(_) | None => Ok(None),
    }
}

fn sighting(observed: &Observed) -> Option<&Sighting> {
    match observed {
        Observed::InFlight(sighting)
        | Observed::Succeeded(sighting)
        | Observed::Failed(sighting, _)
        | Observed::Reversed(sighting) => Some(sighting),
        Observed::NotFound | Observed::Unrecognised { .. } => None,
    }
}

/// A status for evidence.
pub(super) fn word(observed: &Observed) -> &'static str {
    match observed {
        Observed::InFlight(_) => "in_flight",
        Observed::Succeeded(_) => "succeeded",
        Observed::Failed(..) => "failed",
        Observed::Reversed(_) => "reversed",
        Observed::NotFound => "not_found",
        Observed::Unrecognised { .. } => "unrecognised",
    }
}
