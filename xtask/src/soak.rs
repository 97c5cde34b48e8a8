//! `cargo xtask soak`: tens of thousands of payouts through one worker, as fast as this machine does it, and what stays behind in
//! memory.
//!
//! The stack is the benchmark's (servers that keep their data, a gateway that pays at once, no windows), with one worker.
//! Providers ask as they become trusted, an admin approves what is reviewed; every payout counts. Resident memory of API and
//! worker is read every ten seconds, and its slope is that of the straight line with the least squares through what was read
//! after the first fifth: by then caches and pools are as large as they get.
//!
//! Guarantee: exit code 0 only if every payout was completed, none stood still for a minute, the books balance, and the worker
//! stayed within its bound. It can be interrupted: `--resume` goes on with the same data until the number is reached. Cost: half
//! an hour for 20,000.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use crate::bench::watch::Watch;
use crate::bench::{self, SETTINGS};
use crate::checkout::Checkout;
use crate::http::{Client, list, text};
use crate::marketplace::{Marketplace, NewPerson};
use crate::naira::Naira;
use crate::stack::programs::{Profile, Programs, build};
use crate::stack::settings::Surroundings;
use crate::stack::token::{Role, mint};
use crate::stack::{Keeping, Servers, Stack, forget_data};
use crate::{chaos, install, interrupt, moment, progress};

/// The folder under `.local`.
const STACK: &str = "soak";

/// Payouts under way at the same time: the benchmark's number. What the worker keeps of each is large beside what it leaves behind.
const IN_FLIGHT: usize = 64;
/// Payouts of one provider: three make them trusted, and the tenth of a day is reviewed again.
const EACH: usize = 9;
const AMOUNT: Naira = Naira::whole(1_000);
const EARNED: Naira = Naira::whole(20_000);
const BANK: &str = "058";

const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// No payout may be open for longer, however much is under way: one takes a few seconds, and what waits longest is a lost task of
/// the engine's, which its own time-outs bring back.
const SLOW: Duration = Duration::from_mins(1);
/// A payout that is open for longer ends the soak.
const GIVEN_UP_AFTER: Duration = Duration::from_mins(20);
const ADMIN_PAUSE: Duration = Duration::from_millis(100);
/// Told to a person who waits.
const SAMPLES_PER_LINE: usize = 6;
/// What the worker may have grown to at the end: it is made anew before what the SDK keeps is a third of that.
const WORKER_BOUND_KIB: u64 = 128 * 1024;

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub json: bool,
    pub payouts: usize,
    pub resume: bool,
    pub profile: Profile,
    pub as_built: bool,
}

/// What was read at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    payouts: i64,
    worker_kib: i64,
    api_kib: i64,
}

pub fn run(checkout: &Checkout, options: Options) -> Result<ExitCode> {
    if !options.resume {
        forget_data(checkout, STACK)?;
    }
    let programs = if options.as_built { Programs::beside_us()? } else { build(checkout, options.profile)? };
    let mut stack = Stack::open_on(checkout, STACK, Keeping::Data, Servers::Own)?;
    stack.add_programs(&programs, &SETTINGS);
    stack.start()?;
    let psql = install::postgres::install(checkout)?.program("psql");
    let database = chaos::database::Database::new(psql, &stack.around().database_url);
    let before = completed(&database)?;
    let load = Load::new(stack.around(), options.payouts.saturating_sub(before))?;
    let began = Instant::now();
    let samples = soak(&load, &mut stack, &database)?;
    let took = began.elapsed();
    let books = chaos::verdict::books(&programs, stack.around())?;
    let done = completed(&database)?.saturating_sub(before);
    let recycled = std::fs::read_to_string(checkout.logs().join(format!("{STACK}-worker.log")))
        .context("reading the worker's log")?
        .matches("the workers are made anew")
        .count();
    stack.check()?;
    let worst_worker = samples.iter().map(|sample| sample.worker_kib).max().unwrap_or_default();
    let is_right = books.holds()
        && done >= load.payouts
        && load.slow.load(Ordering::Relaxed) == 0
        && u64::try_from(worst_worker).is_ok_and(|worst| worst <= WORKER_BOUND_KIB);
    let slope_of = |part: fn(&Sample) -> i64| slope(&settled(&samples), part);
    let slowest = load.slowest.lock().unwrap_or_else(PoisonError::into_inner);
    let figures = json!({
        "ok": is_right,
        "payouts": done,
        "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "worker_kib": { "first": samples.first().map(|one| one.worker_kib), "last": samples.last().map(|one| one.worker_kib), "worst": worst_worker },
        "api_kib": { "first": samples.first().map(|one| one.api_kib), "last": samples.last().map(|one| one.api_kib) },
        "worker_bytes_per_payout": slope_of(|one| one.worker_kib),
        "api_bytes_per_payout": slope_of(|one| one.api_kib),
        // Payouts, KiB of the worker, KiB of the API.
        "samples": samples.iter().map(|one| [one.payouts, one.worker_kib, one.api_kib]).collect::<Vec<_>>(),
        "slowest": { "payout": slowest.payout, "milliseconds": u64::try_from(slowest.took.as_millis()).unwrap_or(u64::MAX) },
        "open_longer_than_a_minute": load.slow.load(Ordering::Relaxed),
        "workers_made_anew": recycled,
        "books": books.words,
        "wrong": books.wrong,
    });
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    stack.stop();
    drop(stack);
    if is_right {
        // What was interrupted or went wrong can be looked at and gone on with.
        forget_data(checkout, STACK)?;
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn completed(database: &chaos::database::Database) -> Result<usize> {
    let count = database.scalar("SELECT count(*) FROM payouts WHERE status = 'COMPLETED'")?;
    count.parse().context("counting payouts")
}

/// Runs the load to its end and reads the memory meanwhile.
fn soak(load: &Load, stack: &mut Stack, database: &chaos::database::Database) -> Result<Vec<Sample>> {
    let before = completed(database)?;
    let mut samples: Vec<Sample> = vec![];
    thread::scope(|scope| {
        let admin = scope.spawn(|| load.approve());
        let watch = scope.spawn(|| load.watch.look(&load.admin));
        let providers: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(|| load.live())).collect();
        let mut measure = || -> Result<()> {
            while !providers.iter().all(thread::ScopedJoinHandle::is_finished) {
                stack.check()?;
                let memory = bench::memory(stack)?;
                let payouts = completed(database)?.saturating_sub(before);
                samples.push(Sample {
                    payouts: i64::try_from(payouts).unwrap_or(i64::MAX),
                    worker_kib: i64::try_from(memory.worker_kib).unwrap_or(i64::MAX),
                    api_kib: i64::try_from(memory.api_kib).unwrap_or(i64::MAX),
                });
                if samples.len().is_multiple_of(SAMPLES_PER_LINE) {
                    progress::note(&format!(
                        "{payouts} of {} payouts; worker {} KiB, API {} KiB",
                        load.payouts, memory.worker_kib, memory.api_kib
                    ));
                }
                let slept = Instant::now();
                while slept.elapsed() < SAMPLE_EVERY
                    && !providers.iter().all(thread::ScopedJoinHandle::is_finished)
                {
                    interrupt::tick()?;
                }
            }
            Ok(())
        };
        let outcome = measure();
        // Everybody is told to end before anybody's failure is told: a scope waits for all of its threads.
        load.over.store(true, Ordering::Relaxed);
        let lived: Vec<_> = providers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        load.watch.end();
        let approved = admin.join().map_err(|_| anyhow!("the admin panicked"));
        let watched = watch.join().map_err(|_| anyhow!("the watch panicked"));
        for life in lived {
            life.map_err(|_| anyhow!("a provider panicked"))??;
        }
        approved??;
        watched??;
        outcome
    })?;
    Ok(samples)
}

/// Who asks, who approves, and how much is left to do.
#[derive(Debug)]
struct Load {
    marketplace: Marketplace,
    admin: Client,
    watch: Watch,
    run: i64,
    payouts: usize,
    next_provider: AtomicUsize,
    over: AtomicBool,
    slow: AtomicUsize,
    slowest: Mutex<Slowest>,
}

/// The payout that took longest from request to end.
#[derive(Debug, Default)]
struct Slowest {
    took: Duration,
    payout: String,
}

impl Load {
    fn new(around: &Surroundings, payouts: usize) -> Result<Self> {
        let admin = mint(&around.jwt_secret, Role::Admin, "admin-ada", None)?;
        Ok(Self {
            marketplace: Marketplace::new(around)?,
            admin: Client::new(&around.api_url()).with_token(admin),
            watch: Watch::default(),
            run: moment::now(),
            payouts,
            next_provider: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            slow: AtomicUsize::new(0),
            slowest: Mutex::default(),
        })
    }

    /// One provider after another, one payout after another: so many are under way as there are of us, and no more.
    fn live(&self) -> Result<()> {
        let count = self.payouts.div_ceil(EACH);
        loop {
            let number = self.next_provider.fetch_add(1, Ordering::Relaxed);
            if number >= count || self.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            let name = format!("soak-{}-{number}", self.run);
            let new = NewPerson { external_id: &name, name: "Soak Provider", verified: true };
            let person =
                self.marketplace.person(new, BANK, &format!("{:010}", number.saturating_add(1_000_000)))?;
            self.marketplace.earning(&format!("{name}-1"), &name, EARNED, "Work")?;
            for ask in 0..EACH {
                let payout = person.payout(AMOUNT, &format!("{name}-{ask}"))?;
                let asked = Instant::now();
                // A payout that stands still is what a soak is to find: it is told of, and waited for.
                while let Err(still_open) = self.watch.until_ended(&payout) {
                    interrupt::check()?;
                    if asked.elapsed() > GIVEN_UP_AFTER || self.watch.is_over() {
                        return Err(still_open);
                    }
                    progress::note(&format!("after {} s: {still_open:#}", asked.elapsed().as_secs()));
                }
                let took = asked.elapsed();
                let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
                if took > slowest.took {
                    *slowest = Slowest { took, payout };
                }
                if took > SLOW {
                    self.slow.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Approves whatever waits for it.
    fn approve(&self) -> Result<()> {
        let decision = json!({ "decision": "approve", "reason": "soak" });
        while !self.over.load(Ordering::Relaxed) && !interrupt::requested() {
            let reviews = self.admin.get("/api/admin/reviews?limit=100")?.success("listing reviews")?;
            let waiting: VecDeque<&str> =
                list(&reviews, "/items").iter().filter_map(|one| text(one, "/payout_id")).collect();
            for payout in waiting {
                // 409: it has moved on.
                self.admin.post(&format!("/api/admin/payouts/{payout}/decision"), &decision)?;
            }
            thread::sleep(ADMIN_PAUSE);
        }
        Ok(())
    }
}

/// Without the first fifth.
fn settled(samples: &[Sample]) -> Vec<Sample> {
    samples.iter().skip(samples.len().div_euclid(5)).copied().collect()
}

/// Bytes per payout of the straight line with the least squares; nothing when there are too few samples.
fn slope(samples: &[Sample], part: fn(&Sample) -> i64) -> Option<i64> {
    let count = i128::try_from(samples.len()).ok()?;
    let (mut x, mut y, mut xx, mut xy) = (0_i128, 0_i128, 0_i128, 0_i128);
    for sample in samples {
        let (payouts, bytes) = (i128::from(sample.payouts), i128::from(part(sample)).checked_mul(1024)?);
        x = x.checked_add(payouts)?;
        y = y.checked_add(bytes)?;
        xx = xx.checked_add(payouts.checked_mul(payouts)?)?;
        xy = xy.checked_add(payouts.checked_mul(bytes)?)?;
    }
    let above = count.checked_mul(xy)?.checked_sub(x.checked_mul(y)?)?;
    let below = count.checked_mul(xx)?.checked_sub(x.checked_mul(x)?)?;
    i64::try_from(above.checked_div(below)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_line() {
        let sample = |payouts, worker_kib| Sample { payouts, worker_kib, api_kib: 7 };
        let samples = [sample(0, 1_000), sample(1_024, 1_002), sample(2_048, 1_004), sample(3_072, 1_006)];
        assert_eq!(slope(&samples, |one| one.worker_kib), Some(2));
        assert_eq!(slope(&samples, |one| one.api_kib), Some(0));
        assert_eq!(slope(&samples[..1], |one| one.worker_kib), None);
    }
}
