//! `cargo xtask chaos`: the real system, attacked while people use it, and then asked who was paid.
//!
//! API, two workers, Temporal, PostgreSQL, Redis and the simulator run as real processes with servers that keep their data.
//! Providers ask for payouts and admins decide; meanwhile processes are killed, restarted and stopped in their tracks, workflows
//! are terminated and reset, and the gateway misbehaves. Then the faults end, everything open has a bounded time to end too, and
//! the simulator's own books, the ledger, the payouts, the workflows and the clients' memory are held against each other.
//!
//! Guarantees: the plan and every script come from the seed alone; the exit code is 0 only if everybody's word agrees; nothing is
//! left running. Settings make minutes seconds, as in the demo. Cost: the minutes asked for, and about one more.

pub mod database;
mod dice;
mod people;
mod plan;
mod recovery;
mod report;
mod strikes;
pub mod verdict;

use std::collections::BTreeSet;
use std::process::{self, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use crate::checkout::Checkout;
use crate::progress::human;
use crate::stack::programs::{Profile, Programs, build};
use crate::stack::{Keeping, Servers, Stack, sweep};
use crate::{install, interrupt, moment, progress};
use database::Database;
use people::{Outside, Provider};
use plan::{GATEWAY_BY_CHANCE, Measure, Plan, WINDOW, plan};
use report::{Report, Trail};
use strikes::Striker;
use verdict::Testimony;

/// The folder under `.local` whose subfolders are single runs.
const FAMILY: &str = "chaos";

/// After the last request, everything that needs no person has this long to end.
const QUIET_LIMIT: Duration = Duration::from_mins(3);
const RECONCILIATION_LIMIT: Duration = Duration::from_mins(2);
/// And must stay ended for this long: a late webhook may still move something.
const QUIET_FOR: Duration = Duration::from_secs(4);

/// One blow for so many payouts, and never fewer than a short run needs to meet every process.
const PAYOUTS_PER_BLOW: usize = 8;
const FEWEST_BLOWS: usize = 10;

/// Payouts whose trail is told when something is wrong or took long.
const TRAILS: usize = 5;
/// A recovery that takes longer is looked into.
const SLOW_MILLIS: i64 = 10_000;

/// Two admins who meet on the same payouts.
const ADMINS: [&str; 2] = ["admin-ada", "admin-ben"];

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub json: bool,
    pub payouts: usize,
    pub seed: u64,
    /// How long there is load and faults.
    pub lasts: Duration,
    /// Whether the database is restored to an earlier moment on the way.
    pub restore: bool,
    pub profile: Profile,
    /// Run the programs that lie beside this one, without asking cargo whether they are up to date.
    pub as_built: bool,
}

pub fn run(checkout: &Checkout, options: Options) -> Result<ExitCode> {
    let programs = if options.as_built { Programs::beside_us()? } else { build(checkout, options.profile)? };
    let report = attack(checkout, FAMILY, &programs, options)?;
    if options.json {
        report.print_json()?;
    } else {
        report.print();
    }
    Ok(if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A whole run with programs that are built.
fn attack(checkout: &Checkout, family: &str, programs: &Programs, options: Options) -> Result<Report> {
    sweep(checkout, family)?;
    let blows = options.payouts.div_ceil(PAYOUTS_PER_BLOW).max(FEWEST_BLOWS);
    let measure = Measure { seed: options.seed, lasts: options.lasts, blows, restore: options.restore };
    let plan = plan(measure);
    let seed = options.seed.to_string();
    let settings = settings(&seed, plan.window);
    let mut stack =
        Stack::open_on(checkout, &format!("{family}/{}", process::id()), Keeping::Data, Servers::Own)?;
    stack.add_programs(programs, &settings);
    stack.add_second_worker(programs, &settings)?;
    stack.start()?;
    let began = Instant::now();
    let report = play(checkout, programs, options, plan, &mut stack)?;
    stack.stop();
    drop(stack);
    let report =
        Report { took: format!("{} payouts in {}", options.payouts, human(began.elapsed())), ..report };
    if report.is_right() {
        // What broke is kept until the next run.
        sweep(checkout, family)?;
    }
    Ok(report)
}

/// Settings that make minutes seconds. The gateway's clock runs ten times as fast, so its stall of 28 s is 2.8 s here and longer
/// than the client waits.
fn settings<'a>(seed: &'a str, window: &'a str) -> [(&'a str, &'a str); 14] {
    [
        ("BATCH_WINDOW", window),
        ("BATCH_WORKER_RATE_LIMIT", "600"),
        ("RETRY_SCHEDULE", "1s,2s,3s"),
        ("WEBHOOK_TIMEOUT", "3s"),
        ("GATEWAY_TIMEOUT", "2s"),
        // Not many more than what gathers during an outage: the limit is met, and a short run stays short.
        ("PAYOUT_WORKER_RATE_LIMIT", "10"),
        ("PAYOUT_WORKER_CONCURRENCY", "10"),
        ("REFERENCE_PREFIX", "chaos"),
        ("ALLOW_ENGINE_APPROVAL", "true"),
        ("SIMULATOR_SETTLE_AFTER", "10s"),
        ("SIMULATOR_CLOCK_RATE", "10"),
        ("SIMULATOR_SEED", seed),
        ("SIMULATOR_RANDOM", GATEWAY_BY_CHANCE),
        ("RUST_LOG", "info,temporalio_sdk_core=warn,temporalio_client=warn,sqlx::postgres::notice=warn"),
    ]
}

fn play(
    checkout: &Checkout,
    programs: &Programs,
    options: Options,
    plan: Plan,
    stack: &mut Stack,
) -> Result<Report> {
    let around = stack.around().clone();
    let psql = install::postgres::install(checkout)?.program("psql");
    let database = Database::new(psql, &around.database_url);
    let temporal = install::temporal::install(checkout)?;
    let outside = Outside::new(&around, format!("chaos-{}", moment::now()), options.seed)?;
    let providers =
        progress::step("providers join and earn", || outside.invite(options.payouts, options.lasts))?;
    let logs = stack.logs();
    let mut striker = Striker::new(stack, database.clone(), temporal, options.seed);
    let still_open = thread::scope(|scope| {
        let admins = ADMINS.map(|name| scope.spawn(|| outside.administer(name)));
        let settling = scope.spawn(|| outside.settle());
        let ended = storm(scope, &outside, &providers, &plan, &mut striker);
        outside.end();
        for admin in admins {
            admin.join().map_err(|_| anyhow!("an admin panicked"))??;
        }
        settling.join().map_err(|_| anyhow!("finance panicked"))??;
        ended
    })?;
    let view = outside.view();
    let testimony = Testimony::hear(&database, &striker.transfers()?, &striker.workflow_runs()?, view)?;
    let mut findings = testimony.findings(&striker.record);
    findings.push(verdict::clients_find(&providers, &testimony.view, &striker.record)?);
    findings.push(verdict::books(programs, &around)?);
    let window = (plan.window == WINDOW.0).then(|| i64::try_from(WINDOW.1.as_millis()).unwrap_or(i64::MAX));
    let recoveries =
        recovery::recoveries(&striker.record, window, testimony.view.resumed_at, &database.steps()?);
    let wrong: BTreeSet<&String> = findings.iter().flat_map(|finding| &finding.payouts).collect();
    let mut trails: Vec<Trail> = vec![];
    for payout in wrong.into_iter().take(TRAILS) {
        trails.push(Trail {
            payout: payout.clone(),
            why: "is not as it should be".to_owned(),
            lines: database.trail(payout),
        });
    }
    for (after, time, payout) in recovery::slower_than(&recoveries, SLOW_MILLIS).into_iter().take(TRAILS) {
        let why = format!("went on {} after {after}", moment::seconds(time));
        trails.push(Trail { lines: database.trail(&payout), payout, why });
    }
    for line in still_open {
        progress::note(&line);
    }
    Ok(Report {
        seed: options.seed,
        plan,
        record: striker.record.clone(),
        recoveries,
        findings,
        trails,
        logs,
        took: String::new(),
        again: format!(
            "cargo xtask chaos --payouts {} --seed {} --minutes {}",
            options.payouts,
            options.seed,
            options.lasts.as_secs().div_ceil(60)
        ),
    })
}

/// Load and faults, then peace until nothing moves any more; the answer is what is still open and why.
fn storm<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    outside: &'scope Outside,
    providers: &'scope [Provider],
    plan: &Plan,
    striker: &mut Striker<'_>,
) -> Result<Vec<String>> {
    let began = Instant::now();
    let lives: Vec<_> =
        providers.iter().map(|provider| scope.spawn(move || outside.live(provider, began))).collect();
    striker.carry_out(plan, began)?;
    striker.make_peace()?;
    progress::note("no more faults; waiting for quiet");
    while !lives.iter().all(thread::ScopedJoinHandle::is_finished) {
        striker.supervise()?;
        interrupt::tick()?;
    }
    for life in lives {
        life.join().map_err(|_| anyhow!("a provider panicked"))?;
    }
    quiet(striker)?;
    if striker.record.restored_at.is_some() {
        progress::note("providers look for what they were promised");
        for provider in providers {
            outside.look_for_promises(provider);
        }
        quiet(striker)?;
    }
    progress::note("reconciling with the gateway");
    if let Some(why) = outside.reconcile(RECONCILIATION_LIMIT)? {
        progress::note(&why);
        striker.record.not_reconciled = Some(why);
    }
    quiet(striker)
}

/// Waits until nothing is open that needs no person, or the limit.
fn quiet(striker: &mut Striker<'_>) -> Result<Vec<String>> {
    let began = Instant::now();
    let mut quiet_since: Option<Instant> = None;
    let mut told = Instant::now();
    loop {
        striker.supervise()?;
        let payouts = striker.database.payouts().context("reading the payouts at the end")?;
        let open: Vec<_> = payouts.iter().filter(|one| !one.is_final()).collect();
        // An admin is still there and settles what is theirs, unless it takes a case to be closed.
        let moving = open.iter().filter(|one| one.with_people.is_empty()).count();
        match quiet_since {
            _ if moving > 0 => quiet_since = None,
            None => quiet_since = Some(Instant::now()),
            Some(since) if since.elapsed() >= QUIET_FOR => return Ok(vec![]),
            Some(_) => {}
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            progress::note(&format!("{} payouts are open", open.len()));
        }
        if began.elapsed() > QUIET_LIMIT {
            let tell = |one: &&database::Payout| {
                let why = if one.is_with_people() {
                    one.with_people.join(", ")
                } else {
                    "nobody knows why".to_owned()
                };
                format!("payout {} is still {}: {why}", one.id, one.status)
            };
            return Ok(open.iter().map(tell).collect());
        }
        for _ in 0..10 {
            interrupt::tick()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as a test may take: three minutes with everything.
    const SHORT: Options = Options {
        json: false,
        payouts: 40,
        seed: 1,
        lasts: Duration::from_secs(75),
        restore: true,
        profile: Profile::Dev,
        as_built: true,
    };

    /// The programs were built together with this test.
    #[test]
    fn forty_payouts_survive_ten_blows() {
        let checkout = Checkout::locate().unwrap();
        let report = attack(&checkout, "chaos-test", &Programs::beside_us().unwrap(), SHORT).unwrap();
        report.print();
        assert!(report.is_right(), "see above; logs: {}", report.logs);
    }
}
