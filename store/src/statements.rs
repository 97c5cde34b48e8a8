//! Imported statements of the gateway's wallet, matched line by line with what we know.
//!
//! Guarantee: a file is imported whole and once (the same bytes again are the same statement), in one transaction with the cases
//! it opens. It moves no money: a credit under a reference that we count as paid is the evidence of a case `reversal`, which
//! finance confirms.
//!
//! Cost: three reads over the file's references, one insert of all lines, one case for each line or movement that does not match.
//! Limit: a file of which more than [`MAX_UNMATCHED`] lines are nothing of ours is of another wallet, and refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptId, AttemptStatus, Money, PayoutId, ProviderId, ReferencePrefix, StatementId,
    statement::{Direction, LineResult, Paying, StatementLine, of_attempt},
};
use rust_decimal::Decimal;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Actor, Error, Pool, Result, audit,
    cases::{self, CaseKind, Finding, about_attempt},
    payouts::money,
    reconciliations::explained,
    text::storable,
};

/// Cases that one import may open. Beyond it the file is of another wallet, or of another time.
pub const MAX_UNMATCHED: usize = 500;
/// The gateway books a transfer at once; its clock and ours may differ by this much. What began or ended so close to an end of
/// the statement may be in the next one.
const EDGE: TimeDelta = TimeDelta::minutes(10);

/// An imported statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub id: StatementId,
    pub imported_by: String,
    pub imported_at: DateTime<Utc>,
    /// The moments of its first and last line.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub lines: u32,
    pub matched: u32,
    /// Lines that nothing of ours explains.
    pub unmatched: u32,
    /// Movements of ours in that time that are in no line.
    pub missing: u32,
}

/// A line of it, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLine {
    pub line: u32,
    pub at: DateTime<Utc>,
    pub direction: Direction,
    pub amount: Money,
    pub fee: Money,
    pub reference: String,
    pub result: LineResult,
    pub payout: Option<PayoutId>,
    pub note: String,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    New(Statement),
    /// The same file was imported before; nothing was changed.
    Before(Statement),
    /// So many lines are nothing of ours that it is another wallet's. Nothing was stored.
    NotOurs {
        unmatched: usize,
        lines: usize,
    },
}

/// An attempt that a line may be about.
struct Ours {
    attempt: AttemptId,
    payout: PayoutId,
    provider: ProviderId,
    paying: Paying,
    /// Moments at which earlier statements show its debit.
    debits: BTreeSet<DateTime<Utc>>,
}

struct Matched<'a> {
    line: &'a StatementLine,
    result: LineResult,
    why: &'static str,
    reference: String,
}

/// Imports a statement. `lines` is what `file` holds.
pub async fn import(
    pool: &Pool,
    file: &[u8],
    lines: &[StatementLine],
    prefix: &ReferencePrefix,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Imported> {
    let hash: [u8; 32] = Sha256::digest(file).into();
    if let Some(before) = by_hash(pool, &hash).await? {
        return Ok(Imported::Before(before));
    }
    let (Some(from), Some(to)) =
        (lines.iter().map(|line| line.at).min(), lines.iter().map(|line| line.at).max())
    else {
        return Err(Error::corrupt("a statement without lines"));
    };
    let mut tx = pool.begin().await?;
    let mut ours = attempts_of(&mut tx, lines).await?;
    let funded = funded(&mut tx, lines).await?;
    let matched: Vec<Matched<'_>> =
        lines.iter().map(|line| match_line(line, &mut ours, &funded, prefix)).collect();
    let unmatched = matched.iter().filter(|matched| !matched.result.is_matched()).count();
    if unmatched > MAX_UNMATCHED {
        return Ok(Imported::NotOurs { unmatched, lines: lines.len() });
    }
    let id = StatementId::mint();
    let mut missing = missing(&mut tx, lines, from, to).await?;
    write_lines(&mut tx, id, &matched, &ours).await?;
    missing.extend(fees_in_no_line(&mut tx, id, from, to).await?);
    let number = |count: usize| i32::try_from(count).map_err(Error::corrupt);
    let written = sqlx::query!(
        "INSERT INTO wallet_statements (id, file_hash, imported_by, imported_at, from_at, to_at, lines, matched, unmatched, missing)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (file_hash) DO NOTHING",
        id.uuid(),
        &hash,
        actor.as_str(),
        now,
        from,
        to,
        number(lines.len())?,
        number(lines.len().saturating_sub(unmatched))?,
        number(unmatched)?,
        number(missing.len())?,
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if written == 0 {
        // The same file, at the same time: that one waited for, and is there now.
        drop(tx);
        let before = by_hash(pool, &hash).await?;
        return before.map(Imported::Before).ok_or_else(|| Error::corrupt("a statement is gone"));
    }
    for matched in &matched {
        tell(&mut tx, matched, &ours, now).await?;
    }
    for movement in &missing {
        tell_missing(&mut tx, movement, now).await?;
    }
    let detail = json!({ "lines": lines.len(), "unmatched": unmatched, "missing": missing.len() });
    audit::record_subject(&mut tx, actor, "statement_imported", &format!("statement:{id}"), detail, now)
        .await?;
    tx.commit().await?;
    let statement = get(pool, id).await?;
    statement.map(Imported::New).ok_or_else(|| Error::corrupt(format!("statement {id} is gone")))
}

/// Locks nothing: what a line says was so when it was written, and what it is now is for the case to find out.
async fn attempts_of(conn: &mut PgConnection, lines: &[StatementLine]) -> Result<BTreeMap<String, Ours>> {
    let references: Vec<String> =
        lines.iter().map(|line| storable(line.reference.as_str()).into_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id, a.payout_id, p.provider_id, a.reference, a.status, a.fee, p.amount, p.currency,
                  ARRAY(SELECT l.at FROM statement_lines l WHERE l.attempt_id = a.id AND l.result = 'transfer') AS "debits!"
           FROM attempts a JOIN payouts p ON p.id = a.payout_id WHERE a.reference = ANY($1)"#,
        &references,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let paying = Paying {
                status: row.status.parse().map_err(Error::Corrupt)?,
                amount: money(row.amount, &row.currency)?,
                fee: row.fee.map(|fee| money(fee, &row.currency)).transpose()?,
                debited: false,
            };
            let ours = Ours {
                attempt: AttemptId::from_uuid(row.id),
                payout: PayoutId::from_uuid(row.payout_id),
                provider: ProviderId::from_uuid(row.provider_id),
                paying,
                debits: row.debits.into_iter().collect(),
            };
            Ok((row.reference, ours))
        })
        .collect()
}

/// What finance has told us it put in, by the reference of the bank transfer.
async fn funded(conn: &mut PgConnection, lines: &[StatementLine]) -> Result<BTreeMap<String, Money>> {
    let events: Vec<String> =
        lines.iter().map(|line| format!("wallet_funded:{}", storable(line.reference.as_str()))).collect();
    let rows = sqlx::query!(
        "SELECT p.event, e.amount, a.currency
         FROM postings p JOIN entries e ON e.posting_id = p.id JOIN ledger_accounts a ON a.id = e.account_id
         WHERE p.kind = 'wallet_funded' AND a.kind = 'gateway_wallet' AND p.event = ANY($1)",
        &events,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let reference = row.event.strip_prefix("wallet_funded:").unwrap_or(&row.event).to_owned();
            Ok((reference, money(row.amount, &row.currency)?))
        })
        .collect()
}

fn match_line<'a>(
    line: &'a StatementLine,
    ours: &mut BTreeMap<String, Ours>,
    funded: &BTreeMap<String, Money>,
    prefix: &ReferencePrefix,
) -> Matched<'a> {
    let reference = storable(line.reference.as_str()).into_owned();
    let (result, why) = if let Some(ours) = ours.get_mut(&reference) {
        // The same line in an overlapping statement is no second debit; one at another moment is.
        let before = ours.debits.iter().any(|at| *at != line.at);
        let paying = Paying { debited: ours.paying.debited || before, ..ours.paying };
        let found = of_attempt(line, &paying);
        match found.0 {
            LineResult::Transfer => ours.paying.debited = true,
            LineResult::Returned | LineResult::Reversal => {
                ours.paying.debited = false;
                ours.debits.clear();
            }
            LineResult::Fee
            | LineResult::Funding
            | LineResult::Elsewhere
            | LineResult::Differs
            | LineResult::Unmatched => {}
        }
        found
    } else if let Some(amount) = funded.get(&reference) {
        match line.direction {
            Direction::Credit if *amount == line.amount => (LineResult::Funding, ""),
            Direction::Credit => (LineResult::Differs, "another amount than was booked as funding"),
            Direction::Debit => (LineResult::Unmatched, "a debit under the reference of a funding"),
        }
    } else {
        match line.reference.parts() {
            Some(parts) if parts.prefix != *prefix => (LineResult::Elsewhere, ""),
            Some(_) => (LineResult::Unmatched, "a reference of ours that we do not know"),
            None => (LineResult::Unmatched, "nothing of ours has this reference"),
        }
    };
    Matched { line, result, why, reference }
}

async fn write_lines(
    conn: &mut PgConnection,
    id: StatementId,
    matched: &[Matched<'_>],
    ours: &BTreeMap<String, Ours>,
) -> Result<()> {
    let mut numbers = vec![];
    let (mut at, mut direction, mut amount, mut fee) = (vec![], vec![], vec![], vec![]);
    let (mut currency, mut reference, mut balance) = (vec![], vec![], vec![]);
    let (mut result, mut attempt, mut note) = (vec![], vec![], vec![]);
    for matched in matched {
        let line = matched.line;
        numbers.push(i32::try_from(line.line).map_err(Error::corrupt)?);
        at.push(line.at);
        direction.push(line.direction.as_str().to_owned());
        amount.push(line.amount.amount());
        fee.push(line.fee.unwrap_or(Decimal::ZERO));
        currency.push(line.amount.currency().code().to_owned());
        reference.push(matched.reference.clone());
        balance.push(line.balance);
        result.push(matched.result.as_str().to_owned());
        attempt.push(ours.get(&matched.reference).map(|ours| ours.attempt.uuid()));
        note.push(matched.why.to_owned());
    }
    #[expect(clippy::as_conversions, reason = "no conversion: sqlx's notation for elements that may be null")]
    sqlx::query!(
        "INSERT INTO statement_lines (statement_id, line, at, direction, amount, fee, currency, reference, balance, result, attempt_id, note)
         SELECT $1, * FROM unnest($2::int[], $3::timestamptz[], $4::text[], $5::numeric[], $6::numeric[], $7::text[], $8::text[],
                                  $9::numeric[], $10::text[], $11::uuid[], $12::text[])",
        id.uuid(),
        &numbers,
        &at,
        &direction,
        &amount,
        &fee,
        &currency,
        &reference,
        &balance as &[Option<Decimal>],
        &result,
        &attempt as &[Option<Uuid>],
        &note,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The case of a line that does not match, or that is the evidence of a reversal.
async fn tell(
    conn: &mut PgConnection,
    matched: &Matched<'_>,
    ours: &BTreeMap<String, Ours>,
    now: DateTime<Utc>,
) -> Result<()> {
    let line = matched.line;
    let of = ours.get(&matched.reference);
    let detail = json!({
        "at": line.at,
        "type": line.direction.as_str(),
        "amount": line.amount.to_string(),
        "reference": matched.reference,
        "why": matched.why,
    });
    match (matched.result, of) {
        (LineResult::Reversal, Some(of)) if of.paying.status == AttemptStatus::Succeeded => {
            let summary = format!(
                "The wallet's statement shows that {} came back under {}, which is counted as paid.",
                line.amount, matched.reference
            );
            let kind = CaseKind::Reversal;
            open(conn, kind, about_attempt(of.attempt), Some(of), line.amount, &summary, detail, now).await
        }
        (LineResult::Differs | LineResult::Unmatched, of) => {
            let subject = about_line(line);
            let summary = format!(
                "The wallet's statement has a {} of {} that does not match: {}.",
                line.direction.as_str(),
                line.amount,
                matched.why
            );
            open(conn, CaseKind::StatementLine, subject, of, line.amount, &summary, detail, now).await
        }
        (LineResult::Fee, Some(of)) => {
            let words = "The fee is in a line of the wallet's statement.";
            cases::heal(conn, CaseKind::StatementLine, &about_fee(of.attempt), words, now).await.map(drop)
        }
        (
            LineResult::Transfer
            | LineResult::Fee
            | LineResult::Funding
            | LineResult::Reversal
            | LineResult::Returned
            | LineResult::Elsewhere,
            _,
        ) => Ok(()),
    }
}

/// The same line in another file is the same subject.
fn about_line(line: &StatementLine) -> String {
    /// Half of a hash tells lines apart.
    const HASH_BYTES: usize = 16;
    let (at, direction, amount) = (line.at.to_rfc3339(), line.direction.as_str(), line.amount);
    let hash = Sha256::digest(format!("{at}\n{direction}\n{amount}\n{}", line.reference));
    let mut subject = "statement:".to_owned();
    for byte in hash.iter().take(HASH_BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(subject, "{byte:02x}");
    }
    subject
}

#[expect(clippy::too_many_arguments, reason = "a case has as many parts")]
async fn open(
    conn: &mut PgConnection,
    kind: CaseKind,
    subject: String,
    of: Option<&Ours>,
    amount: Money,
    summary: &str,
    detail: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let finding = Finding {
        kind,
        subject,
        payout: of.map(|of| of.payout),
        provider: of.map(|of| of.provider),
        amount: Some(amount),
        summary,
        source: "statement",
        detail,
    };
    if explained(conn, &finding).await? {
        return Ok(());
    }
    cases::open(conn, &finding, now).await.map(drop)
}

/// A movement of ours that should be in the statement and is in none.
struct Missing {
    what: What,
    attempt: Option<(AttemptId, PayoutId, ProviderId)>,
    reference: String,
    amount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Transfer,
    /// Of a transfer that is there.
    Fee,
    Funding,
}

/// Fees that the gateway has told us of transfers whose debit the statements show without one, and that are in no line either.
/// Lines of their own come at once: only the end of the statement is left to the next one, which looks there too.
async fn fees_in_no_line(
    conn: &mut PgConnection,
    id: StatementId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Missing>> {
    let most = i64::try_from(MAX_UNMATCHED).map_err(Error::corrupt)?;
    let before_end = to.checked_sub_signed(EDGE).unwrap_or(to);
    let rows = sqlx::query!(
        r#"SELECT DISTINCT a.id, a.payout_id, p.provider_id, a.reference, a.fee AS "fee!", p.currency
           FROM statement_lines l JOIN attempts a ON a.id = l.attempt_id JOIN payouts p ON p.id = a.payout_id
           WHERE l.result = 'transfer' AND l.amount = p.amount AND l.fee = 0 AND a.fee > 0 AND l.at <= $3
             AND (l.statement_id = $1 OR l.at > (SELECT max(s.to_at) FROM wallet_statements s
                                                 WHERE s.id <> $1 AND s.to_at <= $2) - $4::interval)
             AND NOT EXISTS (SELECT FROM statement_lines f WHERE f.attempt_id = a.id AND f.result = 'fee')
           ORDER BY a.id LIMIT $5"#,
        id.uuid(),
        from,
        before_end,
        sqlx::postgres::types::PgInterval::try_from(EDGE).map_err(Error::corrupt)?,
        most,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let ids = (
                AttemptId::from_uuid(row.id),
                PayoutId::from_uuid(row.payout_id),
                ProviderId::from_uuid(row.provider_id),
            );
            Ok(Missing {
                what: What::Fee,
                attempt: Some(ids),
                reference: row.reference,
                amount: money(row.fee, &row.currency)?,
            })
        })
        .collect()
}

/// The subject of a case about an attempt's fee.
fn about_fee(attempt: AttemptId) -> String {
    format!("fee:{attempt}")
}

/// Transfers that began and were paid within the statement's time, and funding that was booked in it. Its edges are left to the
/// statements before and after it.
async fn missing(
    conn: &mut PgConnection,
    lines: &[StatementLine],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Missing>> {
    let currencies: BTreeSet<&str> = lines.iter().map(|line| line.amount.currency().code()).collect();
    let currencies: Vec<String> = currencies.into_iter().map(str::to_owned).collect();
    let references: Vec<String> =
        lines.iter().map(|line| storable(line.reference.as_str()).into_owned()).collect();
    let from = from.checked_add_signed(EDGE).unwrap_or(from);
    let to = to.checked_sub_signed(EDGE).unwrap_or(to);
    let most = i64::try_from(MAX_UNMATCHED).map_err(Error::corrupt)?;
    let transfers = sqlx::query!(
        "SELECT a.id, a.payout_id, p.provider_id, a.reference, p.amount, p.currency
         FROM attempts a JOIN payouts p ON p.id = a.payout_id
         WHERE coalesce(a.settled_at, a.began_at) BETWEEN $1 AND $2 AND a.began_at >= $1
           AND a.status IN ('SUCCEEDED', 'REVERSED') AND p.currency = ANY($3) AND a.reference <> ALL($4)
           AND NOT EXISTS (SELECT FROM statement_lines l WHERE l.attempt_id = a.id AND l.result = 'transfer')
         ORDER BY a.id LIMIT $5",
        from,
        to,
        &currencies,
        &references,
        most,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = transfers
        .into_iter()
        .map(|row| {
            let ids = (
                AttemptId::from_uuid(row.id),
                PayoutId::from_uuid(row.payout_id),
                ProviderId::from_uuid(row.provider_id),
            );
            Ok(Missing {
                what: What::Transfer,
                attempt: Some(ids),
                reference: row.reference,
                amount: money(row.amount, &row.currency)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let events: Vec<String> =
        references.iter().map(|reference| format!("wallet_funded:{reference}")).collect();
    let fundings = sqlx::query!(
        "SELECT p.event, e.amount, a.currency
         FROM postings p JOIN entries e ON e.posting_id = p.id JOIN ledger_accounts a ON a.id = e.account_id
         WHERE p.kind = 'wallet_funded' AND a.kind = 'gateway_wallet' AND p.posted_at BETWEEN $1 AND $2
           AND a.currency = ANY($3) AND p.event <> ALL($4)
           AND NOT EXISTS (SELECT FROM statement_lines l
                           WHERE l.direction = 'credit' AND l.reference = substr(p.event, length('wallet_funded:') + 1))
         ORDER BY p.id LIMIT $5",
        from,
        to,
        &currencies,
        &events,
        most,
    )
    .fetch_all(conn)
    .await?;
    for row in fundings {
        let reference = row.event.strip_prefix("wallet_funded:").unwrap_or(&row.event).to_owned();
        let amount = money(row.amount, &row.currency)?;
        found.push(Missing { what: What::Funding, attempt: None, reference, amount });
    }
    Ok(found)
}

async fn tell_missing(conn: &mut PgConnection, missing: &Missing, now: DateTime<Utc>) -> Result<()> {
    /// The column holds 200.
    const MAX_CHARS: usize = 150;
    let reference: String = missing.reference.chars().take(MAX_CHARS).collect();
    let subject = match (missing.what, missing.attempt) {
        (What::Fee, Some((attempt, _, _))) => about_fee(attempt),
        (What::Transfer, Some((attempt, _, _))) => about_attempt(attempt),
        (What::Funding, _) | (What::Transfer | What::Fee, None) => format!("funding:{reference}"),
    };
    let what = match missing.what {
        What::Transfer | What::Funding => "",
        What::Fee => "The fee of ",
    };
    let summary = format!(
        "{what}{} under {reference} is in our books and in no line of the wallet's statement for that time.",
        missing.amount,
    );
    let finding = Finding {
        kind: CaseKind::StatementLine,
        subject,
        payout: missing.attempt.map(|(_, payout, _)| payout),
        provider: missing.attempt.map(|(_, _, provider)| provider),
        amount: Some(missing.amount),
        summary: &summary,
        source: "statement",
        detail: json!({ "missing": missing.reference }),
    };
    if explained(conn, &finding).await? {
        return Ok(());
    }
    cases::open(conn, &finding, now).await.map(drop)
}

struct Row {
    id: Uuid,
    imported_by: String,
    imported_at: DateTime<Utc>,
    from_at: DateTime<Utc>,
    to_at: DateTime<Utc>,
    lines: i32,
    matched: i32,
    unmatched: i32,
    missing: i32,
}

impl TryFrom<Row> for Statement {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let count = |n: i32| u32::try_from(n).map_err(Error::corrupt);
        Ok(Self {
            id: StatementId::from_uuid(row.id),
            imported_by: row.imported_by,
            imported_at: row.imported_at,
            from: row.from_at,
            to: row.to_at,
            lines: count(row.lines)?,
            matched: count(row.matched)?,
            unmatched: count(row.unmatched)?,
            missing: count(row.missing)?,
        })
    }
}

async fn by_hash(pool: &Pool, hash: &[u8; 32]) -> Result<Option<Statement>> {
    sqlx::query_as!(
        Row,
        "SELECT id, imported_by, imported_at, from_at, to_at, lines, matched, unmatched, missing
         FROM wallet_statements WHERE file_hash = $1",
        hash
    )
    .fetch_optional(pool)
    .await?
    .map(Statement::try_from)
    .transpose()
}

pub async fn get(pool: &Pool, id: StatementId) -> Result<Option<Statement>> {
    sqlx::query_as!(
        Row,
        "SELECT id, imported_by, imported_at, from_at, to_at, lines, matched, unmatched, missing
         FROM wallet_statements WHERE id = $1",
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(Statement::try_from)
    .transpose()
}

/// Newest first, older than `before`.
pub async fn list(pool: &Pool, before: Option<StatementId>, limit: i64) -> Result<Vec<Statement>> {
    sqlx::query_as!(
        Row,
        "SELECT id, imported_by, imported_at, from_at, to_at, lines, matched, unmatched, missing
         FROM wallet_statements WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        before.map(StatementId::uuid),
        limit
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Statement::try_from)
    .collect()
}

/// The lines of a statement after `after`, in order; `only` those that do not match.
pub async fn lines(
    pool: &Pool,
    id: StatementId,
    unmatched_only: bool,
    after: u32,
    limit: i64,
) -> Result<Vec<ReadLine>> {
    let rows = sqlx::query!(
        // What finance has booked since then is no riddle any more.
        r#"WITH read AS (
               SELECT l.line, l.at, l.direction, l.amount, l.fee, l.currency, l.reference, l.note, l.attempt_id,
                      CASE WHEN l.result = 'unmatched' AND l.direction = 'credit' AND EXISTS (
                               SELECT FROM postings p JOIN entries e ON e.posting_id = p.id
                               JOIN ledger_accounts w ON w.id = e.account_id AND w.kind = 'gateway_wallet'
                               WHERE p.event = 'wallet_funded:' || l.reference AND e.amount = l.amount AND w.currency = l.currency)
                           THEN 'funding' ELSE l.result END AS result
               FROM statement_lines l WHERE l.statement_id = $1 AND l.line > $2
           )
           SELECT l.line, l.at, l.direction, l.amount, l.fee, l.currency, l.reference, l.result AS "result!",
                  CASE WHEN l.result = 'funding' THEN '' ELSE l.note END AS "note!", a.payout_id AS "payout_id?"
           FROM read l LEFT JOIN attempts a ON a.id = l.attempt_id
           WHERE NOT $3 OR l.result IN ('differs', 'unmatched')
           ORDER BY l.line LIMIT $4"#,
        id.uuid(),
        i32::try_from(after).unwrap_or(i32::MAX),
        unmatched_only,
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let bad = |what: &str| Error::corrupt(format!("statement line of {what}"));
            Ok(ReadLine {
                line: u32::try_from(row.line).map_err(Error::corrupt)?,
                at: row.at,
                direction: Direction::parse(&row.direction).ok_or_else(|| bad(&row.direction))?,
                amount: money(row.amount, &row.currency)?,
                fee: money(row.fee, &row.currency)?,
                reference: row.reference,
                result: LineResult::parse(&row.result).ok_or_else(|| bad(&row.result))?,
                payout: row.payout_id.map(PayoutId::from_uuid),
                note: row.note,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::Reference;

    use super::*;

    #[test]
    fn a_line_is_the_same_subject_in_every_file() {
        let line = StatementLine {
            line: 2,
            at: DateTime::UNIX_EPOCH,
            direction: Direction::Credit,
            amount: "10 NGN".parse().unwrap(),
            fee: None,
            reference: Reference::from_stored("x"),
            balance: None,
        };
        let elsewhere = StatementLine { line: 7, balance: Some(Decimal::ONE), ..line.clone() };
        assert_eq!(about_line(&line), about_line(&elsewhere));
        let other = StatementLine { direction: Direction::Debit, ..line.clone() };
        assert_ne!(about_line(&line), about_line(&other));
        assert_eq!(about_line(&line).len(), "statement:".len() + 32);
    }
}
