//! The payouts of the demo: each is one way through the system, with how it has to end.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::case::{Case, Expected, Played};
use super::stage::Stage;
use super::two_approvers;
use crate::http::{list, needed, text};
use crate::marketplace::Person;
use crate::naira::Naira;

const REVIEW: Option<&str> = Some("review");
const AUTO: Option<&str> = Some("auto");
const GTBANK: &str = "058";
const ACCESS_BANK: &str = "044";

/// Of a refused transfer: soon, since four of them follow each other.
const REFUSED_AFTER: &str = "500ms";
/// The gateway holds the line longer than our client waits (`GATEWAY_TIMEOUT` of the demo).
const STALL: &str = "8s";
/// What was ignored has had this long to do harm.
const HARM_TIME: Duration = Duration::from_millis(700);

const COMPLETED: Expected =
    Expected { route: REVIEW, status: "COMPLETED", attempts: 1, paid: 1, refunded: false };
const NOTHING_SENT: Expected = Expected { attempts: 0, paid: 0, ..COMPLETED };

/// Someone becomes trusted by three payouts that reached them. The cases of [`CASES`] begin when they have.
pub const TRUST: Case = Case {
    key: "trust",
    asked: "first payouts of someone new",
    amount: Naira::whole(15_000),
    name: "Adaeze Okafor",
    verified: true,
    earned_more: None,
    bank_code: GTBANK,
    account_number: "0123456701",
    expected: COMPLETED,
    play: automatic,
};

/// Asked for by whom [`TRUST`] has made trusted.
pub const AUTO_APPROVED: Case = Case {
    key: "auto_approved",
    asked: "auto-approved",
    amount: Naira::whole(20_000),
    expected: Expected { route: AUTO, ..COMPLETED },
    ..TRUST
};

/// All at the same time.
pub const CASES: [Case; 13] = [
    Case {
        key: "approved_by_admin",
        asked: "approved by an admin",
        amount: Naira::whole(75_000),
        name: "Chinedu Balogun",
        account_number: "0123456702",
        play: approved,
        ..TRUST
    },
    Case {
        key: "two_approvers",
        asked: "above the limit, by two admins",
        amount: Naira::whole(1_200_000),
        name: "Halima Sani",
        earned_more: Some(Naira::whole(1_200_000)),
        account_number: "0123456713",
        play: two_approvers::play,
        ..TRUST
    },
    Case {
        key: "approved_by_signal",
        asked: "approved by signal, after garbage",
        amount: Naira::whole(30_000),
        name: "Ngozi Lawal",
        account_number: "0123456703",
        play: approved_by_signal,
        ..TRUST
    },
    Case {
        key: "rejected",
        asked: "rejected",
        amount: Naira::whole(90_000),
        name: "Musa Danjuma",
        verified: false,
        account_number: "0123456704",
        expected: Expected { status: "REJECTED", ..NOTHING_SENT },
        play: rejected,
        ..TRUST
    },
    Case {
        key: "cancelled",
        asked: "cancelled",
        amount: Naira::whole(12_500),
        name: "Folake Adeyemi",
        account_number: "0123456705",
        expected: Expected { status: "CANCELLED", ..NOTHING_SENT },
        play: cancelled,
        ..TRUST
    },
    Case {
        key: "too_little_balance",
        asked: "too little balance",
        amount: Naira::whole(500_000),
        name: "Ibrahim Bello",
        account_number: "0123456706",
        expected: Expected { route: None, status: "400 insufficient_balance", ..NOTHING_SENT },
        play: too_little,
        ..TRUST
    },
    Case {
        key: "refused_once",
        asked: "gateway refuses once, then pays",
        amount: Naira::whole(18_000),
        name: "Yetunde Afolabi",
        account_number: "0123456707",
        expected: Expected { attempts: 2, ..COMPLETED },
        play: refused_once,
        ..TRUST
    },
    Case {
        key: "refused_always",
        asked: "gateway refuses four times",
        amount: Naira::whole(22_000),
        name: "Emeka Nwosu",
        account_number: "0123456708",
        expected: Expected { status: "FAILED", attempts: 4, paid: 0, refunded: true, ..COMPLETED },
        play: refused_always,
        ..TRUST
    },
    Case {
        key: "refused_for_good",
        asked: "gateway refuses for good",
        amount: Naira::whole(27_000),
        name: "Segun Ogunleye",
        bank_code: ACCESS_BANK,
        // The gateway's documented account that it blacklists.
        account_number: "0690000036",
        expected: Expected { status: "FAILED", paid: 0, refunded: true, ..COMPLETED },
        play: refunded,
        ..TRUST
    },
    Case {
        key: "call_times_out",
        asked: "call times out, money moved",
        amount: Naira::whole(41_000),
        name: "Zainab Mohammed",
        account_number: "0123456709",
        play: call_times_out,
        ..TRUST
    },
    Case {
        key: "webhook_lost",
        asked: "webhook lost",
        amount: Naira::whole(33_300),
        name: "Obinna Eze",
        account_number: "0123456710",
        play: webhook_lost,
        ..TRUST
    },
    Case {
        key: "webhook_twice",
        asked: "webhook twice",
        amount: Naira::whole(9_950),
        name: "Temitope Idowu",
        account_number: "0123456711",
        play: webhook_twice,
        ..TRUST
    },
    Case {
        key: "webhook_forged",
        asked: "webhook forged",
        amount: Naira::whole(48_000),
        name: "Kelechi Obi",
        account_number: "0123456712",
        play: webhook_forged,
        ..TRUST
    },
];

fn requested(stage: &Stage, case: &Case, person: &Person) -> Result<String> {
    stage.act(|| person.payout(case.amount, &format!("{}-{}", stage.run, case.key)))
}

/// Asked for, reviewed and approved over the API.
fn admitted(stage: &Stage, case: &Case, person: &Person) -> Result<String> {
    let payout = requested(stage, case, person)?;
    stage.until_review(&payout)?;
    stage.decide(&payout, "approve", "The work was checked.")?;
    Ok(payout)
}

fn completed(stage: &Stage, payout: String) -> Result<Played> {
    stage.until_status(&payout, "COMPLETED")?;
    Ok(Played::Payout(payout))
}

fn automatic(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    completed(stage, requested(stage, case, person)?)
}

fn approved(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    completed(stage, admitted(stage, case, person)?)
}

fn approved_by_signal(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let payout = requested(stage, case, person)?;
    stage.until_review(&payout)?;
    stage.hesitate()?;
    // Bytes that are no JSON, a word nobody listens to, a decision that is none.
    stage.signal(&payout, "decision", &["--input-meta", "encoding=binary/plain", "--input", "}{ aprove"])?;
    stage.signal(&payout, "approve_please", &["--input", r#"{"decision":"approve"}"#])?;
    stage.signal(&payout, "decision", &["--input", r#"{"decision":"aprove"}"#])?;
    let ignored = |detail: &Value| {
        let lines = list(detail, "/audit").iter();
        lines.filter(|line| text(line, "/action") == Some("signal_ignored")).count()
    };
    let detail = stage.until(&payout, "told of three ignored signals", |detail| ignored(detail) == 3)?;
    ensure!(text(&detail, "/payout/status") == Some("REQUESTED"), "a malformed signal moved the payout");
    let decision = r#"{"decision":"approve","reason":"I know them.","by":"ada"}"#;
    stage.signal(&payout, "decision", &["--input", decision])?;
    let played = completed(stage, payout.clone())?;
    let detail = stage.detail(&payout)?;
    let by = needed(&detail, "/payout/approved_by")?;
    ensure!(by == "engine:ada", "approved by {by}, not by engine:ada");
    Ok(played)
}

fn rejected(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let payout = requested(stage, case, person)?;
    stage.until_review(&payout)?;
    stage.hesitate()?;
    stage.decide(&payout, "reject", "We do not know this provider yet.")?;
    stage.until_status(&payout, "REJECTED")?;
    Ok(Played::Payout(payout))
}

fn cancelled(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let payout = requested(stage, case, person)?;
    stage.until_review(&payout)?;
    stage.hesitate()?;
    stage.act(|| person.cancel(&payout))?;
    stage.until_status(&payout, "CANCELLED")?;
    Ok(Played::Payout(payout))
}

fn too_little(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let key = format!("{}-{}", stage.run, case.key);
    let refusal = stage.act(|| person.ask(case.amount, &key))?;
    let code = text(&refusal.body, "/code").unwrap_or("without a code").to_owned();
    let written = person.payouts()?;
    ensure!(written == 0, "{written} payouts were written all the same");
    Ok(Played::Refused(format!("{} {code}", refusal.status)))
}

fn refused_once(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let message = "DISBURSE FAILED: the bank is not available";
    let fault = json!({ "kind": "fail", "message": message, "after": REFUSED_AFTER });
    stage.fault(case.account_number, 1, &fault)?;
    approved(stage, case, person)
}

fn refused_always(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let message = "DISBURSE FAILED: the bank is not available";
    let fault = json!({ "kind": "fail", "message": message, "after": REFUSED_AFTER });
    // Until it is deleted.
    stage.fault(case.account_number, 0, &fault)?;
    refunded(stage, case, person)
}

/// Fails until only a person can help, and an admin gives the money back.
fn refunded(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let payout = admitted(stage, case, person)?;
    stage.until(&payout, "in need of attention", |detail| {
        detail.pointer("/payout/needs_attention").and_then(Value::as_bool) == Some(true)
    })?;
    let held = person.balance()?.reserved;
    ensure!(held == case.amount, "{held} are reserved before the refund, not {}", case.amount);
    stage.refund(&payout, "The bank will not take it.")?;
    stage.until(&payout, "refunded", |detail| text(detail, "/payout/refunded_at").is_some())?;
    Ok(Played::Payout(payout))
}

fn call_times_out(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    stage.fault(case.account_number, 1, &json!({ "kind": "timeout_money_moves", "stall": STALL }))?;
    approved(stage, case, person)
}

fn webhook_lost(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    stage.fault(case.account_number, 1, &json!({ "kind": "webhook_lost" }))?;
    let played = approved(stage, case, person)?;
    expect_webhooks(stage, &played, 0)?;
    Ok(played)
}

fn webhook_twice(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    stage.fault(case.account_number, 1, &json!({ "kind": "webhook_duplicate", "apart": "200ms" }))?;
    let played = approved(stage, case, person)?;
    expect_webhooks(stage, &played, 2)?;
    Ok(played)
}

/// The gateway's books say that it sent so many webhooks about the payout, and that each was answered 200.
fn expect_webhooks(stage: &Stage, played: &Played, count: usize) -> Result<()> {
    let Played::Payout(payout) = played else { return Ok(()) };
    // A copy may still be on its way when the payout is done.
    thread::sleep(HARM_TIME);
    let detail = stage.detail(payout)?;
    let reference = needed(&detail, "/attempts/0/reference")?;
    let transfers = stage.transfers(reference)?;
    let sent: Vec<&str> = transfers
        .iter()
        .flat_map(|transfer| list(transfer, "/webhooks"))
        .filter_map(|webhook| text(webhook, "/answer"))
        .collect();
    ensure!(sent.len() == count, "{} webhooks were sent, not {count}", sent.len());
    ensure!(sent.iter().all(|answer| *answer == "200"), "webhooks were answered {sent:?}");
    Ok(())
}

fn webhook_forged(stage: &Stage, case: &Case, person: &Person) -> Result<Played> {
    let payout = admitted(stage, case, person)?;
    let reference = stage.until_accepted(&payout)?;
    let unsigned =
        stage.webhook(&json!({ "reference": reference, "status": "SUCCESSFUL", "hash": "forged" }))?;
    ensure!(unsigned == ["401"], "a webhook with a wrong hash was answered {unsigned:?}, not 401");
    let forged = stage.webhook(&json!({ "reference": reference, "status": "SUCCESSFUL" }))?;
    ensure!(forged == ["200"], "a webhook with the right hash was answered {forged:?}, not 200");
    // It makes us ask the gateway, and the gateway does not know of any success yet.
    let detail =
        stage.until(&payout, "looked up because of the webhook", |detail| first_look(detail).is_some())?;
    let gateway = stage.transfers(&reference)?;
    let gateway_says = gateway.first().and_then(|transfer| text(transfer, "/status")).unwrap_or("?");
    let (saw, status) = (first_look(&detail).unwrap_or_default(), needed(&detail, "/payout/status")?);
    // Where the worker was killed the look may have come so late that the gateway has paid by then.
    let was_late = stage.kills && gateway_says == "SUCCESSFUL";
    ensure!(
        was_late || saw == "in_flight",
        "after the forged webhook the look-up saw {saw}: it is {status}, the gateway says {gateway_says}"
    );
    completed(stage, payout)
}

/// What the gateway said when it was first asked about the first attempt.
fn first_look(detail: &Value) -> Option<&str> {
    let mut evidence = list(detail, "/attempts/0/evidence").iter();
    text(evidence.find(|seen| text(seen, "/source") == Some("look_up"))?, "/verdict")
}
