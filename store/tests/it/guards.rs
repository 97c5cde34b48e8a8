//! What the database refuses to anybody, also to SQL by hand.

use chrono::TimeDelta;
use domain::{Observed, PayoutId};
use sqlx::PgPool;
use store::{decisions::Verdict, payouts};

use crate::fixtures::{World, number};

const STATUSES: [&str; 8] =
    ["REQUESTED", "APPROVED", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "CANCELLED", "REVERSED"];

async fn one_in_each_status(world: &World) -> Vec<(&'static str, PayoutId)> {
    let payee = world.provider().await;
    world.earns(&payee, "1000").await;
    let rejected = world.under_review(&payee, "1").await;
    world.decide(rejected, Verdict::Reject).await;
    let cancelled = world.requested(&payee, "1").await;
    payouts::cancel(&world.pool, cancelled, payee.id, world.now).await.unwrap();
    let completed = world.completed(&payee, "1").await;
    let failed = world.given_up(&payee, "1").await;
    let processing = world.begun(&payee, "1").await;
    let approved = world.approved(&payee, "1").await;
    let requested = world.requested(&payee, "1").await;
    vec![
        ("REQUESTED", requested),
        ("APPROVED", approved),
        ("PROCESSING", processing),
        ("COMPLETED", completed),
        ("FAILED", failed),
        ("REJECTED", rejected),
        ("CANCELLED", cancelled),
    ]
}

#[sqlx::test(migrations = "../migrations")]
async fn a_payout_moves_only_as_it_is_drawn(pool: PgPool) {
    let drawn = [
        ("REQUESTED", "APPROVED"),
        ("REQUESTED", "REJECTED"),
        ("REQUESTED", "CANCELLED"),
        ("APPROVED", "REQUESTED"),
        ("APPROVED", "PROCESSING"),
        ("APPROVED", "CANCELLED"),
        ("PROCESSING", "APPROVED"),
        ("PROCESSING", "COMPLETED"),
        ("PROCESSING", "FAILED"),
        ("FAILED", "PROCESSING"),
        ("COMPLETED", "REVERSED"),
    ];
    let world = World::new(&pool);
    for (from, payout) in one_in_each_status(&world).await {
        for to in STATUSES.into_iter().filter(|to| *to != from) {
            let moved = sqlx::query("UPDATE payouts SET status = $2 WHERE id = $1")
                .bind(payout.uuid())
                .bind(to)
                .execute(&mut *world.pool.begin().await.unwrap())
                .await;
            let refused_as_illegal = moved.is_err_and(|error| {
                error.into_database_error().unwrap().constraint() == Some("payouts_legal_move")
            });
            assert_eq!(refused_as_illegal, !drawn.contains(&(from, to)), "{from} → {to}");
            assert_eq!(domain_draws(from, to), drawn.contains(&(from, to)), "{from} → {to}");
        }
    }
}

fn domain_draws(from: &str, to: &str) -> bool {
    use domain::PayoutEvent as E;
    let from: domain::PayoutStatus = from.parse().unwrap();
    [E::Approve, E::Reject, E::Cancel, E::Undo, E::Claim, E::Hold, E::Confirm, E::Fail, E::Retry, E::Refund]
        .into_iter()
        .chain([E::Reverse])
        .any(|event| from.after(event).is_ok_and(|after| after.as_str() == to))
}

#[sqlx::test(migrations = "../migrations")]
async fn a_status_carries_what_belongs_to_it(pool: PgPool) {
    let world = World::new(&pool);
    let all = one_in_each_status(&world).await;
    let of = |status| all.iter().find(|(s, _)| *s == status).unwrap().1.uuid();
    for (status, sql, constraint) in [
        ("REQUESTED", "UPDATE payouts SET status = 'APPROVED' WHERE id = $1", "payouts_approved"),
        ("APPROVED", "UPDATE payouts SET status = 'PROCESSING' WHERE id = $1", "payouts_claimed"),
        ("PROCESSING", "UPDATE payouts SET status = 'COMPLETED' WHERE id = $1", "payouts_completed"),
        ("PROCESSING", "UPDATE payouts SET status = 'FAILED' WHERE id = $1", "payouts_failed"),
        ("REQUESTED", "UPDATE payouts SET status = 'REJECTED' WHERE id = $1", "payouts_rejected"),
        ("REQUESTED", "UPDATE payouts SET status = 'CANCELLED' WHERE id = $1", "payouts_cancelled"),
        ("COMPLETED", "UPDATE payouts SET status = 'REVERSED' WHERE id = $1", "payouts_reversed"),
        ("PROCESSING", "UPDATE payouts SET needs_attention = true WHERE id = $1", "payouts_attention"),
        ("PROCESSING", "UPDATE payouts SET held = 'paused' WHERE id = $1", "payouts_held"),
        ("PROCESSING", "UPDATE payouts SET next_attempt_at = updated_at WHERE id = $1", "payouts_retry_due"),
        ("FAILED", "UPDATE payouts SET needs_attention = false WHERE id = $1", "payouts_failed_has_owner"),
        ("FAILED", "UPDATE payouts SET refunded_at = updated_at WHERE id = $1", "payouts_refunded"),
        ("COMPLETED", "UPDATE payouts SET refunded_at = updated_at WHERE id = $1", "payouts_refunded"),
        ("PROCESSING", "UPDATE payouts SET counted_failures = 2 WHERE id = $1", "payouts_check"),
    ] {
        assert_eq!(world.refused_by(sql, of(status)).await, constraint, "{status}: {sql}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_asked_for_never_changes_and_stays(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.begun(&payee, "5").await.uuid();
    for (sql, constraint) in [
        ("UPDATE payouts SET amount = amount + 0.01 WHERE id = $1", "payouts_terms_fixed"),
        ("UPDATE payouts SET currency = 'GHS' WHERE id = $1", "payouts_terms_fixed"),
        ("UPDATE payouts SET bank_account_id = gen_random_uuid() WHERE id = $1", "payouts_terms_fixed"),
        ("UPDATE payouts SET provider_id = gen_random_uuid() WHERE id = $1", "payouts_terms_fixed"),
        ("DELETE FROM payouts WHERE id = $1", "payouts_never_deleted"),
        ("UPDATE attempts SET reference = 'other-one' WHERE payout_id = $1", "attempts_terms_fixed"),
        ("UPDATE attempts SET number = 2 WHERE payout_id = $1", "attempts_terms_fixed"),
        ("UPDATE attempts SET batch_id = gen_random_uuid() WHERE payout_id = $1", "attempts_terms_fixed"),
        ("DELETE FROM attempts WHERE payout_id = $1", "attempts_never_deleted"),
        ("UPDATE allocations SET amount = 1 WHERE payout_id = $1", "allocations_terms_fixed"),
        ("UPDATE allocations SET state = 'RETURNED' WHERE payout_id = $1", "allocations_legal_move"),
        ("DELETE FROM allocations WHERE payout_id = $1", "allocations_never_deleted"),
        ("UPDATE assessments SET route = 'auto' WHERE payout_id = $1", "assessments_append_only"),
        ("DELETE FROM decisions WHERE payout_id = $1", "decisions_append_only"),
        ("UPDATE audit SET actor = 'nobody' WHERE payout_id = $1", "audit_append_only"),
        ("DELETE FROM audit WHERE payout_id = $1", "audit_append_only"),
        ("DELETE FROM postings WHERE payout_id = $1", "postings_append_only"),
        ("UPDATE postings SET payout_id = NULL WHERE payout_id = $1", "postings_append_only"),
    ] {
        assert_eq!(world.refused_by(sql, payout).await, constraint, "{sql}");
    }
    for (sql, constraint) in [
        ("UPDATE earnings SET amount = 500 WHERE provider_id = $1", "earnings_terms_fixed"),
        ("DELETE FROM earnings WHERE provider_id = $1", "earnings_never_deleted"),
        ("UPDATE earnings SET allocated = 11 WHERE provider_id = $1", "earnings_paid_of_allocated_of_amount"),
        ("UPDATE earnings SET paid = 6 WHERE provider_id = $1", "earnings_paid_of_allocated_of_amount"),
        (
            "UPDATE bank_accounts SET account_number = '0123456789' WHERE provider_id = $1",
            "bank_accounts_terms_fixed",
        ),
    ] {
        assert_eq!(world.refused_by(sql, payee.id.uuid()).await, constraint, "{sql}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn payouts_and_attempts_begin_at_their_beginning(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.released(&payee, "5").await.uuid();
    let born_paid = "INSERT INTO payouts SELECT (jsonb_populate_record(p, jsonb_build_object(
        'id', gen_random_uuid(), 'status', 'COMPLETED', 'completed_at', updated_at))).* FROM payouts p WHERE id = $1";
    assert_eq!(world.refused_by(born_paid, payout).await, "payouts_begin_requested");
    let born_sent =
        "INSERT INTO attempts (id, payout_id, number, batch_id, reference, began_at, began_by, updated_at, status)
         SELECT gen_random_uuid(), id, 1, batch_id, 'by-hand', updated_at, 'me', updated_at, 'UNKNOWN' FROM payouts WHERE id = $1";
    assert_eq!(world.refused_by(born_sent, payout).await, "attempts_begin_unsent");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_payout_has_one_attempt_that_may_pay(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let second = "INSERT INTO attempts (id, payout_id, number, batch_id, reference, began_at, began_by, updated_at)
         SELECT gen_random_uuid(), id, 2, batch_id, 'by-hand', updated_at, 'me', updated_at FROM payouts WHERE id = $1";
    let begun = world.begun(&payee, "5").await;
    assert_eq!(world.refused_by(second, begun.uuid()).await, "attempts_one_open");
    let paid = world.completed(&payee, "1").await;
    assert_eq!(world.refused_by(second, paid.uuid()).await, "attempts_one_open");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_attempt_moves_only_as_it_is_drawn(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let submitting = world.begun(&payee, "1").await;
    let accepted = world.accepted(&payee, "1").await;
    let unknown = world.accepted(&payee, "1").await;
    world.look(unknown, 1, crate::fixtures::unreadable).await;
    let succeeded = world.completed(&payee, "1").await;
    let failed = world.given_up(&payee, "1").await;
    let all = [
        ("SUBMITTING", submitting),
        ("ACCEPTED", accepted),
        ("UNKNOWN", unknown),
        ("SUCCEEDED", succeeded),
        ("FAILED", failed),
    ];
    let drawn = |from: &str, to: &str| {
        use domain::AttemptEvent as E;
        let from: domain::AttemptStatus = from.parse().unwrap();
        [E::Accept, E::LoseSight, E::Succeed, E::Fail, E::Reverse]
            .into_iter()
            .any(|event| from.after(event).is_some_and(|after| after.as_str() == to))
    };
    for (from, payout) in all {
        for to in ["SUBMITTING", "ACCEPTED", "UNKNOWN", "SUCCEEDED", "FAILED", "REVERSED"] {
            if from == to {
                continue;
            }
            let moved = sqlx::query("UPDATE attempts SET status = $2 WHERE payout_id = $1")
                .bind(payout.uuid())
                .bind(to)
                .execute(&mut *world.pool.begin().await.unwrap())
                .await;
            let refused_as_illegal = moved.is_err_and(|error| {
                error.into_database_error().unwrap().constraint() == Some("attempts_legal_move")
            });
            assert_eq!(refused_as_illegal, !drawn(from, to), "{from} → {to}");
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn only_what_had_failed_succeeds_late_and_leaves_room_for_another(pool: PgPool) {
    let mut world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let failed = world.given_up(&payee, "1").await.uuid();
    let late =
        "UPDATE attempts SET status = 'SUCCEEDED', late = true, failed_seen_at = NULL WHERE payout_id = $1";
    let accepted = world.accepted(&payee, "1").await.uuid();
    assert_eq!(world.refused_by(late, accepted).await, "attempts_late_after_failure");
    let completed = world.completed(&payee, "1").await.uuid();
    let claimed = "UPDATE attempts SET late = true WHERE payout_id = $1";
    assert_eq!(world.refused_by(claimed, completed).await, "attempts_late_after_failure");
    let done = sqlx::query(late).bind(failed).execute(&mut *world.pool.begin().await.unwrap()).await;
    assert_eq!(done.unwrap().rows_affected(), 1);
    // And never becomes an ordinary one, nor fails again.
    let waiting = world.accepted_again(&payee, "1").await;
    world.look(waiting, 1, Observed::Succeeded).await;
    for (sql, constraint) in [
        ("UPDATE attempts SET late = false WHERE payout_id = $1 AND late", "attempts_late_after_failure"),
        ("UPDATE attempts SET status = 'FAILED' WHERE payout_id = $1 AND late", "attempts_legal_move"),
    ] {
        assert_eq!(world.refused_by(sql, waiting.uuid()).await, constraint, "{sql}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_recovered_and_adjusted_stays_written(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let job = world.earns_at(&payee, "10", world.now).await;
    let cut = store::earnings::NewAdjustment {
        external_id: "cut".to_owned(),
        earning_external_id: job,
        amount: crate::fixtures::naira("-4"),
        reason: "shorter".to_owned(),
    };
    store::earnings::adjust(&world.pool, &cut, &store::Actor::platform("shop"), world.now).await.unwrap();
    for (sql, constraint) in [
        ("UPDATE adjustments SET amount = -3 WHERE provider_id = $1", "adjustments_append_only"),
        ("DELETE FROM adjustments WHERE provider_id = $1", "adjustments_append_only"),
        (
            "DELETE FROM recoveries r USING earnings e WHERE e.id = r.earning_id AND e.provider_id = $1",
            "recoveries_append_only",
        ),
        ("UPDATE earnings SET recovered = 5 WHERE provider_id = $1", "earnings_paid_of_allocated_of_amount"),
        ("UPDATE earnings SET recovered = -1 WHERE provider_id = $1", "earnings_paid_of_allocated_of_amount"),
        ("UPDATE earnings SET adjusts = id WHERE provider_id = $1", "earnings_terms_fixed"),
    ] {
        assert_eq!(world.refused_by(sql, payee.id.uuid()).await, constraint, "{sql}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_attempt_carries_its_proof(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "100").await;
    let accepted = world.accepted(&payee, "1").await.uuid();
    let failed = world.given_up(&payee, "1").await.uuid();
    for (payout, sql, constraint) in [
        (accepted, "UPDATE attempts SET status = 'FAILED' WHERE payout_id = $1", "attempts_failed_has_proof"),
        (accepted, "UPDATE attempts SET status = 'SUCCEEDED' WHERE payout_id = $1", "attempts_settled"),
        (accepted, "UPDATE attempts SET resend = true WHERE payout_id = $1", "attempts_resend_open"),
        (accepted, "UPDATE attempts SET doubt = 'in_flight' WHERE payout_id = $1", "attempts_doubt_failed"),
        (accepted, "UPDATE attempts SET late = true WHERE payout_id = $1", "attempts_late_after_failure"),
        (failed, "UPDATE attempts SET late = true WHERE payout_id = $1", "attempts_late_after_failure"),
        (
            accepted,
            "UPDATE attempts SET reversal_seen_at = updated_at WHERE payout_id = $1",
            "attempts_reversal_of_paid",
        ),
        (
            failed,
            "UPDATE attempts SET failed_seen_at = NULL WHERE payout_id = $1",
            "attempts_failed_has_proof",
        ),
    ] {
        assert_eq!(world.refused_by(sql, payout).await, constraint, "{sql}");
    }
    let evidence =
        "DELETE FROM evidence WHERE attempt_id = (SELECT id FROM attempts WHERE payout_id = $1) AND id > 0";
    assert_eq!(world.refused_by(evidence, failed).await, "evidence_append_only");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_refunded_payout_is_final(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.given_up(&payee, "5").await;
    store::manual::refund(&world.pool, payout, &crate::fixtures::ada(), "closed", world.now).await.unwrap();
    for sql in [
        "UPDATE payouts SET status = 'PROCESSING' WHERE id = $1",
        "UPDATE payouts SET refunded_at = NULL WHERE id = $1",
        "UPDATE payouts SET failure_message = 'other' WHERE id = $1",
    ] {
        assert_eq!(world.refused_by(sql, payout.uuid()).await, "payouts_refunded_final", "{sql}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_removed_account_stays_removed(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    let actor = store::Actor::provider(payee.id);
    assert!(
        store::bank_accounts::remove(&world.pool, payee.id, payee.account, &actor, world.now).await.unwrap()
    );
    let revive = "UPDATE bank_accounts SET status = 'ACTIVE', removed_at = NULL WHERE id = $1";
    assert_eq!(world.refused_by(revive, payee.account.uuid()).await, "bank_accounts_removed_final");
}

#[sqlx::test(migrations = "../migrations")]
async fn postings_balance_and_are_complete_when_committed(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let provider = payee.id.uuid();
    let no_entries = "INSERT INTO postings (id, kind, event, posted_at) VALUES ($1, 'adjusted', $1::uuid::text, '2026-01-01')";
    assert_eq!(world.refused_by(no_entries, provider).await, "postings_balance");

    // Entries by hand, in the transaction that makes the posting.
    let book = async |lines: &[(&str, &str)]| {
        let mut tx = world.pool.begin().await.unwrap();
        let id = uuid::Uuid::now_v7();
        sqlx::query(no_entries).bind(id).execute(&mut *tx).await.unwrap();
        for (kind, amount) in lines {
            sqlx::query(
                "INSERT INTO entries (posting_id, account_id, amount)
                 SELECT $1, id, $3::numeric FROM ledger_accounts
                 WHERE kind = $2 AND currency = 'NGN' AND (provider_id IS NULL OR provider_id = $4)",
            )
            .bind(id)
            .bind(kind)
            .bind(amount)
            .bind(provider)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok::<_, sqlx::Error>(id)
    };
    let constraint = |result: Result<uuid::Uuid, sqlx::Error>| {
        result.unwrap_err().into_database_error().unwrap().constraint().unwrap().to_owned()
    };
    let off = book(&[("provider_available", "5"), ("obligations", "-4.9999")]).await;
    assert_eq!(constraint(off), "postings_balance");
    let lonely = book(&[("obligations", "-5")]).await;
    assert_eq!(constraint(lonely), "postings_balance");
    let overdrawn = book(&[("provider_available", "-10.0001"), ("obligations", "10.0001")]).await;
    assert_eq!(constraint(overdrawn), "ledger_accounts_not_overdrawn");
    let paid_too_little = book(&[("provider_reserved", "-0.01"), ("provider_paid_out", "0.01")]).await;
    assert_eq!(constraint(paid_too_little), "ledger_accounts_not_overdrawn");
    let owed = book(&[("provider_debt", "1"), ("obligations", "-1")]).await;
    assert_eq!(constraint(owed), "ledger_accounts_debt_is_owed");

    let whole = book(&[("provider_available", "-1"), ("obligations", "1")]).await.unwrap();
    let later = "INSERT INTO entries (posting_id, account_id, amount) SELECT $1, id, 1 FROM ledger_accounts WHERE kind = 'clearing' AND currency = 'NGN'";
    assert_eq!(world.refused_by(later, whole).await, "entries_with_their_posting");
    let change = "UPDATE entries SET amount = 2 WHERE posting_id = $1";
    assert_eq!(world.refused_by(change, whole).await, "entries_append_only");
    assert_eq!(world.balance(&payee).await, ["9.00", "0.00", "0.00"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn one_event_is_booked_once(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "10").await;
    let payout = world.completed(&payee, "5").await;
    let mut tx = world.pool.begin().await.unwrap();
    let attempt = world.attempt(payout, 1).await.id;
    let again =
        store::ledger::paid(&mut tx, payee.id, payout, attempt, crate::fixtures::naira("5"), world.now).await;
    let Err(store::Error::Database(error)) = again else { panic!() };
    assert_eq!(error.into_database_error().unwrap().constraint(), Some("postings_event_key"));
}

#[sqlx::test(migrations = "../migrations")]
async fn fees_of_three_decimals_are_booked_to_the_last(pool: PgPool) {
    let world = World::new(&pool);
    let payee = world.provider().await;
    world.earns(&payee, "1000.10").await;
    let payout = world.completed(&payee, "1000.10").await;
    assert_eq!(world.payout(payout).await.fee.unwrap().to_string(), "26.875 NGN");
    let wallet = store::balances::wallet(&world.pool, domain::Currency::Ngn, world.now).await.unwrap();
    assert_eq!(wallet.normalize().to_string(), "-1026.975");
    let before =
        store::balances::wallet(&world.pool, domain::Currency::Ngn, world.now - TimeDelta::seconds(1));
    assert!(before.await.unwrap().is_zero());
    let again = world.look(payout, 1, Observed::Succeeded).await;
    assert_eq!(again.status, domain::PayoutStatus::Completed);
    assert_eq!(world.attempt(payout, 1).await.number, number(1));
    world.books_are_right().await;
}
