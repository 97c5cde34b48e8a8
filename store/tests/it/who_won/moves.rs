//! The moves that can meet, and the states they meet in.

use domain::{BankAccountId, Observed, PayoutId, PayoutStatus, judge};
use serde_json::json;
use store::{
    Actor, Conflict,
    another_account::{self, AnotherAccount, Given},
    batches, control,
    decisions::{self, Decided, NewDecision, Undone, Verdict},
    manual::{self, Acted},
    payouts::{self, Cancelled},
};

use crate::fixtures::{Payee, World, decline, fails, number, seconds};

/// Who moves the payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Assess,
    Approve,
    Reject,
    Cancel,
    Undo,
    Claim,
    Begin,
    /// A pause, and the begin that meets it.
    Hold,
    /// The send of the latest attempt is counted.
    Send,
    /// The gateway is seen to have paid the latest attempt.
    Settle,
    /// The gateway is seen to have failed the latest attempt.
    Fail,
    /// The gateway is seen to have paid the first attempt, which had failed.
    LateSuccess,
    Retry,
    Refund,
    /// The provider asks for the same money to another account of theirs.
    AnotherAccount,
    /// The gateway is seen to have failed what it had paid, once more and a day later: the money came back.
    Reverse,
}

/// Where a payout stands when two moves meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Requested,
    UnderReview,
    /// Above the limit for one approver.
    LargeUnderReview,
    /// The same, and somebody else than the two who meet has approved it.
    ApprovedByOne,
    Approved,
    /// Approved again after an attempt that found the wallet empty.
    Returned,
    Released,
    RetryDue,
    GivenUp,
    /// Paid, and seen to have come back a day ago.
    ComesBack,
    Accepted,
    /// The first attempt failed, the second is recorded and not sent.
    BegunAgain,
    /// The first attempt failed, the second is accepted.
    AcceptedAgain,
}

/// What the one who moved heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Done,
    /// 409: where it stands, after whom: the role in the actor that the audit trail names.
    Told(PayoutStatus, &'static str),
    /// Approved by one; it waits for another.
    OneOfTwo,
    /// 403: they approved it already.
    AnotherMust,
    /// 409: an attempt may still pay, or has.
    Unproven,
    /// No refusal, but an answer as the payout stands.
    Stands(PayoutStatus),
    /// The claim took nothing.
    Nothing,
}

fn told(conflict: &Conflict) -> Heard {
    let role =
        ["provider", "admin", "engine", "system"].into_iter().find(|role| conflict.by.starts_with(role));
    Heard::Told(conflict.status, role.unwrap())
}

/// A payout, and whose it is.
pub(super) struct Meeting {
    pub(super) world: World,
    pub(super) payee: Payee,
    pub(super) payout: PayoutId,
    /// One for each who claims.
    pub(super) batches: (domain::BatchId, domain::BatchId),
    latest: u8,
    /// Another account of the provider's, where one may be given.
    other: Option<BankAccountId>,
}

impl Meeting {
    pub(super) async fn in_state(world: &World, state: State) -> Self {
        let mut world = world.clone();
        let payee = world.provider().await;
        world.earns(&payee, "10").await;
        let (payout, latest) = match state {
            State::Requested => (world.requested(&payee, "1").await, 0),
            State::UnderReview => (world.under_review(&payee, "1").await, 0),
            State::LargeUnderReview | State::ApprovedByOne => {
                let amount = crate::fixtures::ABOVE_THE_LIMIT;
                world.earns(&payee, amount).await;
                let payout = world.under_review(&payee, amount).await;
                if state == State::ApprovedByOne {
                    let first = world.decide_as("carol", payout, Verdict::Approve).await;
                    assert!(matches!(first, Decided::Second(_)));
                    world.pass(seconds(1));
                }
                (payout, 0)
            }
            State::Approved => (world.approved(&payee, "1").await, 0),
            State::Returned => {
                let payout = world.begun(&payee, "1").await;
                let lease = world.goes(payout, 1).await;
                world.answered(payout, lease, &decline("insufficient funds in customer wallet")).await;
                world.pass(seconds(1));
                (payout, 1)
            }
            State::Released => (world.released(&payee, "1").await, 0),
            State::RetryDue => {
                let payout = world.accepted(&payee, "1").await;
                world.look(payout, 1, fails("bank is not available")).await;
                world.pass(seconds(60));
                (payout, 1)
            }
            State::GivenUp => (world.given_up(&payee, "1").await, 1),
            State::ComesBack => {
                let payout = world.completed(&payee, "1").await;
                world.look(payout, 1, fails("returned by the bank")).await;
                world.pass(judge::REVERSAL_CONFIRMED_AFTER);
                (payout, 1)
            }
            State::Accepted => (world.accepted(&payee, "1").await, 1),
            State::BegunAgain => (world.begun_again(&payee, "1").await, 2),
            State::AcceptedAgain => (world.accepted_again(&payee, "1").await, 2),
        };
        let other = match state {
            State::GivenUp | State::ComesBack => Some(world.ready_account(&payee).await),
            State::Requested
            | State::UnderReview
            | State::LargeUnderReview
            | State::ApprovedByOne
            | State::Approved
            | State::Returned
            | State::Released
            | State::RetryDue
            | State::Accepted
            | State::BegunAgain
            | State::AcceptedAgain => None,
        };
        let batches = (world.batch().await, world.batch().await);
        Self { world, payee, payout, batches, latest, other }
    }

    /// Moves the payout; `nth`: 0 or 1, which of the two.
    pub(super) async fn make(&self, what: Move, nth: usize) -> Heard {
        let Self { world, payout, .. } = self;
        let (pool, payout, now) = (&world.pool, *payout, world.now);
        let admin = Actor::admin(if nth == 0 { "ada" } else { "bob" });
        let batch = if nth == 0 { self.batches.0 } else { self.batches.1 };
        let decide = async |verdict| {
            let new = NewDecision { payout, verdict, reason: "looked at it" };
            match decisions::decide(pool, &new, &admin, false, now).await.unwrap() {
                Decided::Done(_) => Heard::Done,
                Decided::NotUnderReview(conflict) => told(&conflict),
                Decided::Second(_) => Heard::OneOfTwo,
                Decided::ApprovedByThem => Heard::AnotherMust,
                Decided::NotFound | Decided::Involved(_) | Decided::Taken(_) => {
                    panic!("it is there, and free")
                }
            }
        };
        let acted = |acted| match acted {
            Acted::Done(_) => Heard::Done,
            Acted::NotWaiting(conflict) => told(&conflict),
            Acted::NotProven { .. } => Heard::Unproven,
            Acted::NotFound => panic!("it is there"),
        };
        match what {
            Move::Assess => Heard::Stands(world.assess(payout).await.status),
            Move::Approve => decide(Verdict::Approve).await,
            Move::Reject => decide(Verdict::Reject).await,
            Move::Cancel => match payouts::cancel(pool, payout, self.payee.id, now).await.unwrap() {
                Cancelled::Done(_) => Heard::Done,
                Cancelled::TooLate(conflict) => told(&conflict),
                Cancelled::NotFound => panic!("it is there"),
            },
            Move::Undo => match decisions::undo(pool, payout, &admin, "wait", now).await.unwrap() {
                Undone::Done(_) => Heard::Done,
                Undone::TooLate(conflict) => told(&conflict),
                Undone::NotFound => panic!("it is there"),
            },
            Move::Claim => match batches::claim_chunk(pool, batch, 10, now).await.unwrap().claimed {
                0 => Heard::Nothing,
                _ => Heard::Done,
            },
            Move::Begin => Heard::Stands(world.begin(payout).await.status),
            Move::Hold => {
                control::set_paused(pool, true, "look first", &admin, now).await.unwrap();
                Heard::Stands(world.begin(payout).await.status)
            }
            Move::Send => match world.count_send(payout, self.latest).await {
                store::attempts::Sending::Go { .. } => Heard::Done,
                store::attempts::Sending::Not(progress) | store::attempts::Sending::Doubted(progress) => {
                    Heard::Stands(progress.status)
                }
                store::attempts::Sending::Paused => Heard::Nothing,
            },
            Move::Settle => Heard::Stands(world.look(payout, self.latest, Observed::Succeeded).await.status),
            Move::Fail => {
                Heard::Stands(world.look(payout, self.latest, fails("account closed")).await.status)
            }
            Move::LateSuccess => Heard::Stands(world.look(payout, 1, Observed::Succeeded).await.status),
            Move::Retry => acted(manual::retry(pool, payout, &admin, "again", now).await.unwrap()),
            Move::Refund => acted(manual::refund(pool, payout, &admin, "back", now).await.unwrap()),
            Move::AnotherAccount => self.give_another_account(nth).await,
            Move::Reverse => Heard::Stands(world.look(payout, 1, fails("returned by the bank")).await.status),
        }
    }

    async fn give_another_account(&self, nth: usize) -> Heard {
        let new = AnotherAccount {
            payout: self.payout,
            provider: self.payee.id,
            bank_account: self.other.unwrap(),
            idempotency_key: format!("{}-{nth}", self.payout),
            body_hash: [7; 32],
        };
        let Self { world, .. } = self;
        match another_account::give(&world.pool, &new, |_| json!({}), world.now).await.unwrap() {
            Given::New { .. } => Heard::Done,
            Given::NotWaiting(conflict) => told(&conflict),
            Given::NotProven { .. } => Heard::Unproven,
            refused @ (Given::Again { .. }
            | Given::NotFound
            | Given::NotTheAccount
            | Given::SameAccount
            | Given::Refused(_)) => panic!("{refused:?}"),
        }
    }

    /// Everything that can be seen of the payout and of what its provider has, but times and names.
    pub(super) async fn seen(&self) -> String {
        const SEEN: &str = r"SELECT jsonb_pretty(jsonb_build_object(
            'payout', (SELECT jsonb_build_array(status, risk, held, attempts, counted_failures, next_attempt_at IS NOT NULL,
                                                needs_attention, failure_code, refunded_at IS NOT NULL, batch_id IS NOT NULL, fee)
                       FROM payouts WHERE id = $1),
            'attempts', (SELECT jsonb_agg(jsonb_build_array(number, status, sends, failure_code, counted, doubt, late) ORDER BY number)
                         FROM attempts WHERE payout_id = $1),
            'money', (SELECT jsonb_object_agg(state, amount)
                      FROM (SELECT state, sum(amount) AS amount FROM allocations WHERE payout_id = $1 GROUP BY state) a),
            'postings', (SELECT jsonb_agg(kind ORDER BY kind) FROM postings WHERE payout_id = $1),
            'balances', (SELECT jsonb_object_agg(kind, balance) FROM ledger_accounts WHERE provider_id = $2),
            'trail', (SELECT jsonb_agg(action ORDER BY id) FROM audit WHERE payout_id = $1),
            'messages', (SELECT jsonb_agg(event ORDER BY event) FROM notifications WHERE payout_id = $1),
            'told', (SELECT jsonb_agg(coalesce(signal, kind) ORDER BY id) FROM outbox WHERE payout_id = $1),
            'decisions', (SELECT jsonb_agg(verdict ORDER BY decided_at, id) FROM decisions WHERE payout_id = $1),
            'review', (SELECT jsonb_agg(jsonb_build_array(status, round, approvals)) FROM reviews WHERE payout_id = $1),
            'cases', (SELECT jsonb_agg(jsonb_build_array(kind, status) ORDER BY kind) FROM cases WHERE payout_id = $1),
            'instead', (SELECT jsonb_agg(jsonb_build_array(status, amount, bank_account_id <> $3)) FROM payouts WHERE replaces = $1),
            'requests', (SELECT count(*) FROM payouts WHERE provider_id = $2)
        ))";
        sqlx::query_scalar(SEEN)
            .bind(self.payout.uuid())
            .bind(self.payee.id.uuid())
            .bind(self.payee.account.uuid())
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    /// The next two do not meet what these left behind.
    pub(super) async fn leave(&self) {
        let (pool, now) = (&self.world.pool, self.world.now);
        control::set_paused(pool, false, "", &Actor::admin("ada"), now).await.unwrap();
        for batch in [self.batches.0, self.batches.1] {
            self.world.claim(batch).await;
            batches::close(pool, batch, now).await.unwrap();
        }
        assert!(
            self.latest == 0 || store::attempts::terms(pool, self.payout, number(1)).await.unwrap().is_some()
        );
    }
}
