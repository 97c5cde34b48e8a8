//! Providers whose payouts the rules approve by themselves.
//!
//! Someone is trusted after three payouts that reached them, and the tenth request within a day counts as a spike: each
//! provider is good for six measured payouts. All of it goes through the API, as in life.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::http::{Client, text};
use crate::interrupt;
use crate::marketplace::{Marketplace, NewPerson, Person};
use crate::moment;
use crate::naira::Naira;
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};

/// Payouts that make someone trusted.
const TRUST: usize = 3;
/// Payouts after that which no rule holds up.
pub const EACH: usize = 6;
const AMOUNT: Naira = Naira::whole(1_000);
const EARNED: Naira = Naira::whole(50_000);
const BANK: &str = "058";
/// Whatever takes longer is stuck.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Makes trusted providers.
#[derive(Debug)]
pub struct Crowd {
    marketplace: Marketplace,
    pub admin: Client,
    run: i64,
}

/// One of them.
#[derive(Debug)]
pub struct Trusted {
    person: Person,
    external_id: String,
}

impl Crowd {
    pub fn new(around: &Surroundings) -> Result<Self> {
        let admin = mint(&around.jwt_secret, Role::Admin, "admin-ada", None)?;
        Ok(Self {
            marketplace: Marketplace::new(around)?,
            admin: Client::new(&around.api_url()).with_token(admin),
            run: moment::now(),
        })
    }

    /// Provider number so-and-so of this run; takes about a second.
    pub fn trusted(&self, number: usize) -> Result<Trusted> {
        let external_id = format!("bench-{}-{number}", self.run);
        let new = NewPerson { external_id: &external_id, name: "Bench Provider", verified: true };
        let person = self.marketplace.person(new, BANK, &format!("{:010}", number.saturating_add(1)))?;
        self.marketplace.earning(&format!("{external_id}-1"), &external_id, EARNED, "Work")?;
        let trusted = Trusted { person, external_id };
        let first = (0..TRUST).map(|number| trusted.ask(&format!("trust-{number}")));
        let first = first.collect::<Result<Vec<String>>>()?;
        for payout in &first {
            self.until(payout, SLOWLY, |detail| text(detail, "/waiting/waiting_for") == Some("decision"))?;
            let decision = json!({ "decision": "approve", "reason": "bench" });
            let path = format!("/api/admin/payouts/{payout}/decision");
            self.admin.post(&path, &decision)?.success("deciding")?;
        }
        for payout in &first {
            self.until_completed(payout, SLOWLY)?;
        }
        Ok(trusted)
    }

    pub fn until_completed(&self, payout: &str, every: Duration) -> Result<Value> {
        self.until(payout, every, |detail| text(detail, "/payout/status") == Some("COMPLETED"))
    }

    fn until(&self, payout: &str, every: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let asked = Instant::now();
        let path = format!("/api/admin/payouts/{payout}");
        loop {
            let detail = self.admin.get(&path)?.success("reading a payout")?;
            if wanted(&detail) {
                return Ok(detail);
            }
            if asked.elapsed() > PATIENCE {
                bail!("payout {payout} is {}", text(&detail, "/payout/status").unwrap_or("?"));
            }
            interrupt::check()?;
            thread::sleep(every);
        }
    }
}

/// Between two looks where many wait: the looks must not be the load.
pub const SLOWLY: Duration = Duration::from_millis(250);

impl Trusted {
    /// Asks for a payout; the answer is its id.
    pub fn ask(&self, key: &str) -> Result<String> {
        self.person.payout(AMOUNT, &format!("{}-{key}", self.external_id))
    }
}
