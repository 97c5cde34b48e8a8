//! The money check: do the books add up?
//!
//! Every check answers what is wrong in words, nothing when all is right. They read the whole ledger at one moment: for a
//! scheduled check and for tests, not for a request.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{Pool, Result};

/// Differences found; all empty when the books are right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub postings: i64,
    pub providers: i64,
    pub payouts: i64,
    /// What is wrong, in words.
    pub findings: Vec<String>,
}

/// Checks everything: postings balance; kept balances equal their entries; per provider the identity of earnings and balances;
/// every earning agrees with its allocations; every payout with its allocations, its postings and its attempts.
pub async fn verify(pool: &Pool) -> Result<Verdict> {
    let mut tx = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    // A whole ledger takes longer than a request may.
    sqlx::query("SET LOCAL statement_timeout = '5min'").execute(&mut *tx).await?;
    let mut findings = postings_balance(&mut tx).await?;
    findings.extend(balances_equal_entries(&mut tx).await?);
    findings.extend(balances_equal_earnings(&mut tx).await?);
    findings.extend(earnings_equal_allocations(&mut tx).await?);
    findings.extend(payouts_have_their_money(&mut tx).await?);
    findings.extend(payouts_have_their_fee(&mut tx).await?);
    findings.extend(payouts_have_their_attempts(&mut tx).await?);
    let counts = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM postings) AS "postings!", (SELECT count(*) FROM providers) AS "providers!",
                  (SELECT count(*) FROM payouts) AS "payouts!""#
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Verdict { postings: counts.postings, providers: counts.providers, payouts: counts.payouts, findings })
}

async fn postings_balance(conn: &mut PgConnection) -> Result<Vec<String>> {
    let unbalanced = sqlx::query!(
        r#"SELECT e.posting_id, a.currency, sum(e.amount) AS "sum!" FROM entries e JOIN ledger_accounts a ON a.id = e.account_id
           GROUP BY e.posting_id, a.currency HAVING sum(e.amount) <> 0"#
    )
    .fetch_all(conn)
    .await?;
    Ok(unbalanced
        .iter()
        .map(|row| format!("posting {} is off by {} {}", row.posting_id, row.sum, row.currency))
        .collect())
}

async fn balances_equal_entries(conn: &mut PgConnection) -> Result<Vec<String>> {
    let drifted = sqlx::query!(
        r#"SELECT a.kind AS "kind!", a.provider_id AS "provider_id!", a.balance AS "balance!", coalesce(e.sum, 0) AS "sum!"
           FROM ledger_accounts a
           LEFT JOIN (SELECT account_id, sum(amount) AS sum FROM entries GROUP BY account_id) e ON e.account_id = a.id
           WHERE a.balance <> coalesce(e.sum, 0)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(drifted
        .iter()
        .map(|row| {
            format!(
                "{} of provider {} says {}, its entries say {}",
                row.kind, row.provider_id, row.balance, row.sum
            )
        })
        .collect())
}

/// `available + reserved + paid_out − debt = earned`, and reserved and paid out against what the earnings say.
async fn balances_equal_earnings(conn: &mut PgConnection) -> Result<Vec<String>> {
    let rows = sqlx::query!(
        r#"SELECT a.provider_id AS "provider_id!", a.currency AS "currency!", a.held AS "held!", a.reserved AS "reserved!", a.paid_out AS "paid_out!",
                  coalesce(e.earned, 0) AS "earned!", coalesce(e.allocated - e.paid, 0) AS "allocated!", coalesce(e.paid, 0) AS "paid!"
           FROM (SELECT provider_id, currency, sum(balance) AS held,
                        sum(balance) FILTER (WHERE kind = 'provider_reserved') AS reserved,
                        sum(balance) FILTER (WHERE kind = 'provider_paid_out') AS paid_out
                 FROM ledger_accounts WHERE provider_id IS NOT NULL GROUP BY provider_id, currency) a
           LEFT JOIN (SELECT provider_id, currency, sum(amount) AS earned, sum(allocated) AS allocated, sum(paid) AS paid
                      FROM earnings GROUP BY provider_id, currency) e
             ON e.provider_id = a.provider_id AND e.currency = a.currency"#
    )
    .fetch_all(conn)
    .await?;
    let mut findings = Vec::new();
    for row in &rows {
        let mut differ = |what: &str, left: Decimal, right: Decimal| {
            if left != right {
                findings.push(format!(
                    "provider {} {}: {what}: {left} against {right}",
                    row.provider_id, row.currency
                ));
            }
        };
        differ("balances against earnings", row.held, row.earned);
        differ("reserved against earnings", row.reserved, row.allocated);
        differ("paid out against earnings", row.paid_out, row.paid);
    }
    Ok(findings)
}

async fn earnings_equal_allocations(conn: &mut PgConnection) -> Result<Vec<String>> {
    let earnings = sqlx::query!(
        r#"SELECT e.id AS "id!", e.allocated AS "allocated!", e.paid AS "paid!", coalesce(l.allocated, 0) AS "rows!", coalesce(l.paid, 0) AS "rows_paid!"
           FROM earnings e
           LEFT JOIN (SELECT earning_id, sum(amount) FILTER (WHERE state IN ('RESERVED', 'PAID')) AS allocated,
                             sum(amount) FILTER (WHERE state = 'PAID') AS paid
                      FROM allocations GROUP BY earning_id) l ON l.earning_id = e.id
           WHERE (e.allocated, e.paid) <> (coalesce(l.allocated, 0), coalesce(l.paid, 0))"#
    )
    .fetch_all(conn)
    .await?;
    Ok(earnings
        .iter()
        .map(|row| {
            format!(
                "earning {} says {} allocated and {} paid, its allocations say {} and {}",
                row.id, row.allocated, row.paid, row.rows, row.rows_paid
            )
        })
        .collect())
}

/// The allocations of a payout are in the state that its status says, whole and from its own provider's earnings in its own
/// currency; its postings moved its amount, once, from where to where its status says.
async fn payouts_have_their_money(conn: &mut PgConnection) -> Result<Vec<String>> {
    let payouts = sqlx::query!(
        r#"SELECT p.id AS "id!", p.status AS "status!" FROM payouts p
           LEFT JOIN (SELECT l.payout_id,
                             coalesce(sum(l.amount) FILTER (WHERE l.state = 'RESERVED'), 0) AS reserved,
                             coalesce(sum(l.amount) FILTER (WHERE l.state = 'PAID'), 0) AS paid,
                             coalesce(sum(l.amount) FILTER (WHERE l.state = 'REFUNDED'), 0) AS refunded,
                             coalesce(sum(l.amount) FILTER (WHERE l.state = 'RETURNED'), 0) AS returned,
                             bool_or(e.provider_id <> q.provider_id OR e.currency <> q.currency) AS foreign_earning
                      FROM allocations l JOIN payouts q ON q.id = l.payout_id JOIN earnings e ON e.id = l.earning_id
                      GROUP BY l.payout_id) l ON l.payout_id = p.id
           LEFT JOIN (SELECT g.payout_id, count(DISTINCT g.id) FILTER (WHERE g.kind = 'reserved') AS reserved,
                             count(DISTINCT g.id) FILTER (WHERE g.kind = 'paid') AS paid,
                             count(DISTINCT g.id) FILTER (WHERE g.kind = 'refunded') AS refunded,
                             coalesce(sum(e.amount) FILTER (WHERE a.kind = 'provider_reserved'), 0) AS held
                      FROM postings g JOIN entries e ON e.posting_id = g.id JOIN ledger_accounts a ON a.id = e.account_id
                      WHERE g.payout_id IS NOT NULL GROUP BY g.payout_id) g ON g.payout_id = p.id
           WHERE l.foreign_earning IS DISTINCT FROM false OR (CASE
               WHEN p.status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (p.status = 'FAILED' AND p.refunded_at IS NULL)
                   THEN (l.reserved, l.paid, l.refunded, l.returned) = (p.amount, 0, 0, 0)
                        AND (g.reserved, g.paid, g.refunded, g.held) = (1, 0, 0, p.amount)
               WHEN p.status = 'COMPLETED'
                   THEN (l.reserved, l.paid, l.refunded, l.returned) = (0, p.amount, 0, 0)
                        AND (g.reserved, g.paid, g.refunded, g.held) = (1, 1, 0, 0)
               WHEN p.status IN ('REJECTED', 'CANCELLED', 'FAILED')
                   THEN (l.reserved, l.paid, l.refunded, l.returned) = (0, 0, p.amount, 0)
                        AND (g.reserved, g.paid, g.refunded, g.held) = (1, 0, 1, 0)
               ELSE (l.reserved, l.paid, l.refunded, l.returned) = (0, 0, 0, p.amount)
                    AND (g.reserved, g.paid, g.refunded, g.held) = (1, 1, 0, 0) END) IS DISTINCT FROM true"#
    )
    .fetch_all(conn)
    .await?;
    Ok(payouts
        .iter()
        .map(|row| format!("payout {} is {} but its money is elsewhere", row.id, row.status))
        .collect())
}

/// The fee that a payout tells is the fee that was booked for it.
async fn payouts_have_their_fee(conn: &mut PgConnection) -> Result<Vec<String>> {
    let payouts = sqlx::query!(
        r#"SELECT p.id AS "id!", coalesce(p.fee, 0) AS "told!", coalesce(f.booked, 0) AS "booked!" FROM payouts p
           LEFT JOIN (SELECT g.payout_id, sum(e.amount) AS booked
                      FROM postings g JOIN entries e ON e.posting_id = g.id
                      JOIN ledger_accounts a ON a.id = e.account_id AND a.kind = 'gateway_fees'
                      WHERE g.kind = 'fee' GROUP BY g.payout_id) f ON f.payout_id = p.id
           WHERE coalesce(p.fee, 0) <> coalesce(f.booked, 0)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(payouts
        .iter()
        .map(|row| format!("payout {} tells a fee of {}, {} is booked", row.id, row.told, row.booked))
        .collect())
}

/// One attempt paid a completed payout and none any other; a payout's count of attempts is their number.
async fn payouts_have_their_attempts(conn: &mut PgConnection) -> Result<Vec<String>> {
    let payouts = sqlx::query!(
        r#"SELECT p.id AS "id!", p.status AS "status!", p.attempts AS "told!", coalesce(a.made, 0) AS "made!", coalesce(a.succeeded, 0) AS "succeeded!"
           FROM payouts p
           LEFT JOIN (SELECT payout_id, count(*) AS made, count(*) FILTER (WHERE status = 'SUCCEEDED') AS succeeded
                      FROM attempts GROUP BY payout_id) a ON a.payout_id = p.id
           WHERE coalesce(a.succeeded, 0) <> CASE WHEN p.status = 'COMPLETED' THEN 1 ELSE 0 END OR coalesce(a.made, 0) <> p.attempts"#
    )
    .fetch_all(conn)
    .await?;
    Ok(payouts
        .iter()
        .map(|row| {
            format!(
                "payout {} is {} after {} attempts, with {} made and {} successful",
                row.id, row.status, row.told, row.made, row.succeeded
            )
        })
        .collect())
}
