//! `cargo xtask demo`: every way a payout can go, on a real stack of its own, in one command.
//!
//! Guarantees: the stack begins empty and is gone afterwards; the exit code is 0 only if every payout ended exactly as it
//! should, by the API *and* by the gateway's own books, and the money adds up. Standard output carries the table (or, with
//! `--json`, JSON lines and nothing else), standard error the progress. Cost: less than a minute after the build.

mod case;
mod kill;
mod kill_switch;
mod mail;
mod money;
mod policy;
mod record;
mod scenarios;
mod scene;
mod short_funding;
mod stage;
mod table;
mod two_approvers;

use std::process::{self, ExitCode};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::checkout::Checkout;
use crate::dashboard::DASHBOARD_DIR;
use crate::http::{list, text};
use crate::mailbox::Mailbox;
use crate::marketplace::{NewPerson, Person, email_of};
use crate::naira::Naira;
use crate::progress::human;
use crate::stack::programs::{Profile, Programs, build};
use crate::stack::token::{Role, mint};
use crate::stack::{Keeping, Part, Stack, sweep};
use crate::{dashboard, install, interrupt, moment, progress};
use case::{Case, Played, Row};
use kill::Kill;
use scenarios::{AUTO_APPROVED, CASES, TRUST};
use scene::Scene;
use stage::Stage;

/// The folder under `.local` whose subfolders are single runs.
const FAMILY: &str = "demo";

/// Settings that make a route that takes hours in production take seconds.
const SETTINGS: [(&str, &str); 10] = [
    // Someone who watches waits ten seconds for a window, not two hours.
    ("BATCH_WINDOW", "10s"),
    // Windows and run-now together are more than one batch a minute.
    ("BATCH_WORKER_RATE_LIMIT", "600"),
    ("RETRY_SCHEDULE", "1s,2s,3s"),
    // Twice what the gateway takes, so that a webhook that comes is faster and one that is lost is missed soon.
    ("WEBHOOK_TIMEOUT", "4s"),
    ("SIMULATOR_SETTLE_AFTER", "2s"),
    // Shorter than the stall of the transfer that times out.
    ("GATEWAY_TIMEOUT", "4s"),
    ("PAYOUT_WORKER_RATE_LIMIT", "50"),
    ("PAYOUT_WORKER_CONCURRENCY", "10"),
    ("REFERENCE_PREFIX", "demo"),
    ("ALLOW_ENGINE_APPROVAL", "true"),
];

/// What everyone has earned, in this many parts, so that payouts take from more than one earning.
const EARNED_PART: Naira = Naira::whole(60_000);
const EARNED_PARTS: u64 = 2;

/// As many as make a provider trusted.
const TRUST_PAYOUTS: usize = 3;

/// What to do besides.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub json: bool,
    pub keep: bool,
    pub kill: bool,
    pub record: bool,
    pub profile: Profile,
}

/// Everything that came out of a run.
struct Report {
    rows: Vec<Row>,
    money: money::Check,
    /// None where no mail is caught.
    mail: Option<money::Finding>,
    kill: Option<Kill>,
    scenes: Vec<Scene>,
    took: String,
}

pub fn run(checkout: &Checkout, options: Options) -> Result<ExitCode> {
    sweep(checkout, FAMILY)?;
    let programs = build(checkout, options.profile)?;
    let began = Instant::now();
    let name = format!("{FAMILY}/{}", process::id());
    let mut stack = Stack::open(checkout, &name, Keeping::Nothing)?;
    stack.catch_mail()?;
    stack.add_programs(&programs, &SETTINGS);
    if options.keep
        && let Some(built) = dashboard::build(checkout)?
    {
        stack.service(Part::Api)?.set(DASHBOARD_DIR, &built.to_string_lossy());
    }
    stack.start()?;
    let started = began.elapsed();

    // The command line signals payouts also where the server is somebody else's.
    let temporal = install::temporal::install(checkout)?;
    let stage = Stage::new(stack.around(), temporal, format!("demo-{}", moment::now()), options.kill)?;
    let (rows, kill) = play_all(&stage, &mut stack)?;
    let scenes = vec![
        progress::step("a wallet that does for two of four", || short_funding::play(&stage))?,
        progress::step("everything stopped in the middle of a batch", || kill_switch::play(&stage))?,
        progress::step("a risk policy is changed", || {
            let person = join(&stage, &TRUST)?;
            policy::play(&stage, stack.around(), &person, AUTO_APPROVED.amount)
        })?,
    ];
    let paid: Vec<Naira> = scenes.iter().flat_map(|scene| scene.paid.iter().copied()).collect();
    let money = money::check(&stage, &programs, stack.around(), &rows, &paid)?;
    let mail = stack
        .around()
        .mail
        .as_ref()
        .map(|address| mail::check(&Mailbox::new(address), &email_of(&external_id(&stage, &TRUST))));
    let took = format!("stack up in {}, everything in {}", human(started), human(began.elapsed()));
    let report = Report { rows, money, mail, kill, scenes, took };
    let is_right = report.is_right();
    if options.json {
        table::print_json(&report)?;
    } else {
        table::print(&report);
    }
    if options.record {
        record::record(checkout, &programs, stack.around(), &report.rows)?;
    }
    if options.keep {
        keep(&mut stack)?;
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Report {
    fn is_right(&self) -> bool {
        self.rows.iter().all(|row| row.wrong.is_empty())
            && self.money.is_right()
            && self.mail.as_ref().is_none_or(|mail| mail.holds)
            && self.scenes.iter().all(Scene::is_right)
            && self.kill.as_ref().is_none_or(Kill::is_right)
    }
}

/// First the payouts that make someone trusted, then all others at once.
fn play_all(stage: &Stage, stack: &mut Stack) -> Result<(Vec<Row>, Option<Kill>)> {
    let mut rows = vec![];
    let trusted = progress::step("three payouts that make a provider trusted", || {
        let person = join(stage, &TRUST)?;
        rows = earn_trust(stage, &person)?;
        Ok(person)
    })?;
    progress::note("every other payout at once; the next window is at most ten seconds away");
    let trusted = &trusted;
    let mut kill = None;
    let played = thread::scope(|scope| {
        let auto = scope.spawn(move || play(stage, &AUTO_APPROVED, Ok(trusted.clone())));
        let others = CASES.each_ref().map(|case| scope.spawn(move || play(stage, case, join(stage, case))));
        let handles: Vec<_> = [auto].into_iter().chain(others).collect();
        if stage.kills {
            let result = kill::kill_when_busy(stage, stack);
            stage.tell_restarted();
            kill = Some(result?);
        }
        while !handles.iter().all(thread::ScopedJoinHandle::is_finished) {
            stack.check()?;
            interrupt::tick()?;
        }
        handles
            .into_iter()
            .map(|handle| handle.join().map_err(|_| anyhow::anyhow!("a driver panicked")))
            .collect::<Result<Vec<Row>>>()
    })?;
    rows.extend(played);
    if let Some(kill) = &mut kill {
        kill.measure(stage)?;
    }
    Ok((rows, kill))
}

/// How many there are in a list of a payout's detail.
fn count(detail: &serde_json::Value, place: &str) -> usize {
    list(detail, place).len()
}

/// Told apart from other runs, where the servers are not ours.
fn external_id(stage: &Stage, case: &Case) -> String {
    format!("{}-{}", stage.run, case.key)
}

/// A new provider with an account and earnings.
fn join(stage: &Stage, case: &Case) -> Result<Person> {
    let external_id = external_id(stage, case);
    let new = NewPerson { external_id: &external_id, name: case.name, verified: case.verified };
    let person = stage.marketplace.person(new, case.bank_code, case.account_number)?;
    for part in 1..=EARNED_PARTS {
        let earning = format!("{external_id}-{part}");
        stage.marketplace.earning(&earning, &external_id, EARNED_PART, "Work that was done")?;
    }
    if let Some(amount) = case.earned_more {
        stage.marketplace.earning(
            &format!("{external_id}-more"),
            &external_id,
            amount,
            "A year's contract",
        )?;
    }
    Ok(person)
}

/// Carries one case to its end and compares; whatever goes wrong becomes part of its row.
fn play(stage: &Stage, case: &Case, person: Result<Person>) -> Row {
    let began = moment::now();
    let mut row = Row::new(case);
    if let Err(error) = person.and_then(|person| carry(stage, case, &person, &mut row, began)) {
        row.wrong.push(format!("{error:#}"));
    }
    let took = moment::seconds(row.took_millis);
    if row.wrong.is_empty() {
        progress::note(&format!("{}: {} after {took}", case.asked, row.status));
    } else {
        progress::note(&format!("{}: NOT AS IT SHOULD BE: {}", case.asked, row.wrong.join("; ")));
    }
    row
}

fn carry(stage: &Stage, case: &Case, person: &Person, row: &mut Row, began: i64) -> Result<()> {
    let before = person.balance()?;
    let played = (case.play)(stage, case, person);
    row.took_millis = moment::now().saturating_sub(began);
    match played? {
        Played::Payout(payout) => row.look(stage, &payout)?,
        Played::Refused(refusal) => row.status = refusal,
    }
    row.judge(case.expected);
    row.judge_balance(before, person.balance()?);
    Ok(())
}

/// Three payouts of one provider, each approved by an admin, all released at once.
fn earn_trust(stage: &Stage, person: &Person) -> Result<Vec<Row>> {
    let began = moment::now();
    let before = person.balance()?;
    let payouts = (0..TRUST_PAYOUTS)
        .map(|number| person.payout(TRUST.amount, &format!("{}-trust-{number}", stage.run)))
        .collect::<Result<Vec<String>>>()?;
    for payout in &payouts {
        stage.until_review(payout)?;
        stage.decide(payout, "approve", "The first payouts of a new provider are looked at.")?;
    }
    stage.run_batch()?;
    let mut rows = vec![];
    let mut available = before.available;
    for payout in &payouts {
        stage.until_status(payout, "COMPLETED")?;
        let mut row = Row::new(&TRUST);
        row.before = available;
        available = available.minus(TRUST.amount);
        row.after = available;
        row.took_millis = moment::now().saturating_sub(began);
        row.look(stage, payout)?;
        row.judge(TRUST.expected);
        rows.push(row);
    }
    let after = person.balance()?;
    let moved = rows.iter().map(|row| row.moved).sum::<Naira>();
    if after.available != before.available.minus(moved) || !after.reserved.is_zero() {
        bail!("{moved} were paid, and the balance went from {before:?} to {after:?}");
    }
    Ok(rows)
}

/// Leaves everything running for a person to look around, until Ctrl-C.
fn keep(stack: &mut Stack) -> Result<()> {
    let around = stack.around();
    eprintln!();
    eprintln!("  The stack goes on until Ctrl-C.");
    eprintln!("  Dashboard    {}, to sign in with one of the tokens", around.api_url());
    eprintln!("  API docs     {}/docs", around.api_url());
    if let Some(ui) = &around.temporal.ui {
        eprintln!("  Temporal UI  {ui}");
    }
    if let Some(mail) = &around.mail {
        eprintln!("  Mail         {}", mail.web);
    }
    eprintln!("  Simulator    {}", around.simulator_url());
    eprintln!("  Database     {}", around.database_url);
    eprintln!("  admin token    {}", mint(&around.jwt_secret, Role::Admin, "admin-ada", None)?);
    eprintln!("  finance token  {}", mint(&around.jwt_secret, Role::Finance, "finance-fola", None)?);
    eprintln!("  platform token {}", mint(&around.jwt_secret, Role::Platform, "marketplace", None)?);
    loop {
        stack.check()?;
        if interrupt::tick().is_err() {
            progress::note("stopping");
            return Ok(());
        }
    }
}

/// Whether a payout in a list has not ended.
fn is_open(payout: &serde_json::Value) -> bool {
    match text(payout, "/status") {
        Some("REQUESTED" | "APPROVED" | "PROCESSING") => true,
        Some("FAILED") => text(payout, "/refunded_at").is_none(),
        _ => false,
    }
}

/// The program of this name that was built with the others.
fn beside(programs: &Programs, name: &str) -> process::Command {
    process::Command::new(programs.worker.with_file_name(name))
}
