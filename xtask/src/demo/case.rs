//! One payout of the demo: what is asked, what happens to it, how it has to end, and how it did end.

use anyhow::Result;
use serde_json::Value;

use super::stage::Stage;
use crate::http::{list, text};
use crate::marketplace::{Balance, Person};
use crate::naira::Naira;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Names it in file names and JSON.
    pub key: &'static str,
    /// What was asked, in words.
    pub asked: &'static str,
    pub amount: Naira,
    /// Who asks.
    pub name: &'static str,
    pub verified: bool,
    /// Earned beside what everybody earned.
    pub earned_more: Option<Naira>,
    /// Where they are paid; no other case has this account, so that faults find their payout.
    pub bank_code: &'static str,
    pub account_number: &'static str,
    pub expected: Expected,
    /// Carries it from the request to its end. It fails when something on the way is not as it should be.
    pub play: fn(&Stage, &Case, &Person) -> Result<Played>,
}

/// How a payout has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    pub route: Option<&'static str>,
    pub status: &'static str,
    pub attempts: u64,
    /// How often the gateway's books say the money arrived.
    pub paid: u64,
    pub refunded: bool,
}

/// What a driver leaves behind.
#[derive(Clone, Debug)]
pub enum Played {
    /// A payout that has ended.
    Payout(String),
    /// The request was refused and nothing was written; the refusal.
    Refused(String),
}

/// How it did end.
#[derive(Clone, Debug)]
pub struct Row {
    pub key: &'static str,
    pub asked: &'static str,
    pub amount: Naira,
    pub payout: Option<String>,
    pub route: Option<String>,
    pub status: String,
    pub refunded: bool,
    pub attempts: u64,
    /// Transfers that arrived, and their sum, by the gateway's own books.
    pub paid: u64,
    pub moved: Naira,
    /// What the provider could ask for before and after.
    pub before: Naira,
    pub after: Naira,
    pub took_millis: i64,
    pub link: Option<String>,
    /// What is not as it should be; empty is good.
    pub wrong: Vec<String>,
}

impl Row {
    /// A row of which nothing is known yet.
    pub fn new(case: &Case) -> Self {
        Self {
            key: case.key,
            asked: case.asked,
            amount: case.amount,
            payout: None,
            route: None,
            status: String::new(),
            refunded: false,
            attempts: 0,
            paid: 0,
            moved: Naira::default(),
            before: Naira::default(),
            after: Naira::default(),
            took_millis: 0,
            link: None,
            wrong: vec![],
        }
    }

    /// Fills in what the API and the gateway's books say.
    pub fn look(&mut self, stage: &Stage, payout: &str) -> Result<()> {
        let detail = stage.detail(payout)?;
        self.payout = Some(payout.to_owned());
        self.route = text(&detail, "/payout/risk").map(str::to_owned);
        text(&detail, "/payout/status").unwrap_or("?").clone_into(&mut self.status);
        self.refunded = text(&detail, "/payout/refunded_at").is_some();
        self.attempts = detail.pointer("/payout/attempts").and_then(Value::as_u64).unwrap_or_default();
        self.link = text(&detail, "/workflow_url").map(str::to_owned);
        for attempt in list(&detail, "/attempts") {
            let Some(reference) = text(attempt, "/reference") else { continue };
            for transfer in stage.transfers(reference)? {
                let paid = transfer.get("times_paid").and_then(Value::as_u64).unwrap_or_default();
                self.paid = self.paid.saturating_add(paid);
                self.moved = self.moved.plus(Naira::of(transfer.get("amount")).times(paid));
            }
        }
        Ok(())
    }

    /// Compares with how it had to end.
    pub fn judge(&mut self, expected: Expected) {
        let route = self.route.as_deref();
        let mut wrong = vec![];
        let mut differs = |what: &str, is: &str, should: &str| {
            if is != should {
                wrong.push(format!("{what} is {is}, not {should}"));
            }
        };
        differs("route", route.unwrap_or("none"), expected.route.unwrap_or("none"));
        differs("status", &self.status, expected.status);
        differs("refunded", &self.refunded.to_string(), &expected.refunded.to_string());
        differs("number of attempts", &self.attempts.to_string(), &expected.attempts.to_string());
        differs("times paid", &self.paid.to_string(), &expected.paid.to_string());
        let due = self.amount.times(expected.paid);
        differs("money moved", &self.moved.plain(), &due.plain());
        self.wrong.extend(wrong);
    }

    /// Compares the provider's balance with what had to become of it; for someone with one payout.
    pub fn judge_balance(&mut self, before: Balance, after: Balance) {
        self.before = before.available;
        self.after = after.available;
        let expected = Balance {
            available: before.available.minus(self.moved),
            reserved: Naira::default(),
            paid_out: before.paid_out.plus(self.moved),
        };
        if after != expected {
            self.wrong.push(format!("the balance is {after:?}, not {expected:?}"));
        }
    }
}
