//! What a marketplace and its providers do, through the API: push providers and earnings, add bank accounts, ask for money.
//!
//! Everything is pushed under external ids that the caller chooses, so doing it again changes nothing.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::http::{Answer, Client, list, needed};
use crate::naira::Naira;
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};

/// Earnings have a moment; the oldest is used up first. Any fixed one in the past will do, and it must be the same when an
/// earning is pushed again.
const EARNED_AT: &str = "2026-01-05T09:00:00Z";

/// The API as seen by the marketplace.
#[derive(Clone, Debug)]
pub struct Marketplace {
    api: Client,
    platform: Client,
    jwt_secret: String,
}

/// Who is to be pushed.
#[derive(Clone, Copy, Debug)]
pub struct NewPerson<'a> {
    pub external_id: &'a str,
    pub name: &'a str,
    pub verified: bool,
}

/// A provider who can sign in and be paid.
#[derive(Clone, Debug)]
pub struct Person {
    pub token: String,
    pub bank_account: String,
    client: Client,
}

/// What a provider has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub available: Naira,
    pub reserved: Naira,
    pub paid_out: Naira,
}

impl Marketplace {
    pub fn new(around: &Surroundings) -> Result<Self> {
        let api = Client::new(&around.api_url());
        let platform = api.with_token(mint(&around.jwt_secret, Role::Platform, "marketplace", None)?);
        Ok(Self { api, platform, jwt_secret: around.jwt_secret.clone() })
    }

    /// Pushes a provider and adds their account, whose holder the bank is asked for.
    pub fn person(&self, new: NewPerson<'_>, bank_code: &str, account_number: &str) -> Result<Person> {
        let NewPerson { external_id, name, verified } = new;
        let content = json!({ "display_name": name, "email": email_of(external_id), "verified": verified });
        let path = format!("/api/platform/providers/{external_id}");
        let pushed = self.platform.put(&path, &content)?.success("pushing a provider")?;
        let id = needed(&pushed, "/id")?.to_owned();
        let token = mint(&self.jwt_secret, Role::Provider, external_id, Some(&id))?;
        let client = self.api.with_token(token.clone());
        let account = json!({ "bank_code": bank_code, "account_number": account_number, "currency": "NGN" });
        let added = client.post("/api/provider/bank-accounts", &account)?.success("adding a bank account")?;
        let bank_account = needed(&added, "/id")?.to_owned();
        Ok(Person { token, bank_account, client })
    }

    pub fn earning(&self, external_id: &str, provider: &str, amount: Naira, for_what: &str) -> Result<()> {
        let content = json!({
            "provider": provider, "amount": money(amount), "description": for_what, "earned_at": EARNED_AT,
        });
        let path = format!("/api/platform/earnings/{external_id}");
        self.platform.put(&path, &content)?.success("pushing an earning").map(drop)
    }
}

/// Where somebody is mailed to: nowhere, on any machine (RFC 2606).
pub fn email_of(external_id: &str) -> String {
    format!("{external_id}@providers.example")
}

impl Person {
    /// What is said when they ask for money.
    pub fn ask(&self, amount: Naira, key: &str) -> Result<Answer> {
        self.client.post_once("/api/provider/payouts", &self.request(amount), key)
    }

    /// The body of such a request.
    pub fn request(&self, amount: Naira) -> Value {
        json!({ "amount": money(amount), "bank_account_id": self.bank_account })
    }

    /// Asks for money that is there; the answer is the payout's id.
    pub fn payout(&self, amount: Naira, key: &str) -> Result<String> {
        let payout = self.ask(amount, key)?.success("asking for a payout")?;
        Ok(needed(&payout, "/id")?.to_owned())
    }

    pub fn cancel(&self, payout: &str) -> Result<()> {
        self.ask_to_cancel(payout)?.success("cancelling").map(drop)
    }

    /// What is said when they change their mind.
    pub fn ask_to_cancel(&self, payout: &str) -> Result<Answer> {
        self.client.post(&format!("/api/provider/payouts/{payout}/cancel"), &json!({}))
    }

    /// What they are told about a payout of theirs.
    pub fn look_at(&self, payout: &str) -> Result<Answer> {
        self.client.get(&format!("/api/provider/payouts/{payout}"))
    }

    /// The same person, who waits for an answer no longer than this.
    pub fn with_patience(&self, limit: Duration) -> Self {
        Self { client: self.client.with_patience(limit), ..self.clone() }
    }

    pub fn payouts(&self) -> Result<usize> {
        let answer = self.client.get("/api/provider/payouts")?.success("listing payouts")?;
        Ok(list(&answer, "/items").len())
    }

    pub fn balance(&self) -> Result<Balance> {
        let answer = self.client.get("/api/provider/balance")?.success("reading a balance")?;
        let naira = list(&answer, "/balances")
            .iter()
            .find(|balance| balance.get("currency").and_then(Value::as_str) == Some("NGN"));
        let part = |name: &str| Naira::of(naira.and_then(|balance| balance.get(name)));
        Ok(Balance { available: part("available"), reserved: part("reserved"), paid_out: part("paid_out") })
    }
}

fn money(amount: Naira) -> Value {
    json!({ "amount": amount.plain(), "currency": "NGN" })
}
