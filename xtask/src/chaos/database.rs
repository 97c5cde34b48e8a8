//! What the product's database says, read beside the API through `psql`: the verdict does not take the API's word.
//!
//! A database that is away is an answer ([`Database::try_rows`]), not an error: it is being killed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::http::text;
use crate::naira::Naira;
use crate::stack::postgres::sql;

#[derive(Clone, Debug)]
pub struct Database {
    psql: PathBuf,
    url: String,
}

/// A payout that had not ended at some moment.
#[derive(Clone, Debug)]
pub struct OpenPayout {
    pub id: String,
    /// When its own clock moves it next, in milliseconds since 1970.
    pub due: Option<i64>,
    /// It waits for a window.
    pub is_approved: bool,
    /// Only a person moves it.
    pub is_for_a_person: bool,
}

/// A payout as the database has it.
#[derive(Clone, Debug)]
pub struct Payout {
    pub id: String,
    pub amount: Naira,
    pub status: String,
    pub refunded: bool,
    pub needs_attention: bool,
    /// The kinds of its cases that are open, its provider's pauses and its review.
    pub with_people: Vec<String>,
    /// The kinds of all its cases.
    pub cases: Vec<String>,
}

/// An attempt as the database has it.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub payout: String,
    pub reference: String,
    pub status: String,
}

const OPEN: &str = "(p.status IN ('REQUESTED', 'APPROVED', 'PROCESSING') OR (p.status = 'FAILED' AND p.refunded_at IS NULL))";

impl Payout {
    /// Nothing will happen to it any more.
    pub fn is_final(&self) -> bool {
        match self.status.as_str() {
            "COMPLETED" | "REJECTED" | "CANCELLED" | "REVERSED" => true,
            _ => self.refunded,
        }
    }

    pub fn is_with_people(&self) -> bool {
        self.needs_attention || !self.with_people.is_empty()
    }
}

impl Database {
    pub fn new(psql: PathBuf, url: &str) -> Self {
        Self { psql, url: url.to_owned() }
    }

    /// The rows of a query, each an object.
    pub fn rows(&self, query: &str) -> Result<Vec<Value>> {
        let statement = format!("SELECT coalesce(json_agg(q), '[]') FROM ({query}) q");
        let said = sql(&self.psql, &self.url, &statement)?;
        serde_json::from_str(said.trim()).with_context(|| format!("reading what psql said: {said}"))
    }

    /// The same; nothing while the database is away.
    pub fn try_rows(&self, query: &str) -> Option<Vec<Value>> {
        self.rows(query).ok()
    }

    /// One number or word.
    pub fn scalar(&self, query: &str) -> Result<String> {
        Ok(sql(&self.psql, &self.url, query)?.trim().to_owned())
    }

    /// The `word` of each row.
    pub fn words(&self, query: &str) -> Result<BTreeSet<String>> {
        let rows = self.rows(query)?;
        Ok(rows.iter().filter_map(|row| text(row, "/word").map(str::to_owned)).collect())
    }

    /// Every payout that has not ended; nothing while the database is away.
    pub fn open(&self) -> Option<Vec<OpenPayout>> {
        let rows = self.try_rows(&format!(
            "SELECT p.id, p.status = 'APPROVED' AS approved, p.needs_attention OR EXISTS (SELECT FROM reviews r WHERE r.payout_id = p.id AND r.status = 'OPEN') AS person,
                    (extract(epoch FROM coalesce(p.next_attempt_at,
                        (SELECT max(a.check_at) FROM attempts a WHERE a.payout_id = p.id AND a.status IN ('SUBMITTING', 'ACCEPTED', 'UNKNOWN'))))
                     * 1000)::bigint AS due
             FROM payouts p WHERE {OPEN} ORDER BY p.id"
        ))?;
        let read = |row: &Value| {
            Some(OpenPayout {
                id: text(row, "/id")?.to_owned(),
                due: row.get("due").and_then(Value::as_i64),
                is_approved: row.get("approved").and_then(Value::as_bool)?,
                is_for_a_person: row.get("person").and_then(Value::as_bool)?,
            })
        };
        Some(rows.iter().filter_map(read).collect())
    }

    /// When something was written down about a payout, in milliseconds since 1970.
    pub fn steps(&self) -> Result<Vec<(String, i64)>> {
        let rows = self.rows(
            "SELECT s.payout_id AS id, (extract(epoch FROM s.at) * 1000)::bigint AS at FROM (
                 SELECT payout_id, at FROM audit WHERE payout_id IS NOT NULL
                 UNION ALL SELECT a.payout_id, e.observed_at FROM evidence e JOIN attempts a ON a.id = e.attempt_id
                 UNION ALL SELECT payout_id, began_at FROM attempts
                 UNION ALL SELECT payout_id, updated_at FROM attempts
                 UNION ALL SELECT payout_id, assessed_at FROM assessments
                 UNION ALL SELECT id, updated_at FROM payouts) s",
        )?;
        let read = |row: &Value| Some((text(row, "/id")?.to_owned(), row.get("at")?.as_i64()?));
        Ok(rows.iter().filter_map(read).collect())
    }

    pub fn payouts(&self) -> Result<Vec<Payout>> {
        let rows = self.rows(
            "SELECT p.id, p.amount::text AS amount, p.status, p.refunded_at IS NOT NULL AS refunded, p.needs_attention,
                    array(SELECT 'case ' || c.kind FROM cases c WHERE c.status = 'OPEN'
                              AND (c.payout_id = p.id OR c.subject IN (SELECT 'attempt:' || a.id FROM attempts a WHERE a.payout_id = p.id))
                          UNION ALL SELECT 'pause of its ' || s.scope FROM pauses s
                              WHERE s.subject IN (p.provider_id::text, p.bank_account_id::text)
                          UNION ALL SELECT 'pause of everything' FROM control WHERE paused
                          UNION ALL SELECT 'review' FROM reviews r WHERE r.payout_id = p.id AND r.status = 'OPEN') AS people,
                    array(SELECT c.kind FROM cases c WHERE c.payout_id = p.id
                              OR c.subject IN (SELECT 'attempt:' || a.id FROM attempts a WHERE a.payout_id = p.id)) AS cases
             FROM payouts p ORDER BY p.id",
        )?;
        let flag = |row: &Value, name: &str| row.get(name).and_then(Value::as_bool).unwrap_or_default();
        let read = |row: &Value| {
            Some(Payout {
                id: text(row, "/id")?.to_owned(),
                amount: Naira::of(row.get("amount")),
                status: text(row, "/status")?.to_owned(),
                refunded: flag(row, "refunded"),
                needs_attention: flag(row, "needs_attention"),
                with_people: texts(row, "/people"),
                cases: texts(row, "/cases"),
            })
        };
        rows.iter().map(|row| read(row).with_context(|| format!("reading {row}"))).collect()
    }

    pub fn attempts(&self) -> Result<Vec<Attempt>> {
        let rows =
            self.rows("SELECT payout_id, reference, status FROM attempts ORDER BY began_at, number")?;
        let read = |row: &Value| {
            Some(Attempt {
                payout: text(row, "/payout_id")?.to_owned(),
                reference: text(row, "/reference")?.to_owned(),
                status: text(row, "/status")?.to_owned(),
            })
        };
        rows.iter().map(|row| read(row).with_context(|| format!("reading {row}"))).collect()
    }

    /// What our ledger says is in the gateway's wallet, apart from what was funded.
    pub fn wallet(&self) -> Result<Naira> {
        let said = self.scalar(
            "SELECT coalesce(sum(e.amount), 0) FROM entries e JOIN ledger_accounts a ON a.id = e.account_id
             JOIN postings g ON g.id = e.posting_id
             WHERE a.kind = 'gateway_wallet' AND a.currency = 'NGN' AND g.kind <> 'wallet_funded'",
        )?;
        Naira::parse(&said).with_context(|| format!("the ledger's wallet is {said}"))
    }

    /// Everything that was written down about a payout, for a person.
    pub fn trail(&self, payout: &str) -> Vec<String> {
        let rows = self.try_rows(&format!(
            "SELECT * FROM (
                 SELECT at, actor || ': ' || action || coalesce(' (' || reason || ')', '') AS line FROM audit WHERE payout_id = '{payout}'
                 UNION ALL SELECT e.observed_at, e.source || ' of attempt ' || a.number || ' (' || a.reference || '): ' || e.verdict || ' ' || e.detail
                     FROM evidence e JOIN attempts a ON a.id = e.attempt_id WHERE a.payout_id = '{payout}') t ORDER BY at"
        ));
        let line = |row: &Value| Some(format!("{}  {}", text(row, "/at")?, text(row, "/line")?));
        rows.unwrap_or_default().iter().filter_map(line).collect()
    }
}

fn texts(row: &Value, place: &str) -> Vec<String> {
    let words = row.pointer(place).and_then(Value::as_array);
    words.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
