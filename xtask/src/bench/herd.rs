//! A window with two thousand approved payouts on two workers: how near to the limit they come, and whether those with one payout
//! wait for the one with a thousand.
//!
//! Everything goes through the API and its processes; what is measured is what reached the gateway, by its own clock. The limit is one
//! that the machine keeps easily ([`LIMIT`]): what is asked is whether the fleet keeps to it and uses it, not how fast it could be.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::throughput::in_parallel;
use super::{REST, STACK};
use crate::checkout::Checkout;
use crate::http::{Client, list, text};
use crate::marketplace::{Marketplace, NewPerson, Person};
use crate::naira::Naira;
use crate::stack::programs::{Profile, build};
use crate::stack::token::{Role, mint};
use crate::stack::{Keeping, Stack, forget_data};
use crate::{interrupt, moment, progress};

/// Transfers a second, over both workers.
const LIMIT: usize = 20;
/// Of one provider.
const MANY: usize = 1000;
/// Providers with one each.
const SINGLES: usize = 50;
/// And those between: so many providers with so many each.
const OTHERS: usize = 19;
const OF_EACH_OTHER: usize = 50;
const PROVIDERS: usize = 1 + SINGLES + OTHERS;

const SETTINGS: [(&str, &str); 6] = [
    ("BATCH_WINDOW", "24h"),
    ("SIMULATOR_SETTLE_AFTER", "1s"),
    ("PAYOUT_WORKER_RATE_LIMIT", "20"),
    ("PAYOUT_WORKER_CONCURRENCY", "32"),
    ("BATCH_WORKER_RATE_LIMIT", "600"),
    ("REFERENCE_PREFIX", "herd"),
];

const AMOUNT: Naira = Naira::whole(100);
/// At most this many are decided about at once.
const DECIDED_AT_ONCE: usize = 100;
/// Twenty times what the limit allows for.
const PATIENCE: Duration = Duration::from_mins(40);
const WINDOW_MILLIS: i64 = 10_000;
/// In any ten seconds, and on average.
const MOST: usize = LIMIT * 11;
const LEAST: usize = LIMIT * 9;
/// The last of those with fifty.
const LAST_OTHER: usize = 1 + OTHERS;

/// What was measured, in milliseconds where it is time.
#[derive(Clone, Debug)]
struct Herd {
    payouts: usize,
    sent: usize,
    /// From the first transfer to the last.
    span: i64,
    most_in_a_window: usize,
    /// Of those with one payout: the place and the wait since the first transfer, for 95 of 100.
    place: usize,
    wait: i64,
}

pub fn run(checkout: &Checkout, as_json: bool, profile: Profile) -> Result<ExitCode> {
    forget_data(checkout, STACK)?;
    let programs = build(checkout, profile)?;
    let mut stack = Stack::open(checkout, STACK, Keeping::Data)?;
    stack.add_programs(&programs, &SETTINGS);
    stack.add_second_worker(&programs, &SETTINGS)?;
    stack.start()?;
    thread::sleep(REST);
    let around = stack.around();
    let admin = mint(&around.jwt_secret, Role::Admin, "admin-ada", None)?;
    let admin = Client::new(&around.api_url()).with_token(admin);
    let simulator = Client::new(&around.simulator_url());
    let marketplace = Marketplace::new(around)?;
    let asked = progress::step(&format!("{} payouts are asked for", Herd::PAYOUTS), || ask(&marketplace))?;
    progress::step("an admin approves them", || approve(&admin, &asked))?;
    progress::step(&format!("one batch, at {LIMIT} transfers a second"), || {
        admin.post("/api/admin/batches/run", &json!({}))?.success("running a batch")?;
        until_sent(&simulator, &mut stack)
    })?;
    let herd = Herd::measure(&simulator)?;
    until_completed(&admin)?;
    stack.check()?;
    stack.stop();
    drop(stack);
    forget_data(checkout, STACK)?;
    if as_json {
        println!("{}", herd.json());
    } else {
        herd.print();
    }
    Ok(if herd.is_within_bounds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Account numbers say whose a transfer is.
fn account(number: usize) -> String {
    format!("{number:010}")
}

fn ask(marketplace: &Marketplace) -> Result<Vec<String>> {
    let run = moment::now();
    let numbers: Vec<usize> = (1..=PROVIDERS).collect();
    let people = in_parallel(&numbers, |number| -> Result<(usize, Person)> {
        let external_id = format!("herd-{run}-{number}");
        let new = NewPerson { external_id: &external_id, name: "Herd Provider", verified: true };
        let person = patiently(|| marketplace.person(new, "058", &account(*number)))?;
        let each = of_provider(*number);
        let earned = AMOUNT.times(u64::try_from(each).context("a number of payouts")?);
        marketplace.earning(&format!("{external_id}-1"), &external_id, earned, "Work")?;
        Ok((*number, person))
    })?;
    // The one with a thousand asks first: whoever came first would have it first.
    let mut asks = vec![];
    for (number, person) in &people {
        asks.extend((0..of_provider(*number)).map(|turn| (person, format!("{run}-{number}-{turn}"))));
    }
    in_parallel(&asks, |(person, key)| patiently(|| person.payout(AMOUNT, key)))
}

/// Asks once more, under the same key, where a busy machine answers 503.
fn patiently<T>(ask: impl Fn() -> Result<T>) -> Result<T> {
    const TRIES: u32 = 10;
    for _ in 1..TRIES {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(_) => thread::sleep(Duration::from_secs(1)),
        }
    }
    ask()
}

/// How many payouts provider so-and-so asks for.
fn of_provider(number: usize) -> usize {
    match number {
        1 => MANY,
        2..=LAST_OTHER => OF_EACH_OTHER,
        _ => 1,
    }
}

fn is_single(account_number: &str) -> bool {
    account_number.parse::<usize>().is_ok_and(|number| of_provider(number) == 1)
}

fn approve(admin: &Client, payouts: &[String]) -> Result<()> {
    let asked = Instant::now();
    let mut left: BTreeSet<&String> = payouts.iter().collect();
    while !left.is_empty() {
        interrupt::check()?;
        if asked.elapsed() > PATIENCE {
            bail!("{} payouts are not before people", left.len());
        }
        for some in left.iter().copied().collect::<Vec<_>>().chunks(DECIDED_AT_ONCE) {
            let order = json!({ "decision": "approve", "reason": "one of many", "payout_ids": some });
            let answer = admin.post("/api/admin/reviews/decisions", &order)?.success("deciding")?;
            for item in list(&answer, "/items") {
                // What is refused has not been assessed yet.
                if text(item, "/result") != Some("refused")
                    && let Some(id) = text(item, "/payout_id")
                {
                    left.remove(&id.to_owned());
                }
            }
        }
    }
    Ok(())
}

fn until_sent(simulator: &Client, stack: &mut Stack) -> Result<()> {
    let asked = Instant::now();
    loop {
        let posts = simulator.get("/_sim/posts")?.success("asking the gateway")?;
        let total = posts.get("total").and_then(Value::as_u64).unwrap_or_default();
        if usize::try_from(total)? >= Herd::PAYOUTS {
            return Ok(());
        }
        if asked.elapsed() > PATIENCE {
            bail!("{total} of {} transfers after {PATIENCE:?}", Herd::PAYOUTS);
        }
        stack.check()?;
        interrupt::check()?;
        thread::sleep(Duration::from_secs(2));
    }
}

/// It ends: nothing is approved or on its way any more.
fn until_completed(admin: &Client) -> Result<()> {
    let asked = Instant::now();
    for status in ["APPROVED", "PROCESSING"] {
        loop {
            let open =
                admin.get(&format!("/api/admin/payouts?status={status}&limit=1"))?.success("listing")?;
            if list(&open, "/items").is_empty() {
                break;
            }
            if asked.elapsed() > PATIENCE {
                bail!("payouts are {status} after {PATIENCE:?}");
            }
            interrupt::check()?;
            thread::sleep(Duration::from_secs(1));
        }
    }
    Ok(())
}

impl Herd {
    const PAYOUTS: usize = MANY + SINGLES + OTHERS * OF_EACH_OTHER;

    fn measure(simulator: &Client) -> Result<Self> {
        let posts = simulator.get("/_sim/posts")?.success("reading the arrivals")?;
        let books = simulator.get("/_sim/transfers?limit=100000")?.success("reading the books")?;
        let accounts: BTreeMap<&str, &str> = list(&books, "/transfers")
            .iter()
            .filter_map(|transfer| Some((text(transfer, "/reference")?, text(transfer, "/account_number")?)))
            .collect();
        let mut arrivals = vec![];
        for post in list(&posts, "/timeline") {
            let at = text(post, "/real_at").and_then(moment::parse).context("an arrival without a moment")?;
            arrivals.push((at, text(post, "/reference").unwrap_or_default()));
        }
        arrivals.sort_unstable();
        let moments: Vec<i64> = arrivals.iter().map(|(at, _)| *at).collect();
        let (first, last) = moments.first().zip(moments.last()).context("nothing reached the gateway")?;
        let mut waits: Vec<(i64, usize)> = arrivals
            .iter()
            .enumerate()
            .filter(|(_, (_, reference))| accounts.get(reference).is_some_and(|account| is_single(account)))
            .map(|(place, (at, _))| (at.saturating_sub(*first), place.saturating_add(1)))
            .collect();
        waits.sort_unstable();
        let p95 = waits.len().saturating_mul(95).div_euclid(100);
        let (wait, place) = waits.get(p95).copied().context("nobody with one payout was paid")?;
        Ok(Self {
            payouts: Self::PAYOUTS,
            sent: moments.len(),
            span: last.saturating_sub(*first),
            most_in_a_window: most_within(&moments),
            place,
            wait,
        })
    }

    /// Transfers in ten seconds, on average.
    fn average(&self) -> usize {
        let span = usize::try_from(self.span).unwrap_or(usize::MAX).max(1);
        self.sent.saturating_mul(10_000).div_euclid(span)
    }

    /// Twice the turn of each provider at the limit.
    fn fair_wait() -> i64 {
        i64::try_from(PROVIDERS.saturating_mul(2_000).div_euclid(LIMIT)).unwrap_or(i64::MAX)
    }

    fn is_within_bounds(&self) -> bool {
        self.sent == self.payouts && self.keeps_to_the_limit() && self.uses_the_limit() && self.is_fair()
    }

    fn keeps_to_the_limit(&self) -> bool {
        self.most_in_a_window <= MOST
    }

    fn uses_the_limit(&self) -> bool {
        self.average() >= LEAST
    }

    fn is_fair(&self) -> bool {
        self.wait <= Self::fair_wait()
    }

    fn print(&self) {
        let line = |holds: bool, words: String| println!("{} {words}", if holds { "✓" } else { "✗" });
        println!();
        line(
            self.sent == self.payouts,
            format!("{} payouts on two workers, {} transfers", self.payouts, self.sent),
        );
        line(
            self.keeps_to_the_limit(),
            format!(
                "at most {} in any ten seconds (limit {LIMIT}/s: at most {})",
                self.most_in_a_window, MOST
            ),
        );
        line(
            self.uses_the_limit(),
            format!(
                "{} in ten seconds on average, over {} (at least {})",
                self.average(),
                moment::seconds(self.span),
                LEAST
            ),
        );
        line(
            self.is_fair(),
            format!(
                "{SINGLES} providers with one payout beside one with {MANY}: 95 of 100 wait at most {}, place {} (fair share of {PROVIDERS} providers, twice: {})",
                moment::seconds(self.wait),
                self.place,
                moment::seconds(Self::fair_wait())
            ),
        );
    }

    fn json(&self) -> Value {
        json!({
            "ok": self.is_within_bounds(),
            "payouts": self.payouts,
            "transfers": self.sent,
            "limit_per_second": LIMIT,
            "milliseconds": self.span,
            "most_in_ten_seconds": self.most_in_a_window,
            "average_in_ten_seconds": self.average(),
            "providers": PROVIDERS,
            "single_p95_milliseconds": self.wait,
            "single_p95_place": self.place,
            "single_p95_bound_milliseconds": Self::fair_wait(),
        })
    }
}

/// The most that any ten seconds hold. In order.
fn most_within(moments: &[i64]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in moments.iter().enumerate() {
        while moments.get(first).is_some_and(|early| at.saturating_sub(*early) >= WINDOW_MILLIS) {
            first = first.saturating_add(1);
        }
        most = most.max(last.saturating_sub(first).saturating_add(1));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_ten_seconds_are_found_wherever_they_begin() {
        assert_eq!(most_within(&[]), 0);
        assert_eq!(most_within(&[0, 9_999, 10_000, 10_001, 20_000]), 3);
    }

    #[test]
    fn there_are_two_thousand() {
        assert_eq!((1..=PROVIDERS).map(of_provider).sum::<usize>(), Herd::PAYOUTS);
        assert_eq!(Herd::PAYOUTS, 2000);
    }
}
