//! The people outside: providers who ask until they have an answer, and admins who decide.
//!
//! A provider's client behaves as a good client should: it keeps its idempotency key, asks again on a lost connection, 5xx or
//! 429 with growing pauses, and remembers every 201 it ever got. What it asks for and when is its script, from the seed. At its
//! end each provider looks for what they were promised, and asks again, with the same key, for what a restored database forgot.
//!
//! Finance closes what an agreement ends (a failing account, a debt), and somebody on call does what the runbook says after a
//! restore: reconcile, then resume.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::dice::Dice;
use crate::http::{Answer, Client, list, text};
use crate::marketplace::{Marketplace, NewPerson, Person};
use crate::moment;
use crate::naira::Naira;
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};

/// A request that is not answered by then is asked again; shorter than the API's own limit, so that a slow answer is met by a
/// second request under the same key.
const PATIENCE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(50);
/// Between two looks of an admin.
const ADMIN_PAUSE: Duration = Duration::from_millis(700);
/// Between two batches that an admin runs by hand.
const BATCH_PAUSE: Duration = Duration::from_secs(7);
/// Between two looks of finance and of whoever is on call.
const CALM_PAUSE: Duration = Duration::from_secs(2);
/// An admin tries a failed payout again so often before giving the money back.
const RETRIES: u32 = 2;

/// Payouts that one provider asks for: more than make them trusted, and the rules see a spike only at the end.
const ASKS_EACH: usize = 8;
/// Earnings of uneven amounts, so that payouts take from several and leave parts over.
const EARNINGS: u64 = 12;
const BANKS: [&str; 4] = ["058", "044", "011", "033"];
/// A refusal of a request that is in order.
const TOO_LITTLE: &str = "insufficient_balance";
const OK: u16 = 200;
const CREATED: u16 = 201;
const NOT_FOUND: u16 = 404;

/// What everybody shares.
#[derive(Debug)]
pub struct Outside {
    marketplace: Marketplace,
    admin: Client,
    jwt_secret: String,
    run: String,
    seed: u64,
    /// Nobody asks for anything any more.
    gone: AtomicBool,
    view: Mutex<View>,
}

/// What clients were told.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Every 201.
    pub promises: Vec<Promise>,
    /// Final refusals of requests, by code.
    pub refused: BTreeMap<String, u32>,
    /// Requests that were sent again.
    pub repeats: u64,
    /// What admins did, by deed and answer.
    pub deeds: BTreeMap<String, u32>,
    /// When sending was resumed after the database was restored.
    pub resumed_at: Option<i64>,
    /// Answers that should not be.
    pub complaints: Vec<String>,
    /// Keys that never got an answer.
    pub unanswered: Vec<String>,
}

/// A payout that a client was promised.
#[derive(Clone, Debug)]
pub struct Promise {
    pub key: String,
    pub provider: String,
    pub payout: String,
    pub amount: Naira,
    pub at: i64,
}

/// Someone with a client.
#[derive(Clone, Debug)]
pub struct Provider {
    name: String,
    person: Person,
    script: Vec<Ask>,
}

/// One request of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ask {
    at: Duration,
    amount: Naira,
    /// Asks once more with the same key although it was answered.
    repeats: bool,
    /// Changes their mind so long after the answer.
    cancels_after: Option<Duration>,
}

impl Outside {
    pub fn new(around: &Surroundings, run: String, seed: u64) -> Result<Self> {
        Ok(Self {
            marketplace: Marketplace::new(around)?,
            admin: Client::new(&around.api_url()).with_patience(PATIENCE),
            jwt_secret: around.jwt_secret.clone(),
            run,
            seed,
            gone: AtomicBool::new(false),
            view: Mutex::default(),
        })
    }

    pub fn view(&self) -> View {
        self.lock().clone()
    }

    /// Everybody leaves.
    pub fn end(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || crate::interrupt::requested()
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Providers enough for so many payouts, who have earned what they are going to ask for. Done in peace, before anything
    /// breaks.
    pub fn invite(&self, payouts: usize, lasts: Duration) -> Result<Vec<Provider>> {
        let count = payouts.div_ceil(ASKS_EACH);
        (0..count).map(|number| self.invited(number, payouts, lasts)).collect()
    }

    fn invited(&self, number: usize, payouts: usize, lasts: Duration) -> Result<Provider> {
        let name = format!("{}-{number}", self.run);
        let mut dice = Dice::new(self.seed, &format!("provider {number}"));
        let asks = payouts.saturating_sub(number.saturating_mul(ASKS_EACH)).min(ASKS_EACH);
        let script = script(&mut dice, asks, lasts);
        let bank = dice.one_of(&BANKS).copied().unwrap_or_default();
        let account = format!("{:010}", dice.between(1_000_000_000, 9_999_999_999));
        let new = NewPerson { external_id: &name, name: "Chaos Provider", verified: true };
        let person = self.marketplace.person(new, bank, &account)?.with_patience(PATIENCE);
        // A fifth more than is asked for: what is refunded late must not make a later request fail.
        let asked = script.iter().map(|ask| ask.amount).sum::<Naira>();
        let part = asked.share(EARNINGS.saturating_sub(2)).plus(Naira::kobo(dice.between(1, 99)));
        for earning in 0..EARNINGS {
            self.marketplace.earning(&format!("{name}-{earning}"), &name, part, "Work")?;
        }
        Ok(Provider { name, person, script })
    }

    /// Lives a provider's life: asks for everything of the script, each when its time has come, whatever happens meanwhile.
    pub fn live(&self, provider: &Provider, began: Instant) {
        let mut dice = Dice::new(self.seed, &provider.name);
        for (number, ask) in provider.script.iter().enumerate() {
            while began.elapsed() < ask.at && !self.is_over() {
                thread::sleep(TICK);
            }
            let key = format!("{}-{number}", provider.name);
            if let Some(payout) = self.ask(&mut dice, provider, ask, &key) {
                if ask.repeats {
                    self.ask_again(&mut dice, provider, ask, &key, &payout);
                }
                if let Some(after) = ask.cancels_after {
                    thread::sleep(after);
                    self.cancel(&mut dice, provider, &payout);
                }
            }
        }
    }

    /// Looks for what was promised and asks again for what is not there (any more).
    pub fn look_for_promises(&self, provider: &Provider) {
        let mut dice = Dice::new(self.seed, &format!("{} looks", provider.name));
        let own = self.view().promises.into_iter().filter(|promise| promise.provider == provider.name);
        for promise in own.collect::<Vec<Promise>>() {
            let Some(answer) = self.insist(&mut dice, || provider.person.look_at(&promise.payout)) else {
                return;
            };
            if answer.status == NOT_FOUND {
                let ask =
                    Ask { at: Duration::ZERO, amount: promise.amount, repeats: false, cancels_after: None };
                self.ask(&mut dice, provider, &ask, &promise.key);
            }
        }
    }

    fn ask(&self, dice: &mut Dice, provider: &Provider, ask: &Ask, key: &str) -> Option<String> {
        let Some(answer) = self.insist(dice, || provider.person.ask(ask.amount, key)) else {
            self.lock().unanswered.push(key.to_owned());
            return None;
        };
        if answer.status != CREATED {
            let code = text(&answer.body, "/code").unwrap_or("no code").to_owned();
            let mut view = self.lock();
            if code != TOO_LITTLE {
                view.complaints.push(format!("{key} was refused: {} {}", answer.status, answer.body));
            }
            let count = view.refused.entry(code).or_default();
            *count = count.saturating_add(1);
            return None;
        }
        Some(self.promised(provider, ask, key, &answer))
    }

    /// The same key again is the same payout again. Where it is another one, that is one more promise: the verdict knows whether the
    /// database was made to forget the first.
    fn ask_again(&self, dice: &mut Dice, provider: &Provider, ask: &Ask, key: &str, payout: &str) {
        let Some(answer) = self.insist(dice, || provider.person.ask(ask.amount, key)) else { return };
        if answer.status == CREATED {
            if text(&answer.body, "/id") != Some(payout) {
                self.promised(provider, ask, key, &answer);
            }
        } else if text(&answer.body, "/code") != Some(TOO_LITTLE) {
            let mut view = self.lock();
            view.complaints
                .push(format!("{key} was {payout}; asked again it is {} {}", answer.status, answer.body));
        }
    }

    /// Remembers a 201; the answer is the payout's id.
    fn promised(&self, provider: &Provider, ask: &Ask, key: &str, answer: &Answer) -> String {
        let payout = text(&answer.body, "/id").unwrap_or_default().to_owned();
        let told = Naira::of(answer.body.get("amount"));
        let mut view = self.lock();
        if told != ask.amount {
            view.complaints.push(format!("{key} asked for {}, the 201 says {told}", ask.amount));
        }
        view.promises.push(Promise {
            key: key.to_owned(),
            provider: provider.name.clone(),
            payout: payout.clone(),
            amount: ask.amount,
            at: moment::now(),
        });
        payout
    }

    fn cancel(&self, dice: &mut Dice, provider: &Provider, payout: &str) {
        let Some(answer) = self.insist(dice, || provider.person.ask_to_cancel(payout)) else { return };
        self.did("cancel", &answer);
    }

    /// Asks until there is an answer that will not change by asking again. `None`: everybody has left.
    fn insist(&self, dice: &mut Dice, call: impl Fn() -> Result<Answer>) -> Option<Answer> {
        let mut pause = FIRST_PAUSE;
        while !self.is_over() {
            match call() {
                Ok(answer) if answer.status < 500 && answer.status != 429 => return Some(answer),
                Ok(_) | Err(_) => {}
            }
            {
                let mut view = self.lock();
                view.repeats = view.repeats.saturating_add(1);
            }
            let jitter = dice.below(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            thread::sleep(pause.saturating_add(Duration::from_millis(jitter)));
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        None
    }

    /// An admin's day: decides what waits, tries again or refunds what failed, now and then runs a batch. Two of them at once
    /// meet on the same payouts; who is second is told so.
    pub fn administer(&self, name: &str) -> Result<()> {
        let admin = self.admin.with_token(mint(&self.jwt_secret, Role::Admin, name, None)?);
        let mut dice = Dice::new(self.seed, name);
        let mut tried: BTreeMap<String, u32> = BTreeMap::new();
        let mut last_batch = Instant::now();
        while !self.is_over() {
            if let Some(reviews) = page(&admin, "/api/admin/reviews?limit=100") {
                for review in list(&reviews, "/items") {
                    let Some(payout) = text(review, "/payout_id") else { continue };
                    if dice.happens(700) {
                        self.decide(&mut dice, &admin, payout);
                    }
                }
            }
            if let Some(failed) = page(&admin, "/api/admin/payouts?needs_attention=true&limit=100") {
                for payout in list(&failed, "/items").iter().filter_map(|one| text(one, "/id")) {
                    if dice.happens(500) {
                        let before = tried.entry(payout.to_owned()).or_default();
                        let tries_again = *before < RETRIES && dice.happens(600);
                        *before = before.saturating_add(1);
                        let deed = if tries_again { "retry" } else { "refund" };
                        self.act(&admin, deed, payout, &json!({ "reason": "chaos" }));
                    }
                }
            }
            if last_batch.elapsed() > BATCH_PAUSE {
                last_batch = Instant::now();
                if let Ok(answer) = admin.post("/api/admin/batches/run", &json!({})) {
                    self.did("run a batch", &answer);
                }
            }
            thread::sleep(ADMIN_PAUSE);
        }
        Ok(())
    }

    /// Finance, and who is on call.
    pub fn settle(&self) -> Result<()> {
        let finance = self.admin.with_token(mint(&self.jwt_secret, Role::Finance, "finance-fola", None)?);
        let admin = self.admin.with_token(mint(&self.jwt_secret, Role::Admin, "admin-ada", None)?);
        while !self.is_over() {
            for kind in ["account_failing", "overpaid"] {
                let Some(cases) = page(&finance, &format!("/api/admin/cases?status=OPEN&kind={kind}")) else {
                    continue;
                };
                for case in list(&cases, "/items").iter().filter_map(|one| text(one, "/id")) {
                    let body = json!({ "reason": "chaos", "resolution": "Settled with the provider." });
                    if let Ok(answer) = finance.post(&format!("/api/admin/cases/{case}/close"), &body) {
                        self.did(&format!("close {kind}"), &answer);
                    }
                }
            }
            self.resume_after_restore(&admin);
            self.wait(CALM_PAUSE);
        }
        Ok(())
    }

    /// What the runbook says: reconcile, and when that has finished, resume. Until it has, resuming is refused.
    fn resume_after_restore(&self, admin: &Client) {
        let Some(pauses) = page(admin, "/api/admin/pauses") else { return };
        let is_restored = |pause: &&Value| {
            text(pause, "/scope") == Some("system")
                && text(pause, "/reason").is_some_and(|reason| reason.starts_with("restored"))
        };
        if !list(&pauses, "/items").iter().any(|pause| is_restored(&pause)) {
            return;
        }
        let resume = json!({ "scope": "system", "reason": "chaos: reconciled" });
        match admin.post("/api/admin/pauses/resume", &resume) {
            Ok(answer) if answer.status == OK => {
                self.did("resume", &answer);
                self.lock().resumed_at = Some(moment::now());
            }
            Ok(answer) if text(&answer.body, "/code") == Some("not_reconciled") => {
                if let Ok(answer) = admin.post("/api/admin/reconciliations/run", &json!({})) {
                    self.did("reconcile", &answer);
                }
            }
            Ok(answer) => self.did("resume", &answer),
            Err(_) => {}
        }
    }

    /// Runs a reconciliation from beginning to end; the answer is why there is none.
    pub fn reconcile(&self, limit: Duration) -> Result<Option<String>> {
        let admin = self.admin.with_token(mint(&self.jwt_secret, Role::Admin, "admin-ada", None)?);
        let began = Instant::now();
        let mut run = None;
        while began.elapsed() < limit {
            crate::interrupt::check()?;
            let seen = match &run {
                None => {
                    if let Ok(answer) = admin.post("/api/admin/reconciliations/run", &json!({}))
                        && answer.status == CREATED
                    {
                        run = text(&answer.body, "/id").map(str::to_owned);
                    }
                    None
                }
                Some(run) => page(&admin, &format!("/api/admin/reconciliations/{run}")),
            };
            if seen.is_some_and(|run| text(&run, "/status") == Some("FINISHED")) {
                return Ok(None);
            }
            thread::sleep(ADMIN_PAUSE);
        }
        Ok(Some(format!("no reconciliation has finished within {limit:?}")))
    }

    fn wait(&self, length: Duration) {
        let began = Instant::now();
        while began.elapsed() < length && !self.is_over() {
            thread::sleep(TICK);
        }
    }

    fn decide(&self, dice: &mut Dice, admin: &Client, payout: &str) {
        let decision = if dice.happens(880) { "approve" } else { "reject" };
        let body = json!({ "decision": decision, "reason": "chaos" });
        let path = format!("/api/admin/payouts/{payout}/decision");
        if let Ok(answer) = admin.post(&path, &body) {
            self.did(decision, &answer);
        }
    }

    fn act(&self, admin: &Client, deed: &str, payout: &str, body: &Value) {
        if let Ok(answer) = admin.post(&format!("/api/admin/payouts/{payout}/{deed}"), body) {
            self.did(deed, &answer);
        }
    }

    /// Notes what an admin was told. Lost answers are not told at all: the admin looks again.
    fn did(&self, deed: &str, answer: &Answer) {
        let mut view = self.lock();
        let is_odd = (400..500).contains(&answer.status) && ![404, 409, 429].contains(&answer.status);
        if is_odd {
            view.complaints.push(format!("{deed} was answered {} {}", answer.status, answer.body));
        }
        let count = view.deeds.entry(format!("{deed}: {}", answer.status)).or_default();
        *count = count.saturating_add(1);
    }
}

impl Provider {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they see when they look for what they were promised: its amount, if it is there.
    pub fn finds(&self, promise: &Promise) -> Result<Option<Naira>> {
        let answer = self.person.look_at(&promise.payout)?;
        if answer.status == NOT_FOUND {
            return Ok(None);
        }
        let found = answer.success("looking at a payout")?;
        Ok(Some(Naira::of(found.pointer("/payout/amount").or_else(|| found.get("amount")))))
    }
}

fn page(admin: &Client, path: &str) -> Option<Value> {
    admin.get(path).ok().filter(|answer| answer.status == OK).map(|answer| answer.body)
}

/// What one provider does, from nine tenths of the time down to its beginning.
fn script(dice: &mut Dice, asks: usize, lasts: Duration) -> Vec<Ask> {
    let load = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX).saturating_mul(9).div_euclid(10);
    let mut script: Vec<Ask> = (0..asks)
        .map(|_| {
            let amount = match dice.below(100) {
                0..60 => dice.between(50_000, 500_000),
                60..85 => dice.between(500_000, 5_000_000),
                _ => dice.between(5_000_000, 12_000_000),
            };
            Ask {
                at: Duration::from_millis(dice.below(load)),
                amount: Naira::kobo(amount),
                repeats: dice.happens(150),
                cancels_after: dice.happens(80).then(|| Duration::from_millis(dice.below(3_000))),
            }
        })
        .collect();
    script.sort_by_key(|ask| ask.at);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_repeated_by_its_seed_and_fits_the_time() {
        let lasts = Duration::from_mins(1);
        let make = |seed| script(&mut Dice::new(seed, "provider 0"), ASKS_EACH, lasts);
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        assert!(make(1).iter().all(|ask| ask.at < lasts && !ask.amount.is_zero()));
    }
}
