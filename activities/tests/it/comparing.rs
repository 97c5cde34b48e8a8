//! A reconciliation's steps: everything that a list may show about an attempt, and what is done about it, each step twice.

use std::time::Duration;

use domain::{
    AttemptStatus, Failure, Observed, PayoutStatus, Reference, Sighting,
    reconcile::{Listed, TransferPage},
};
use sqlx::PgPool;
use store::reconciliations::{Counts, Run, RunStatus};
use workflows::{ReconcileInput, ReconcileRef};

use crate::harness::Play;

const BACK: &str = "returned by the bank";
/// A reversal is believed when it is seen again so much later.
const A_DAY: Duration = Duration::from_hours(24);
/// What was sent a moment ago is left to the next run.
const QUIET: Duration = Duration::from_mins(16);

type Change = fn(&mut Sighting);

fn listed(sighting: Sighting, seen: impl Fn(Sighting) -> Observed) -> Listed {
    Listed {
        reference: sighting.reference.clone(),
        retry_of: None,
        gateway_id: Some(sighting.gateway_id.clone()),
        observed: seen(sighting),
    }
}

fn page(transfers: Vec<Listed>) -> TransferPage {
    TransferPage { transfers, unreadable: 0, last: true }
}

fn failed(sighting: Sighting) -> Observed {
    Observed::Failed(sighting, Failure::observed(BACK))
}

impl Play {
    /// A whole run, each step of it twice.
    async fn reconcile(&self, transfers: Vec<Listed>) -> Run {
        self.lists(vec![page(transfers)]);
        let open =
            || self.run(activities::OpenReconciliationStep::open_reconciliation, ReconcileInput::default());
        let run = open().await.unwrap().unwrap();
        assert_eq!(open().await.unwrap(), Some(run));
        for _ in 0..2 {
            let step = self.run(activities::ReconcilePageStep::reconcile_page, run).await.unwrap();
            assert!(!step.more);
        }
        for _ in 0..2 {
            let step = self.run(activities::ReconcileMissingStep::reconcile_missing, run).await.unwrap();
            assert!(!step.more);
        }
        let close = || self.run(activities::CloseReconciliationStep::close_reconciliation, run);
        assert_eq!(close().await.unwrap(), close().await.unwrap());
        self.run_row(run).await
    }

    async fn run_row(&self, run: ReconcileRef) -> Run {
        store::reconciliations::get(&self.world.pool, run.run).await.unwrap().unwrap()
    }

    async fn open_cases(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT kind FROM cases WHERE status = 'OPEN' ORDER BY kind")
            .fetch_all(&self.world.pool)
            .await
            .unwrap()
    }

    async fn wakes(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM outbox WHERE signal = 'transfer_update'")
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_success_we_missed_is_healed_and_its_payout_woken(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let sighting = play.sighting().await;
    play.shows(Observed::Succeeded(sighting.clone()));
    let run = play.reconcile(vec![listed(sighting.clone(), Observed::Succeeded)]).await;
    assert_eq!(run.counts, Counts { listed: 1, looked_up: 1, healed: 1, ..Counts::default() });
    assert_eq!((play.row().await.status, play.wakes().await), (PayoutStatus::Completed, 1));
    // Again: it agrees, and nothing is asked or told.
    let run = play.reconcile(vec![listed(sighting, Observed::Succeeded)]).await;
    assert_eq!(run.counts, Counts { listed: 1, matched: 1, ..Counts::default() });
    assert_eq!((play.open_cases().await.len(), play.wakes().await), (0, 1));
    play.check().await;
}

/// The list was a moment old, or wrong: the look-up decides, and nothing moves.
#[sqlx::test(migrations = "../migrations")]
async fn a_list_is_no_evidence(pool: PgPool) {
    let play = Play::accepted(&pool).await;
    let sighting = play.sighting().await;
    play.shows(Observed::InFlight(sighting.clone()));
    let run = play.reconcile(vec![listed(sighting, Observed::Succeeded)]).await;
    assert_eq!((run.counts.looked_up, run.counts.healed), (1, 0));
    assert_eq!(play.row().await.status, PayoutStatus::Processing);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reversal_is_a_case_and_a_day_later_booked(pool: PgPool) {
    let play = paid(&pool).await;
    let sighting = play.sighting().await;
    let back = || vec![listed(sighting.clone(), failed)];
    play.shows(failed(sighting.clone()));
    play.reconcile(back()).await;
    assert_eq!(
        (play.row().await.status, play.open_cases().await),
        (PayoutStatus::Completed, vec!["reversal".to_owned()])
    );
    // An hour later it is asked again, and not yet believed.
    play.wait(Duration::from_hours(1));
    play.shows(failed(sighting.clone()));
    assert_eq!(play.reconcile(back()).await.counts.differences, 0);
    play.wait(A_DAY);
    play.shows(failed(sighting.clone()));
    let run = play.reconcile(back()).await;
    assert_eq!((run.counts.healed, play.attempt().await.status), (1, AttemptStatus::Reversed));
    assert_eq!((play.row().await.status, play.open_cases().await.len()), (PayoutStatus::Reversed, 0));
    // And agrees from then on.
    assert_eq!(play.reconcile(back()).await.counts.matched, 1);
    play.check().await;
}

async fn paid(pool: &PgPool) -> Play {
    let play = Play::accepted(pool).await;
    play.shows(Observed::Succeeded(play.sighting().await));
    play.observe().await.unwrap();
    play
}

#[sqlx::test(migrations = "../migrations")]
async fn what_the_gateway_has_forgotten_is_a_case_until_it_remembers(pool: PgPool) {
    let play = paid(&pool).await;
    play.wait(QUIET);
    play.shows(Observed::NotFound);
    let run = play.reconcile(vec![]).await;
    assert_eq!((run.counts.looked_up, run.counts.differences), (1, 1));
    assert_eq!(play.open_cases().await, ["missing_transfer"]);
    play.shows(Observed::NotFound);
    play.reconcile(vec![]).await;
    assert_eq!(play.open_cases().await.len(), 1);
    let sighting = play.sighting().await;
    play.reconcile(vec![listed(sighting, Observed::Succeeded)]).await;
    assert_eq!(play.open_cases().await.len(), 0);
    assert_eq!(play.row().await.status, PayoutStatus::Completed);
    play.check().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn another_amount_or_account_is_a_case_and_moves_nothing(pool: PgPool) {
    let changes: [(&str, Change); 3] = [
        ("amount_differs", |seen| seen.amount = "1500.01 NGN".parse().unwrap()),
        ("contradiction", |seen| seen.account = "0690000031".to_owned()),
        ("contradiction", |seen| seen.bank = "058".to_owned()),
    ];
    let play = paid(&pool).await;
    for (kind, change) in changes {
        let mut seen = play.sighting().await;
        change(&mut seen);
        play.shows(Observed::Succeeded(seen.clone()));
        let run = play.reconcile(vec![listed(seen, Observed::Succeeded)]).await;
        assert_eq!(run.counts.differences, 1, "{kind}");
        assert!(play.open_cases().await.contains(&kind.to_owned()));
    }
    let told: Vec<serde_json::Value> =
        sqlx::query_scalar("SELECT detail FROM case_evidence").fetch_all(&play.world.pool).await.unwrap();
    assert!(told.iter().all(|detail| !detail.to_string().contains("06900000")), "{told:?}");
    play.check().await;
}

/// Made at the dashboard, by another installation, or a second time under our reference.
#[sqlx::test(migrations = "../migrations")]
async fn whose_a_strange_transfer_is(pool: PgPool) {
    let play = paid(&pool).await;
    let ours = play.sighting().await;
    let other = |reference: &str, id: &str, seen: fn(Sighting) -> Observed| {
        let reference = Reference::from_stored(reference);
        listed(Sighting { reference, gateway_id: id.to_owned(), ..ours.clone() }, seen)
    };
    let transfers = vec![
        listed(ours.clone(), Observed::Succeeded),
        other("rent-march", "81", Observed::Succeeded),
        other("rent-april", "82", failed),
        other("other-0192f0c12a3b7c4d8e5f001122334455-1", "83", Observed::Succeeded),
        other(ours.reference.as_str(), "84", Observed::InFlight),
        other(ours.reference.as_str(), "85", failed),
    ];
    let run = play.reconcile(transfers.clone()).await;
    assert_eq!((run.counts.listed, run.counts.matched, run.counts.elsewhere), (6, 2, 1));
    assert_eq!((run.counts.looked_up, run.counts.differences), (0, 2));
    assert_eq!(play.open_cases().await, ["unknown_transfer", "unknown_transfer"]);
    play.reconcile(transfers).await;
    assert_eq!(play.open_cases().await.len(), 2);
    // The one on its way has failed: nobody has anything to settle.
    play.reconcile(vec![listed(ours.clone(), Observed::Succeeded), other("rent-march", "81", failed)]).await;
    assert_eq!(play.open_cases().await.len(), 1);
    play.check().await;
}

/// Someone tried a failed transfer again at the gateway's dashboard: while that may pay, the failure proves nothing.
#[sqlx::test(migrations = "../migrations")]
async fn a_retry_at_the_gateway_is_a_case_and_stops_ours(pool: PgPool) {
    let play = Play::failed(&pool, "bank is not available").await;
    let ours = play.sighting().await;
    let retry = Sighting {
        reference: Reference::from_stored(format!("{}_RETRY_1", ours.reference)),
        gateway_id: "91".to_owned(),
        ..ours.clone()
    };
    let retried = Listed { retry_of: Some(ours.reference.clone()), ..listed(retry, Observed::InFlight) };
    let tried_again = || Observed::Unrecognised { said: "FAILED, but it was tried again".to_owned() };
    let rows = || vec![retried.clone(), listed(ours.clone(), failed)];
    // Once for the retry; in every further run also for the doubt.
    for looks in 1..=2 {
        for _ in 0..looks {
            play.shows(tried_again());
        }
        assert_eq!(play.reconcile(rows()).await.counts.looked_up, looks);
        assert_eq!(play.open_cases().await, ["status_differs", "unknown_transfer"]);
    }
    assert!(play.attempt().await.doubt.is_some());
    let proven = store::attempts::proven_unpaid(&play.world.pool, play.payout, play.now()).await.unwrap();
    assert!(proven.is_err());
    play.check().await;
}

/// The gateway is away in the middle: the run goes on at its page, and what was found is not found twice.
#[sqlx::test(migrations = "../migrations")]
async fn a_run_goes_on_where_it_was(pool: PgPool) {
    let play = paid(&pool).await;
    let sighting = play.sighting().await;
    let first = TransferPage { last: false, ..page(vec![listed(sighting.clone(), Observed::Succeeded)]) };
    play.lists(vec![first.clone()]);
    let open =
        || play.run(activities::OpenReconciliationStep::open_reconciliation, ReconcileInput::default());
    let run = open().await.unwrap().unwrap();
    play.run(activities::ReconcilePageStep::reconcile_page, run).await.unwrap_err();
    let row = play.run_row(run).await;
    assert_eq!((row.next_page, row.status, row.counts.matched), (2, RunStatus::Listing, 1));
    // Another worker, another workflow: the same run.
    assert_eq!(open().await.unwrap(), Some(run));
    play.lists(vec![first, page(vec![listed(sighting, Observed::Succeeded)])]);
    play.run(activities::ReconcilePageStep::reconcile_page, run).await.unwrap();
    let row = play.run_row(run).await;
    assert_eq!((row.status, row.counts.matched), (RunStatus::Looking, 2));
    // The list has shown it, so it is not asked for.
    play.wait(QUIET);
    play.run(activities::ReconcileMissingStep::reconcile_missing, run).await.unwrap();
    let closed = play.run(activities::CloseReconciliationStep::close_reconciliation, run).await.unwrap();
    assert_eq!((closed.listed, closed.looked_up), (2, 0));
    let again = ReconcileInput { run: Some(run.run) };
    let reopened = play.run(activities::OpenReconciliationStep::open_reconciliation, again).await.unwrap();
    assert_eq!(reopened, None);
    play.check().await;
}

/// The database forgot an attempt that paid: the run claims it, completes the payout, and nothing leaves until an admin resumes.
#[sqlx::test(migrations = "../migrations")]
async fn what_the_database_forgot_is_claimed(pool: PgPool) {
    let play = Play::claimed(&pool).await;
    let reference = Reference::new(&play.world.rules.prefix, play.payout, crate::harness::FIRST);
    let sighting = Sighting {
        reference,
        gateway_id: "71".to_owned(),
        amount: "1500.00 NGN".parse().unwrap(),
        bank: "044".to_owned(),
        account: "0690000040".to_owned(),
        fee: None,
    };
    play.shows(Observed::Succeeded(sighting.clone()));
    let run = play.reconcile(vec![listed(sighting, Observed::Succeeded)]).await;
    assert_eq!((run.counts.claimed, run.counts.looked_up, run.counts.healed), (1, 1, 1));
    assert_eq!(play.row().await.status, PayoutStatus::Completed);
    assert!(play.wakes().await > 0);
    assert!(store::control::get(&play.world.pool).await.unwrap().paused);
    assert!(play.open_cases().await.contains(&"restored".to_owned()));
    play.check().await;
}
