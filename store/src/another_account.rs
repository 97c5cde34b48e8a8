//! The provider gives another account for a payout that its bank refused: refund and new request in one transaction.
//!
//! Guarantee: either the old payout is refunded and the new one exists with its money reserved, or nothing happened at all. The
//! refund is judged as an admin's is: the payout needs attention, and every attempt was seen to have failed just now. The new one
//! is judged as any request is, and assessed anew. A payout is replaced once. Who loses a race (an admin's retry or refund, a late
//! success, the same request twice) hears who won.
//!
//! Locks: the idempotency key, payout, attempts' facts, all four of the provider's accounts, earnings.

use chrono::{DateTime, Utc};
use domain::{BankAccountId, PayoutEvent, PayoutId, ProviderId, judge};
use serde_json::{Value, json};

use crate::{
    Actor, Conflict, Pool, Result, attempts, audit, balances, manual,
    notifications::{self, Event},
    outbox,
    payouts::{self, Asked, Key, KeyUse, Payout, RequestRefused, conflict, moved_one},
    reservations,
};

#[derive(Debug, Clone)]
pub struct AnotherAccount {
    pub payout: PayoutId,
    pub provider: ProviderId,
    pub bank_account: BankAccountId,
    pub idempotency_key: String,
    pub body_hash: [u8; 32],
}

#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// The payout that replaces the old one.
    New {
        payout: Box<Payout>,
        answer: Value,
    },
    /// The first answer under this key, as it was given.
    Again {
        answer: Value,
    },
    NotFound,
    /// It does not, or no longer, need attention.
    NotWaiting(Conflict),
    /// Why it failed is not the account's fault: somebody of the staff moves it on.
    NotTheAccount,
    /// It is the account that was refused.
    SameAccount,
    /// An attempt may still pay, or has not been seen to have failed just now.
    NotProven {
        reason: String,
    },
    /// The new request is refused, so the old payout stays as it is.
    Refused(RequestRefused),
}

/// `render` makes the answer that is stored under the key.
pub async fn give(
    pool: &Pool,
    new: &AnotherAccount,
    render: impl Fn(&Payout) -> Value + Send,
    now: DateTime<Utc>,
) -> Result<Given> {
    let mut tx = pool.begin().await?;
    let key = KeyUse { provider: new.provider, key: &new.idempotency_key, body_hash: &new.body_hash };
    match payouts::take_key(&mut tx, &key, now).await? {
        Key::Taken => {}
        Key::Answered(answer) => return Ok(Given::Again { answer }),
        Key::OtherBody => return Ok(Given::Refused(RequestRefused::KeyReused)),
        Key::UnknownProvider => return Ok(Given::Refused(RequestRefused::UnknownProvider)),
    }
    let id = new.payout;
    let Some(old) = payouts::lock(&mut tx, id).await?.filter(|old| old.provider == new.provider) else {
        return Ok(Given::NotFound);
    };
    if !manual::for_people(&old, PayoutEvent::Refund) {
        return Ok(Given::NotWaiting(conflict(&mut tx, &old).await?));
    }
    if !helps(&old) {
        return Ok(Given::NotTheAccount);
    }
    if old.bank_account == new.bank_account {
        return Ok(Given::SameAccount);
    }
    if let Err(unproven) = judge::proofs(&attempts::facts(&mut tx, id).await?, now) {
        return Ok(Given::NotProven { reason: unproven.to_string() });
    }
    // Two postings on the same accounts, and perhaps a third that takes back a debt.
    balances::lock_accounts(&mut tx, new.provider, old.amount.currency()).await?;
    let actor = Actor::provider(new.provider);
    let moved = sqlx::query!(
        "UPDATE payouts SET needs_attention = false, refunded_at = $2, refunded_by = $3, updated_at = $2
         WHERE id = $1 AND status = 'FAILED' AND needs_attention AND refunded_at IS NULL AND next_attempt_at IS NULL",
        id.uuid(),
        now,
        actor.as_str(),
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    moved_one(moved, id)?;
    reservations::refund(&mut tx, new.provider, id, old.amount, now).await?;
    let asked = Asked {
        provider: new.provider,
        bank_account: new.bank_account,
        amount: old.amount,
        replaces: Some(id),
    };
    let (replacement, payout) = match payouts::write(&mut tx, &asked, now).await? {
        Ok(written) => written,
        // Dropping the transaction takes the refund back.
        Err(refusal) => return Ok(Given::Refused(refusal)),
    };
    let reason = "the provider gave another account";
    audit::record(&mut tx, &actor, "refunded", id, Some(reason), json!({ "replaced_by": replacement }), now)
        .await?;
    let why = format!("Payout {replacement} takes its place.");
    notifications::tell(&mut tx, id, new.provider, Event::Replaced, old.amount, Some(&why), now).await?;
    outbox::signal(&mut tx, id, "manual_action", None, now).await?;
    let answer = render(&payout);
    payouts::keep_answer(&mut tx, &key, replacement, &answer).await?;
    tx.commit().await?;
    Ok(Given::New { payout: Box::new(payout), answer })
}

/// Whether another account may mend what the payout failed for.
pub(crate) fn helps(payout: &Payout) -> bool {
    payout.failure_code.is_some_and(domain::FailureCode::another_account_helps)
}

/// The payout that replaced this one, where one did.
pub async fn replacement(pool: &Pool, payout: PayoutId) -> Result<Option<PayoutId>> {
    let found = sqlx::query_scalar!("SELECT id FROM payouts WHERE replaces = $1", payout.uuid())
        .fetch_optional(pool)
        .await?;
    Ok(found.map(PayoutId::from_uuid))
}

/// The payout that this one replaced, where it did.
pub async fn replaced(pool: &Pool, payout: PayoutId) -> Result<Option<PayoutId>> {
    let found = sqlx::query_scalar!("SELECT replaces FROM payouts WHERE id = $1", payout.uuid())
        .fetch_optional(pool)
        .await?;
    Ok(found.flatten().map(PayoutId::from_uuid))
}
