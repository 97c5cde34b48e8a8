//! What is done to the system and when, derived from the seed and nothing else.
//!
//! Blows to processes are dealt like cards: every kind falls on every process before one falls a second time, so that also a short
//! run sees each kind. Which payouts a terminate or reset meets depends on who is open then; that is as far as real processes
//! repeat.

use std::time::Duration;

use serde_json::{Value, json};

use super::dice::Dice;
use crate::stack::Part;
use crate::stack::postgres::Restore;

/// What the gateway does by chance, as `kind=rate`; the seed decides which transfers it meets. A transfer that stays open for
/// ever is not among them: nothing but time (a day) would give it to a person.
pub const GATEWAY_BY_CHANCE: &str = "reset_after=0.06,reset_before=0.03,stall_then_503=0.02,late_carry_out=0.03,\
timeout_money_moves=0.02,html_error=0.03,rate_limited=0.02,unauthorized=0.01,ip_not_whitelisted=0.01,decline=0.02,\
fail=0.06,webhook_early=0.05,flip_after_success=0.01,lookup_lag=0.04,lookup_error=0.05,\
webhook_lost=0.10,webhook_late=0.06,webhook_duplicate=0.08,webhook_reordered=0.05";

/// Where payouts leave in windows: their distance.
pub const WINDOW: (&str, Duration) = ("10s", Duration::from_secs(10));

/// Between two planted faults of the gateway.
const PLANTED_EVERY: Duration = Duration::from_secs(6);

/// Before the first and after the last blow, so that there is something to hit.
const MARGIN: Duration = Duration::from_secs(4);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In order of time.
    pub strikes: Vec<Strike>,
    /// How approved payouts leave.
    pub window: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// From the beginning of the load.
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// To a process; it is back after `away`.
    Blow { kind: Kind, part: Part, away: Duration },
    /// `temporal workflow terminate` for so many open payouts.
    Terminate { workflows: u64 },
    /// `temporal workflow reset` for so many open payouts.
    Reset { workflows: u64 },
    /// The database is stopped and its data copied: the moment it will be put back to.
    CopyDatabase,
    /// The database is put back to that moment.
    RestoreDatabase(Restore),
    /// A fault that the gateway is told.
    Plant(Value),
    /// The merchant's wallet is empty for a while.
    EmptyWallet { lasts: Duration },
}

/// What happens to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// SIGKILL.
    Kill,
    /// SIGTERM, and started again.
    Restart,
    /// PostgreSQL's immediate shutdown: it recovers from its log at the next start.
    Quit,
    /// SIGSTOP, later SIGCONT.
    Freeze,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Restart => "restart",
            Self::Quit => "immediate stop",
            Self::Freeze => "SIGSTOP",
        }
    }
}

pub fn part_name(part: Part) -> &'static str {
    match part {
        Part::Postgres => "PostgreSQL",
        Part::Redis => "Redis",
        Part::Temporal => "Temporal",
        Part::Mail => "mail",
        Part::Simulator => "simulator",
        Part::Api => "API",
        Part::Worker => "worker 1",
        Part::SecondWorker => "worker 2",
    }
}

/// Those of the first round: together they meet every process and every kind.
const FIRST_ROUND: [(Kind, Part); 9] = [
    (Kind::Kill, Part::Api),
    (Kind::Kill, Part::Worker),
    (Kind::Kill, Part::SecondWorker),
    (Kind::Kill, Part::Simulator),
    (Kind::Kill, Part::Temporal),
    (Kind::Quit, Part::Postgres),
    (Kind::Kill, Part::Redis),
    (Kind::Freeze, Part::Worker),
    (Kind::Freeze, Part::Postgres),
];

const SECOND_ROUND: [(Kind, Part); 12] = [
    (Kind::Kill, Part::Postgres),
    (Kind::Restart, Part::Temporal),
    (Kind::Restart, Part::Postgres),
    (Kind::Restart, Part::Redis),
    (Kind::Restart, Part::Worker),
    (Kind::Freeze, Part::Api),
    (Kind::Freeze, Part::SecondWorker),
    (Kind::Freeze, Part::Simulator),
    (Kind::Freeze, Part::Temporal),
    (Kind::Freeze, Part::Redis),
    (Kind::Kill, Part::Api),
    (Kind::Kill, Part::Worker),
];

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    pub seed: u64,
    pub lasts: Duration,
    /// Blows to processes.
    pub blows: usize,
    /// Whether the database is restored once.
    pub restore: bool,
}

pub fn plan(measure: Measure) -> Plan {
    let mut dice = Dice::new(measure.seed, "plan");
    let mut whats = dealt(&mut dice, measure.blows);
    // Between the blows, not at their end: a terminated workflow in the middle of an outage is the harder case.
    for workflows in [What::Terminate { workflows: 3 }, What::Reset { workflows: 3 }] {
        for _ in 0..measure.blows.div_ceil(15) {
            let place = dice.below(u64::try_from(whats.len()).unwrap_or(u64::MAX));
            whats.insert(usize::try_from(place).unwrap_or_default(), workflows.clone());
        }
    }
    if measure.restore {
        // Long enough apart that payouts were asked for and paid in between.
        whats.insert(whats.len().div_euclid(2), What::CopyDatabase);
        let late = whats.len().saturating_mul(4).div_euclid(5);
        let how = if dice.happens(500) { Restore::Snapshot } else { Restore::FromBackup };
        whats.insert(late, What::RestoreDatabase(how));
    }
    let span = measure.lasts.saturating_sub(MARGIN.saturating_mul(2));
    let each = span.checked_div(u32::try_from(whats.len()).unwrap_or(u32::MAX)).unwrap_or_default();
    let mut strikes: Vec<Strike> = vec![];
    for (number, what) in whats.into_iter().enumerate() {
        let slot = each.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
        let within = Duration::from_millis(dice.below(u64::try_from(each.as_millis()).unwrap_or(u64::MAX)));
        strikes.push(Strike { at: MARGIN.saturating_add(slot).saturating_add(within), what });
    }
    let mut at = Duration::ZERO;
    while at < measure.lasts {
        strikes.push(Strike { at, what: What::Plant(planted(&mut dice)) });
        at = at.saturating_add(PLANTED_EVERY);
    }
    // Twice: once while little is under way, once later.
    for part in [3, 6] {
        let at = measure.lasts.saturating_mul(part).checked_div(9).unwrap_or_default();
        let lasts = Duration::from_millis(dice.between(2_000, 5_000));
        strikes.push(Strike { at, what: What::EmptyWallet { lasts } });
    }
    strikes.sort_by_key(|strike| strike.at);
    let window = if dice.happens(500) { WINDOW.0 } else { "open" };
    Plan { strikes, window }
}

/// So many blows, round after round.
fn dealt(dice: &mut Dice, blows: usize) -> Vec<What> {
    let mut whats = vec![];
    let mut rounds = [FIRST_ROUND.to_vec(), SECOND_ROUND.to_vec()].into_iter().cycle();
    while whats.len() < blows {
        let mut round = rounds.next().unwrap_or_default();
        dice.shuffle(&mut round);
        for (kind, part) in round {
            let away = match kind {
                Kind::Kill | Kind::Restart | Kind::Quit => dice.between(100, 2_500),
                Kind::Freeze => dice.between(1_000, 6_000),
            };
            whats.push(What::Blow { kind, part, away: Duration::from_millis(away) });
        }
    }
    whats.truncate(blows);
    whats
}

/// One fault that chance alone does not make, or makes too seldom.
fn planted(dice: &mut Dice) -> Value {
    let faults = [
        json!({ "fault": { "kind": "unknown_status", "then": "SUCCESSFUL", "after": "30s" } }),
        json!({ "fault": { "kind": "unknown_status", "then": "FAILED", "after": "30s" } }),
        json!({ "fault": { "kind": "fail", "message": "DISBURSE FAILED: Insufficient funds in customer wallet" } }),
        json!({ "fault": { "kind": "fail", "message": "DISBURSE FAILED: System error, please try again" } }),
        json!({ "fault": { "kind": "fail", "message": "DISBURSE FAILED: closed account" } }),
        json!({ "fault": { "kind": "stall_then_503", "money": "moves" } }),
        json!({ "fault": { "kind": "html_error", "money": "moves" } }),
        json!({ "fault": { "kind": "reset_after" }, "times": 2 }),
        json!({ "fault": { "kind": "late_carry_out", "after": "90s" } }),
        json!({ "fault": { "kind": "lookup_lag", "for": "60s" } }),
        json!({ "fault": { "kind": "lookup_error" }, "match": { "endpoint": "lookup" }, "times": 3 }),
        json!({ "fault": { "kind": "rate_limited", "retry_after_seconds": 2 }, "times": 2 }),
        json!({ "fault": { "kind": "webhook_lost" }, "times": 3 }),
    ];
    dice.one_of(&faults).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Measure = Measure { seed: 1, lasts: Duration::from_mins(1), blows: 10, restore: false };
    const LONG: Measure = Measure { seed: 1, lasts: Duration::from_mins(6), blows: 36, restore: true };

    fn blows(plan: &Plan) -> Vec<(Kind, Part)> {
        let blow = |strike: &Strike| match strike.what {
            What::Blow { kind, part, .. } => Some((kind, part)),
            What::Terminate { .. }
            | What::Reset { .. }
            | What::CopyDatabase
            | What::RestoreDatabase(_)
            | What::Plant(_)
            | What::EmptyWallet { .. } => None,
        };
        plan.strikes.iter().filter_map(blow).collect()
    }

    #[test]
    fn a_seed_repeats_its_plan() {
        assert_eq!(plan(LONG), plan(LONG));
        assert_ne!(plan(LONG), plan(Measure { seed: 2, ..LONG }));
    }

    #[test]
    fn also_a_short_run_meets_every_process_and_every_kind_but_a_tidy_restart() {
        let blows = blows(&plan(SHORT));
        assert_eq!(blows.len(), 10);
        for part in [
            Part::Postgres,
            Part::Redis,
            Part::Temporal,
            Part::Simulator,
            Part::Api,
            Part::Worker,
            Part::SecondWorker,
        ] {
            assert!(blows.iter().any(|(_, hit)| *hit == part), "{part:?}");
        }
        for kind in [Kind::Kill, Kind::Quit, Kind::Freeze] {
            assert!(blows.iter().any(|(fell, _)| *fell == kind), "{kind:?}");
        }
    }

    #[test]
    fn everything_falls_while_there_is_load_and_the_copy_is_made_before_it_is_put_back() {
        let plan = plan(LONG);
        assert!(plan.strikes.iter().all(|strike| strike.at < LONG.lasts));
        let place = |is: fn(&What) -> bool| plan.strikes.iter().position(|strike| is(&strike.what)).unwrap();
        let copied = place(|what| *what == What::CopyDatabase);
        assert!(copied < place(|what| matches!(what, What::RestoreDatabase(_))));
        assert!(blows(&plan).len() >= 30);
    }
}
