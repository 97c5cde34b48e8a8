//! Shows what came out: one table for people, JSON lines for programs.

use anyhow::Result;
use serde_json::{Value, json};

use super::Report;
use super::case::Row;
use super::kill::{Kill, LIMIT_MILLIS};
use super::mail;
use crate::moment::seconds;

const COLUMNS: usize = 7;
/// Between two columns.
const GAP: &str = "  ";

/// Prints the table, the money check, and what was measured around a kill.
pub fn print(report: &Report) {
    let head = ["asked for", "amount", "route", "ended", "attempts", "money moved", "history in Temporal"];
    let lines: Vec<[String; COLUMNS]> = report.rows.iter().map(cells).collect();
    let mut widths = head.map(|cell| cell.chars().count());
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    println!();
    println!("  {}", aligned(&head.map(str::to_owned), &widths));
    println!("  {}", widths.map(|width| "─".repeat(width)).join(GAP));
    for (row, line) in report.rows.iter().zip(&lines) {
        let mark = if row.wrong.is_empty() { "✓" } else { "✗" };
        println!("{mark} {}", aligned(line, &widths));
        for wrong in &row.wrong {
            println!("    {wrong}");
        }
    }
    println!();
    println!("  The money");
    for finding in &report.money.findings {
        println!("{} {}", if finding.holds { "✓" } else { "✗" }, finding.words);
    }
    if let Some(mail) = &report.mail {
        println!("{} {}", if mail.holds { "✓" } else { "✗" }, mail.words);
    }
    for scene in &report.scenes {
        scene.print();
    }
    if let Some(kill) = &report.kill {
        print_kill(kill);
    }
    println!();
    println!(
        "{} {} payouts; {}",
        if report.is_right() {
            "✓ everything is as it should be:"
        } else {
            "✗ NOT everything is as it should be:"
        },
        report.rows.len().saturating_add(report.scenes.iter().map(|scene| scene.paid.len()).sum()),
        report.took
    );
}

fn print_kill(kill: &Kill) {
    println!();
    println!(
        "  The kill: from the spawn of the new worker to the first workflow task it completed for a payout"
    );
    for open in &kill.open {
        let time = open.next_step_millis.map_or_else(|| "never".to_owned(), seconds);
        println!("    payout {} was {:<10}  next step after {time}", open.payout, open.status);
    }
    if let Some((median, worst)) = kill.median_and_worst() {
        println!(
            "{} {} payouts were open: median {}, worst {} (limit {})",
            if kill.is_right() { "✓" } else { "✗" },
            kill.open.len(),
            seconds(median),
            seconds(worst),
            seconds(LIMIT_MILLIS)
        );
    }
}

fn cells(row: &Row) -> [String; COLUMNS] {
    let moved = match row.paid {
        0 => "nothing".to_owned(),
        1 => format!("{} once", row.moved),
        times => format!("{} IN {times} TRANSFERS", row.moved),
    };
    let ended = if row.refunded { format!("{}, refunded", row.status) } else { row.status.clone() };
    [
        row.asked.to_owned(),
        row.amount.to_string(),
        row.route.clone().unwrap_or_else(|| "—".to_owned()),
        ended,
        row.attempts.to_string(),
        moved,
        row.link.clone().unwrap_or_else(|| "—".to_owned()),
    ]
}

fn aligned(cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join(GAP).trim_end().to_owned()
}

/// One object per payout, then the money check, then the kill.
pub fn print_json(report: &Report) -> Result<()> {
    for row in &report.rows {
        println!("{}", serde_json::to_string(&row_json(row))?);
    }
    println!("{}", serde_json::to_string(&report.money.json())?);
    if let Some(mail) = &report.mail {
        println!("{}", serde_json::to_string(&mail::json(mail))?);
    }
    for scene in &report.scenes {
        println!("{}", serde_json::to_string(&scene.json())?);
    }
    if let Some(kill) = &report.kill {
        println!("{}", serde_json::to_string(&kill_json(kill))?);
    }
    Ok(())
}

fn row_json(row: &Row) -> Value {
    json!({
        "kind": "payout",
        "scenario": row.key,
        "asked": row.asked,
        "payout_id": row.payout,
        "amount": row.amount.plain(),
        "route": row.route,
        "status": row.status,
        "refunded": row.refunded,
        "attempts": row.attempts,
        "times_paid": row.paid,
        "money_moved": row.moved.plain(),
        "available_before": row.before.plain(),
        "available_after": row.after.plain(),
        "milliseconds": row.took_millis,
        "temporal_ui": row.link,
        "ok": row.wrong.is_empty(),
        "wrong": row.wrong,
    })
}

fn kill_json(kill: &Kill) -> Value {
    let open: Vec<Value> = kill
        .open
        .iter()
        .map(|open| {
            json!({
                "payout_id": open.payout, "status": open.status,
                "milliseconds_to_next_step": open.next_step_millis,
            })
        })
        .collect();
    let (median, worst) = kill.median_and_worst().unzip();
    json!({
        "kind": "kill", "ok": kill.is_right(), "open": open,
        "median_milliseconds": median, "worst_milliseconds": worst, "limit_milliseconds": LIMIT_MILLIS,
    })
}
