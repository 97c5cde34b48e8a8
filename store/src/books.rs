//! The money check: do the books add up?

use rust_decimal::Decimal;

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

/// Checks, over everything: postings balance; kept balances equal their entries; per provider the identity of earnings and
/// balances; every payout agrees with its allocations and postings. Reads the whole ledger: for a check, not for a request.
pub async fn verify(pool: &Pool) -> Result<Verdict> {
    let mut tx = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    let mut findings = Vec::new();
    let unbalanced = sqlx::query!(
        r#"SELECT e.posting_id, a.currency, sum(e.amount) AS "sum!" FROM entries e JOIN ledger_accounts a ON a.id = e.account_id
           GROUP BY e.posting_id, a.currency HAVING sum(e.amount) <> 0"#
    )
    .fetch_all(&mut *tx)
    .await?;
    findings.extend(
        unbalanced
            .iter()
            .map(|row| format!("posting {} is off by {} {}", row.posting_id, row.sum, row.currency)),
    );
    let drifted = sqlx::query!(
        r#"SELECT a.id, a.kind, a.provider_id, a.balance AS "balance!", coalesce(sum(e.amount), 0) AS "sum!"
           FROM ledger_accounts a LEFT JOIN entries e ON e.account_id = a.id
           WHERE a.balance IS NOT NULL GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0)"#
    )
    .fetch_all(&mut *tx)
    .await?;
    findings.extend(drifted.iter().map(|row| {
        let provider = row.provider_id.map(|id| id.to_string()).unwrap_or_default();
        format!("{} of provider {provider} says {}, its entries say {}", row.kind, row.balance, row.sum)
    }));
    let identity = sqlx::query!(
        r#"SELECT a.provider_id AS "provider_id!", a.currency, sum(a.balance) AS "held!",
                  (SELECT coalesce(sum(amount), 0) FROM earnings e WHERE e.provider_id = a.provider_id AND e.currency = a.currency) AS "earned!",
                  sum(a.balance) FILTER (WHERE a.kind = 'provider_reserved') AS "reserved!",
                  sum(a.balance) FILTER (WHERE a.kind = 'provider_paid_out') AS "paid_out!",
                  (SELECT coalesce(sum(l.amount) FILTER (WHERE l.state = 'RESERVED'), 0) FROM allocations l
                   JOIN payouts p ON p.id = l.payout_id WHERE p.provider_id = a.provider_id AND p.currency = a.currency) AS "allocated!",
                  (SELECT coalesce(sum(paid), 0) FROM earnings e WHERE e.provider_id = a.provider_id AND e.currency = a.currency) AS "earnings_paid!"
           FROM ledger_accounts a WHERE a.provider_id IS NOT NULL GROUP BY a.provider_id, a.currency"#
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in &identity {
        let mut differ = |what: &str, left: Decimal, right: Decimal| {
            if left != right {
                findings.push(format!(
                    "provider {} {}: {what}: {left} against {right}",
                    row.provider_id, row.currency
                ));
            }
        };
        differ("balances against earnings", row.held, row.earned);
        differ("reserved against allocations", row.reserved, row.allocated);
        differ("paid out against earnings", row.paid_out, row.earnings_paid);
    }
    let earnings = sqlx::query!(
        r#"SELECT e.id, e.allocated, e.paid,
                  coalesce(sum(l.amount) FILTER (WHERE l.state IN ('RESERVED', 'PAID')), 0) AS "rows!",
                  coalesce(sum(l.amount) FILTER (WHERE l.state = 'PAID'), 0) AS "rows_paid!"
           FROM earnings e LEFT JOIN allocations l ON l.earning_id = e.id GROUP BY e.id
           HAVING e.allocated <> coalesce(sum(l.amount) FILTER (WHERE l.state IN ('RESERVED', 'PAID')), 0)
               OR e.paid <> coalesce(sum(l.amount) FILTER (WHERE l.state = 'PAID'), 0)"#
    )
    .fetch_all(&mut *tx)
    .await?;
    findings.extend(earnings.iter().map(|row| {
        format!(
            "earning {} says {} allocated and {} paid, its allocations say {} and {}",
            row.id, row.allocated, row.paid, row.rows, row.rows_paid
        )
    }));
    let payouts = sqlx::query!(
        r#"SELECT p.id, p.status FROM payouts p
           LEFT JOIN LATERAL (SELECT coalesce(sum(amount) FILTER (WHERE state = 'RESERVED'), 0) AS reserved,
                                     coalesce(sum(amount) FILTER (WHERE state = 'PAID'), 0) AS paid,
                                     coalesce(sum(amount) FILTER (WHERE state = 'REFUNDED'), 0) AS refunded
                              FROM allocations l WHERE l.payout_id = p.id) l ON true
           LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE kind = 'reserved') AS reserved,
                                     count(*) FILTER (WHERE kind = 'paid') AS paid,
                                     count(*) FILTER (WHERE kind = 'refunded') AS refunded
                              FROM postings g WHERE g.payout_id = p.id) g ON true
           WHERE NOT CASE
               WHEN p.status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (p.status = 'FAILED' AND p.refunded_at IS NULL)
                   THEN (l.reserved, l.paid, l.refunded) = (p.amount, 0, 0) AND (g.reserved, g.paid, g.refunded) = (1, 0, 0)
               WHEN p.status = 'COMPLETED'
                   THEN (l.reserved, l.paid, l.refunded) = (0, p.amount, 0) AND (g.reserved, g.paid, g.refunded) = (1, 1, 0)
               WHEN p.status IN ('REJECTED', 'CANCELLED', 'FAILED')
                   THEN (l.reserved, l.paid, l.refunded) = (0, 0, p.amount) AND (g.reserved, g.paid, g.refunded) = (1, 0, 1)
               ELSE (l.reserved, l.refunded) = (0, 0) AND (g.reserved, g.paid, g.refunded) = (1, 1, 0) END"#
    )
    .fetch_all(&mut *tx)
    .await?;
    findings.extend(
        payouts.iter().map(|row| format!("payout {} is {} but its money is elsewhere", row.id, row.status)),
    );
    let attempts = sqlx::query!(
        r#"SELECT p.id, p.status, count(a.id) FILTER (WHERE a.status = 'SUCCEEDED') AS "succeeded!"
           FROM payouts p LEFT JOIN attempts a ON a.payout_id = p.id GROUP BY p.id
           HAVING count(a.id) FILTER (WHERE a.status = 'SUCCEEDED') <> CASE WHEN p.status = 'COMPLETED' THEN 1 ELSE 0 END"#
    )
    .fetch_all(&mut *tx)
    .await?;
    findings.extend(attempts.iter().map(|row| {
        format!("payout {} is {} with {} successful attempts", row.id, row.status, row.succeeded)
    }));
    let counts = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM postings) AS "postings!", (SELECT count(*) FROM providers) AS "providers!",
                  (SELECT count(*) FROM payouts) AS "payouts!""#
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Verdict { postings: counts.postings, providers: counts.providers, payouts: counts.payouts, findings })
}
