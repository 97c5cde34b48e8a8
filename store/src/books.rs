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

/// Checks everything: postings balance; kept balances equal their entries; per provider the identity of balances, earnings,
/// adjustments and debt; every earning agrees with its allocations, its recoveries and its posting, every adjustment with its
/// posting; every payout with its allocations, its postings and its attempts, and every attempt with what was booked for it. What is
/// summed up for the risk rules equals the payouts.
pub async fn verify(pool: &Pool) -> Result<Verdict> {
    let mut tx = pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    // A whole ledger takes longer than a request may.
    sqlx::query("SET LOCAL statement_timeout = '5min'").execute(&mut *tx).await?;
    let mut findings = postings_balance(&mut tx).await?;
    findings.extend(balances_equal_entries(&mut tx).await?);
    findings.extend(balances_equal_earnings(&mut tx).await?);
    findings.extend(earnings_equal_allocations(&mut tx).await?);
    findings.extend(recoveries_equal_postings(&mut tx).await?);
    findings.extend(earnings_have_their_posting(&mut tx).await?);
    findings.extend(adjustments_have_their_posting(&mut tx).await?);
    findings.extend(payouts_have_their_money(&mut tx).await?);
    findings.extend(attempts_have_their_money(&mut tx).await?);
    findings.extend(attempts_have_their_fee(&mut tx).await?);
    findings.extend(payouts_have_their_fee(&mut tx).await?);
    findings.extend(payouts_have_their_attempts(&mut tx).await?);
    findings.extend(sums_equal_payouts(&mut tx).await?);
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

/// `available + reserved + paid_out − debt = earned + adjustments`, and each of the four against what earnings, adjustments and
/// overpayments say. Nobody has something free and owes at once.
async fn balances_equal_earnings(conn: &mut PgConnection) -> Result<Vec<String>> {
    let rows = sqlx::query!(
        r#"SELECT a.provider_id AS "provider_id!", a.currency AS "currency!", a.held AS "held!", a.available AS "available!",
                  a.reserved AS "reserved!", a.paid_out AS "paid_out!", a.debt AS "debt!",
                  coalesce(e.earned, 0) AS "earned!", coalesce(e.allocated, 0) AS "allocated!", coalesce(e.paid, 0) AS "paid!",
                  coalesce(e.recovered, 0) AS "recovered!", coalesce(j.cut, 0) AS "cut!", coalesce(x.excess, 0) AS "excess!"
           FROM (SELECT provider_id, currency, sum(balance) AS held,
                        coalesce(sum(balance) FILTER (WHERE kind = 'provider_available'), 0) AS available,
                        coalesce(sum(balance) FILTER (WHERE kind = 'provider_reserved'), 0) AS reserved,
                        coalesce(sum(balance) FILTER (WHERE kind = 'provider_paid_out'), 0) AS paid_out,
                        coalesce(sum(balance) FILTER (WHERE kind = 'provider_debt'), 0) AS debt
                 FROM ledger_accounts WHERE provider_id IS NOT NULL GROUP BY provider_id, currency) a
           LEFT JOIN (SELECT provider_id, currency, sum(amount) AS earned, sum(allocated) AS allocated, sum(paid) AS paid,
                             sum(recovered) AS recovered
                      FROM earnings GROUP BY provider_id, currency) e
             ON e.provider_id = a.provider_id AND e.currency = a.currency
           LEFT JOIN (SELECT provider_id, currency, -sum(amount) AS cut FROM adjustments WHERE amount < 0
                      GROUP BY provider_id, currency) j
             ON j.provider_id = a.provider_id AND j.currency = a.currency
           LEFT JOIN (SELECT l.provider_id, l.currency, sum(e.amount) AS excess
                      FROM postings g JOIN entries e ON e.posting_id = g.id
                      JOIN ledger_accounts l ON l.id = e.account_id AND l.kind = 'provider_paid_out'
                      WHERE g.kind = 'overpaid' OR (g.kind = 'reversed' AND EXISTS (
                          SELECT FROM postings o WHERE o.kind = 'overpaid' AND (o.attempt_id = g.attempt_id
                              OR (g.attempt_id IS NULL AND o.event = 'overpaid:' || substr(g.event, 10)))))
                      GROUP BY l.provider_id, l.currency) x
             ON x.provider_id = a.provider_id AND x.currency = a.currency"#
    )
    .fetch_all(conn)
    .await?;
    let mut findings = Vec::new();
    for row in &rows {
        let mut differ = |what: &str, left: Decimal, right: Option<Decimal>| {
            if Some(left) != right {
                let right = right.map_or_else(|| "too much".to_owned(), |right| right.to_string());
                findings.push(format!(
                    "provider {} {}: {what}: {left} against {right}",
                    row.provider_id, row.currency
                ));
            }
        };
        let less = |from: Decimal, what: Decimal| from.checked_sub(what);
        let settled = row.paid.checked_add(row.recovered);
        differ("balances against earnings", row.held, less(row.earned, row.cut));
        differ("available against earnings", row.available, less(row.earned, row.allocated));
        differ(
            "reserved against earnings",
            row.reserved,
            settled.and_then(|settled| less(row.allocated, settled)),
        );
        differ("paid out against earnings", row.paid_out, row.paid.checked_add(row.excess));
        let owed = row.cut.checked_add(row.excess);
        differ(
            "debt against overpayments and cuts",
            row.debt,
            owed.and_then(|owed| less(row.recovered, owed)),
        );
        if row.available > Decimal::ZERO && row.debt < Decimal::ZERO {
            findings.push(format!(
                "provider {} has {} {} free and owes {}",
                row.provider_id, row.available, row.currency, row.debt
            ));
        }
    }
    Ok(findings)
}

async fn earnings_equal_allocations(conn: &mut PgConnection) -> Result<Vec<String>> {
    let earnings = sqlx::query!(
        r#"SELECT e.id AS "id!", e.allocated AS "allocated!", e.paid AS "paid!", e.recovered AS "recovered!",
                  coalesce(l.allocated, 0) + coalesce(r.recovered, 0) AS "rows!", coalesce(l.paid, 0) AS "rows_paid!",
                  coalesce(r.recovered, 0) AS "rows_recovered!"
           FROM earnings e
           LEFT JOIN (SELECT earning_id, sum(amount) FILTER (WHERE state IN ('RESERVED', 'PAID')) AS allocated,
                             sum(amount) FILTER (WHERE state = 'PAID') AS paid
                      FROM allocations GROUP BY earning_id) l ON l.earning_id = e.id
           LEFT JOIN (SELECT earning_id, sum(amount) AS recovered FROM recoveries GROUP BY earning_id) r ON r.earning_id = e.id
           WHERE (e.allocated, e.paid, e.recovered)
              <> (coalesce(l.allocated, 0) + coalesce(r.recovered, 0), coalesce(l.paid, 0), coalesce(r.recovered, 0))"#
    )
    .fetch_all(conn)
    .await?;
    Ok(earnings
        .iter()
        .map(|row| {
            format!(
                "earning {} says {} allocated, {} paid and {} recovered, its allocations say {}, {} and {}",
                row.id, row.allocated, row.paid, row.recovered, row.rows, row.rows_paid, row.rows_recovered
            )
        })
        .collect())
}

/// What was taken from earnings for a debt, or given back of it, is what left (or came back to) the available balance, from the
/// provider's own earnings in that currency.
async fn recoveries_equal_postings(conn: &mut PgConnection) -> Result<Vec<String>> {
    let postings = sqlx::query!(
        r#"SELECT coalesce(g.id, r.posting_id) AS "id!", coalesce(g.moved, 0) AS "moved!", coalesce(r.taken, 0) AS "taken!"
           FROM (SELECT g.id, l.provider_id, l.currency, -sum(e.amount) AS moved
                 FROM postings g JOIN entries e ON e.posting_id = g.id
                 JOIN ledger_accounts l ON l.id = e.account_id AND l.kind = 'provider_available'
                 WHERE g.kind = 'debt_recovered' OR (g.kind = 'reversed' AND EXISTS (
                     SELECT FROM postings o WHERE o.kind = 'overpaid' AND (o.attempt_id = g.attempt_id
                              OR (g.attempt_id IS NULL AND o.event = 'overpaid:' || substr(g.event, 10)))))
                 GROUP BY g.id, l.provider_id, l.currency) g
           FULL JOIN (SELECT r.posting_id, e.provider_id, e.currency, sum(r.amount) AS taken
                      FROM recoveries r JOIN earnings e ON e.id = r.earning_id
                      GROUP BY r.posting_id, e.provider_id, e.currency) r
             ON r.posting_id = g.id AND r.provider_id = g.provider_id AND r.currency = g.currency
           WHERE coalesce(g.moved, 0) <> coalesce(r.taken, 0)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(postings
        .iter()
        .map(|row| format!("posting {} recovered {}, its earnings say {}", row.id, row.moved, row.taken))
        .collect())
}

/// Every earning was booked once, whole, for its own provider: as earned, or as the raise of another.
async fn earnings_have_their_posting(conn: &mut PgConnection) -> Result<Vec<String>> {
    let earnings = sqlx::query!(
        r#"SELECT e.id AS "id!", e.amount AS "amount!", coalesce(g.booked, 0) AS "booked!" FROM earnings e
           LEFT JOIN (SELECT g.earning_id, l.provider_id, l.currency, sum(n.amount) AS booked, count(*) AS times,
                             bool_and(g.kind = 'adjusted') AS adjusts
                      FROM postings g JOIN entries n ON n.posting_id = g.id
                      JOIN ledger_accounts l ON l.id = n.account_id AND l.kind = 'provider_available'
                      WHERE g.kind IN ('earned', 'adjusted') AND g.earning_id IS NOT NULL
                      GROUP BY g.earning_id, l.provider_id, l.currency) g
             ON g.earning_id = e.id AND g.provider_id = e.provider_id AND g.currency = e.currency
           WHERE (g.booked, g.times, g.adjusts) IS DISTINCT FROM (e.amount, 1::bigint, e.adjusts IS NOT NULL)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(earnings
        .iter()
        .map(|row| format!("earning {} of {} is booked with {}", row.id, row.amount, row.booked))
        .collect())
}

/// Every adjustment was booked once, as its sign says; the earning that a raise made is of its amount and provider.
async fn adjustments_have_their_posting(conn: &mut PgConnection) -> Result<Vec<String>> {
    let adjustments = sqlx::query!(
        r#"SELECT coalesce(j.id::text, g.event) AS "what!" FROM adjustments j
           FULL JOIN (SELECT g.event, g.earning_id, l.provider_id, l.currency, sum(e.amount) AS booked,
                             bool_and(l.kind = 'provider_available') AS raised
                      FROM postings g JOIN entries e ON e.posting_id = g.id
                      JOIN ledger_accounts l ON l.id = e.account_id AND l.provider_id IS NOT NULL
                      WHERE g.kind = 'adjusted' GROUP BY g.event, g.earning_id, l.provider_id, l.currency) g
             ON g.event = 'adjusted:' || j.id AND g.provider_id = j.provider_id AND g.currency = j.currency
           LEFT JOIN earnings r ON r.id = j.raised_id
           LEFT JOIN earnings o ON o.id = j.earning_id
           WHERE (g.booked, g.raised, g.earning_id) IS DISTINCT FROM (j.amount, j.amount > 0, coalesce(j.raised_id, j.earning_id))
              OR o.provider_id IS DISTINCT FROM j.provider_id
              OR (j.amount > 0 AND (r.amount, r.provider_id, r.currency, r.adjusts)
                  IS DISTINCT FROM (j.amount, j.provider_id, j.currency, j.earning_id))"#
    )
    .fetch_all(conn)
    .await?;
    Ok(adjustments.iter().map(|row| format!("adjustment {} is not booked as it says", row.what)).collect())
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
                             count(DISTINCT g.id) FILTER (WHERE g.kind = 'reversed' AND o.id IS NULL) AS returned,
                             coalesce(sum(e.amount) FILTER (WHERE a.kind = 'provider_reserved'), 0) AS held,
                             bool_or(a.provider_id <> q.provider_id OR a.currency <> q.currency) AS foreign_account
                      FROM postings g JOIN entries e ON e.posting_id = g.id JOIN ledger_accounts a ON a.id = e.account_id
                      JOIN payouts q ON q.id = g.payout_id
                      LEFT JOIN postings o ON o.attempt_id = g.attempt_id AND o.kind = 'overpaid'
                      WHERE g.payout_id IS NOT NULL GROUP BY g.payout_id) g ON g.payout_id = p.id
           WHERE l.foreign_earning IS DISTINCT FROM false OR g.foreign_account IS DISTINCT FROM false OR (CASE
               WHEN p.status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (p.status = 'FAILED' AND p.refunded_at IS NULL)
                   THEN (l.reserved, l.paid, l.refunded, l.returned) = (p.amount, 0, 0, 0)
                        AND (g.reserved, g.paid, g.refunded, g.returned, g.held) = (1, 0, 0, 0, p.amount)
               WHEN p.status = 'COMPLETED'
                   THEN (l.reserved, l.paid, l.refunded, l.returned) = (0, p.amount, 0, 0)
                        AND (g.reserved, g.paid, g.refunded, g.returned, g.held) = (1, 1, 0, 0, 0)
               WHEN p.status IN ('REJECTED', 'CANCELLED', 'FAILED')
                   THEN (l.reserved, l.paid, l.refunded, l.returned) = (0, 0, p.amount, 0)
                        AND (g.reserved, g.paid, g.refunded, g.returned, g.held) = (1, 0, 1, 0, 0)
               ELSE (l.reserved, l.paid, l.refunded, l.returned) = (0, 0, 0, p.amount)
                    AND (g.reserved, g.paid, g.refunded, g.returned, g.held) = (1, 1, 0, 1, 0) END) IS DISTINCT FROM true"#
    )
    .fetch_all(conn)
    .await?;
    Ok(payouts
        .iter()
        .map(|row| format!("payout {} is {} but its money is elsewhere", row.id, row.status))
        .collect())
}

/// Every attempt that paid is booked once, with the payout's amount, as what its payout asked for or as too much (only a late
/// one can be that); one that came back once more, the other way; any other not at all. A late success is booked nowhere only
/// while another attempt is open, or when it came back before that ended.
async fn attempts_have_their_money(conn: &mut PgConnection) -> Result<Vec<String>> {
    let attempts = sqlx::query!(
        r#"SELECT a.id AS "id!", a.status AS "status!", a.late AS "late!" FROM attempts a JOIN payouts p ON p.id = a.payout_id
           LEFT JOIN (SELECT g.attempt_id, bool_and(g.payout_id = t.payout_id) AS own,
                             count(*) FILTER (WHERE g.kind = 'paid') AS paid,
                             count(*) FILTER (WHERE g.kind = 'overpaid') AS overpaid,
                             count(*) FILTER (WHERE g.kind = 'reversed') AS reversed,
                             coalesce(sum(m.paid_out), 0) AS paid_out, coalesce(sum(m.wallet), 0) AS wallet,
                             coalesce(sum(m.clearing), 0) AS clearing
                      FROM postings g JOIN attempts t ON t.id = g.attempt_id
                      CROSS JOIN LATERAL (
                          SELECT sum(e.amount) FILTER (WHERE l.kind = 'provider_paid_out') AS paid_out,
                                 sum(e.amount) FILTER (WHERE l.kind = 'gateway_wallet') AS wallet,
                                 sum(e.amount) FILTER (WHERE l.kind = 'clearing') AS clearing
                          FROM entries e JOIN ledger_accounts l ON l.id = e.account_id WHERE e.posting_id = g.id) m
                      WHERE g.kind IN ('paid', 'overpaid', 'reversed') GROUP BY g.attempt_id) g ON g.attempt_id = a.id
           WHERE NOT coalesce(g.own, true) OR (CASE
               WHEN g.attempt_id IS NULL THEN
                   a.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN', 'FAILED')
                   OR (a.late AND a.status = 'REVERSED')
                   OR (a.late AND p.status = 'PROCESSING' AND EXISTS (
                       SELECT FROM attempts o WHERE o.payout_id = a.payout_id AND o.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')))
               WHEN a.status = 'SUCCEEDED' THEN
                   (g.paid + g.overpaid, g.reversed) = (1, 0) AND (g.overpaid = 0 OR a.late)
                   AND (g.paid_out, g.wallet, g.clearing) = (p.amount, -p.amount, p.amount)
               WHEN a.status = 'REVERSED' THEN
                   (g.paid + g.overpaid, g.reversed) = (1, 1) AND (g.overpaid = 0 OR a.late)
                   AND (g.paid_out, g.wallet, g.clearing) = (0, 0, 0)
               ELSE false END) IS DISTINCT FROM true"#
    )
    .fetch_all(conn)
    .await?;
    Ok(attempts
        .iter()
        .map(|row| {
            let late = if row.late { ", late" } else { "" };
            format!("attempt {} is {}{late}, but its money was booked otherwise", row.id, row.status)
        })
        .collect())
}

/// The gateway's fee is booked once for every attempt that has paid and whose fee was told, and for no other.
async fn attempts_have_their_fee(conn: &mut PgConnection) -> Result<Vec<String>> {
    let attempts = sqlx::query!(
        r#"SELECT a.id AS "id!", coalesce(a.fee, 0) AS "told!", coalesce(f.booked, 0) AS "booked!" FROM attempts a
           LEFT JOIN (SELECT g.attempt_id, sum(e.amount) AS booked
                      FROM postings g JOIN entries e ON e.posting_id = g.id
                      JOIN ledger_accounts l ON l.id = e.account_id AND l.kind = 'gateway_fees'
                      WHERE g.kind = 'fee' GROUP BY g.attempt_id) f ON f.attempt_id = a.id
           WHERE coalesce(f.booked, 0) <> CASE WHEN a.status IN ('SUCCEEDED', 'REVERSED') THEN coalesce(a.fee, 0) ELSE 0 END"#
    )
    .fetch_all(conn)
    .await?;
    Ok(attempts
        .iter()
        .map(|row| format!("attempt {} tells a fee of {}, {} is booked", row.id, row.told, row.booked))
        .collect())
}

/// The fee that a payout tells is that of the attempt that paid it.
async fn payouts_have_their_fee(conn: &mut PgConnection) -> Result<Vec<String>> {
    let payouts = sqlx::query!(
        r#"SELECT p.id AS "id!", coalesce(p.fee, 0) AS "told!", coalesce(a.fee, 0) AS "booked!" FROM payouts p
           LEFT JOIN (SELECT g.payout_id, a.fee FROM postings g JOIN attempts a ON a.id = g.attempt_id WHERE g.kind = 'paid') a
             ON a.payout_id = p.id
           WHERE coalesce(p.fee, 0) <> coalesce(a.fee, 0)"#
    )
    .fetch_all(conn)
    .await?;
    Ok(payouts
        .iter()
        .map(|row| format!("payout {} tells a fee of {}, its attempt {}", row.id, row.told, row.booked))
        .collect())
}

/// One attempt paid a completed payout, one that came back a reversed one, and none any other. An attempt is open only while its
/// payout is processed. A payout's count of attempts is their number.
async fn payouts_have_their_attempts(conn: &mut PgConnection) -> Result<Vec<String>> {
    let payouts = sqlx::query!(
        r#"SELECT p.id AS "id!", p.status AS "status!", p.attempts AS "told!", coalesce(a.made, 0) AS "made!",
                  coalesce(a.succeeded, 0) AS "succeeded!", coalesce(a.reversed, 0) AS "reversed!", coalesce(a.open, 0) AS "open!"
           FROM payouts p
           LEFT JOIN (SELECT a.payout_id, count(*) AS made,
                             count(*) FILTER (WHERE a.status = 'SUCCEEDED' AND g.id IS NOT NULL) AS succeeded,
                             count(*) FILTER (WHERE a.status = 'REVERSED' AND g.id IS NOT NULL) AS reversed,
                             count(*) FILTER (WHERE a.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN')) AS open
                      FROM attempts a LEFT JOIN postings g ON g.attempt_id = a.id AND g.kind = 'paid' GROUP BY a.payout_id) a
             ON a.payout_id = p.id
           WHERE coalesce(a.succeeded, 0) <> CASE WHEN p.status = 'COMPLETED' THEN 1 ELSE 0 END
              OR coalesce(a.reversed, 0) <> CASE WHEN p.status = 'REVERSED' THEN 1 ELSE 0 END
              OR (coalesce(a.open, 0) > 0 AND p.status <> 'PROCESSING')
              OR coalesce(a.made, 0) <> p.attempts"#
    )
    .fetch_all(conn)
    .await?;
    Ok(payouts
        .iter()
        .map(|row| {
            format!(
                "payout {} is {} after {} attempts, with {} made, {} successful, {} reversed and {} open",
                row.id, row.status, row.told, row.made, row.succeeded, row.reversed, row.open
            )
        })
        .collect())
}

/// The sums that the risk rules look at are those of the payouts.
async fn sums_equal_payouts(conn: &mut PgConnection) -> Result<Vec<String>> {
    let wrong = sqlx::query!(
        r#"SELECT coalesce(s.provider_id, p.provider_id) AS "provider_id!", coalesce(s.what, p.what) AS "what!"
           FROM (SELECT provider_id, 'totals in ' || currency AS what, requested, completed AS other, completed_sum AS amount
                 FROM provider_totals
                 UNION ALL
                 SELECT provider_id, 'day ' || day || ' in ' || currency, requested, failed, requested_sum FROM provider_days
                 UNION ALL
                 SELECT provider_id, 'hour ' || (hour AT TIME ZONE 'UTC') || ' in ' || currency, requested, 0, requested_sum
                 FROM provider_hours) s
           FULL JOIN (SELECT provider_id, 'totals in ' || currency AS what, count(*) AS requested,
                             count(*) FILTER (WHERE status = 'COMPLETED') AS other,
                             coalesce(sum(amount) FILTER (WHERE status = 'COMPLETED'), 0) AS amount
                      FROM payouts GROUP BY provider_id, currency
                      UNION ALL
                      SELECT provider_id, 'day ' || day || ' in ' || currency, sum(requested), sum(failed), sum(amount)
                      FROM (SELECT provider_id, (requested_at AT TIME ZONE 'UTC')::date AS day, currency, 1 AS requested, 0 AS failed, amount
                            FROM payouts
                            UNION ALL
                            SELECT provider_id, (failed_at AT TIME ZONE 'UTC')::date, currency, 0, 1, 0
                            FROM payouts WHERE status = 'FAILED') d
                      GROUP BY provider_id, day, currency
                      UNION ALL
                      SELECT provider_id, 'hour ' || date_trunc('hour', requested_at AT TIME ZONE 'UTC') || ' in ' || currency,
                             count(*), 0, sum(amount)
                      FROM payouts GROUP BY provider_id, currency, date_trunc('hour', requested_at AT TIME ZONE 'UTC')) p
             ON p.provider_id = s.provider_id AND p.what = s.what
           WHERE (coalesce(s.requested, 0), coalesce(s.other, 0), coalesce(s.amount, 0))
              <> (coalesce(p.requested, 0), coalesce(p.other, 0), coalesce(p.amount, 0))"#
    )
    .fetch_all(conn)
    .await?;
    Ok(wrong
        .iter()
        .map(|row| format!("provider {}: the {} are not those of their payouts", row.provider_id, row.what))
        .collect())
}
