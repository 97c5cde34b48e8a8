//! What risk and finance do: decide once, never move money on a guess, answer for it later.

use domain::{Failure, Money, Observed, Reference, Sighting};
use futures::future::join_all;
use poem::http::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use store::Pool;

use crate::world::{World, admin, code, money, naira, retry_policy, tidy};
use domain::Clock as _;

fn sighting(reference: &Reference) -> Sighting {
    Sighting {
        reference: reference.clone(),
        gateway_id: "77".to_owned(),
        amount: money("1500.00"),
        bank: "044".to_owned(),
        account: "0690000032".to_owned(),
        fee: Some(Money::exact("26.875".parse().unwrap(), domain::Currency::Ngn).unwrap()),
    }
}

pub(crate) fn failed(reference: &Reference) -> Observed {
    Observed::Failed(sighting(reference), Failure::observed("account closed"))
}

/// A payout whose attempt has failed for good.
async fn needing_attention(world: &World) -> (domain::PayoutId, Reference) {
    let (id, reference) = world.sent("1500.00").await;
    fail_for_good(world, id, &reference).await;
    (id, reference)
}

/// The gateway says that the account is closed.
pub(crate) async fn fail_for_good(world: &World, id: domain::PayoutId, reference: &Reference) {
    let place = store::attempts::terms(&world.pool, id, domain::AttemptNumber::FIRST).await.unwrap().unwrap();
    let seen = Sighting { amount: place.terms.amount, ..sighting(reference) };
    let seen = Observed::Failed(seen, Failure::observed("account closed"));
    let now = world.clock.now();
    store::attempts::record_observation(&world.pool, id, &place, &seen, &retry_policy(), now).await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn whoever_is_first_has_decided(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("1500.00").await;
    let verdicts = ["approve", "reject", "approve", "reject"];
    let answers = join_all(verdicts.iter().map(|verdict| world.decide(id, verdict))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.1 == StatusCode::OK).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let status = &won[0].0["status"];
    for lost in answers.iter().filter(|answer| answer.1 != StatusCode::OK) {
        assert_eq!(code(lost), (409, "payout_moved_on"));
        assert_eq!((&lost.0["payout_status"], &lost.0["moved_by"]), (status, &json!("admin:risk-1")));
    }
    assert_eq!(world.count("SELECT count(*) FROM decisions").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE signal = 'decision'").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_approval_is_undone_until_somebody_is_faster(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("1500.00").await;
    let path = format!("/api/admin/payouts/{id}/undo");
    let why = json!({ "reason": "the provider called" });
    assert_eq!(code(&world.post(&path, &admin(), &why).await), (409, "payout_moved_on"));
    world.decide(id, "approve").await;
    assert_eq!(code(&world.post(&path, &admin(), &json!({})).await), (400, "invalid_request"));
    let (undone, status) = world.post(&path, &admin(), &why).await;
    assert_eq!((status, &undone["status"]), (StatusCode::OK, &json!("REQUESTED")));
    let late = world.post(&path, &admin(), &why).await;
    assert_eq!(code(&late), (409, "payout_moved_on"));
    assert_eq!(late.0["payout_status"], json!("REQUESTED"));
    assert_eq!(world.decide(id, "reject").await.1, StatusCode::OK);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_decision_needs_a_reason_and_a_review(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.payout("1500.00").await;
    let path = format!("/api/admin/payouts/{id}/decision");
    let not_yet = world.decide(id, "approve").await;
    assert_eq!(code(&not_yet), (409, "payout_moved_on"));
    assert!(not_yet.0["detail"].as_str().unwrap().contains("still being checked"));
    for body in [
        json!({}),
        json!({ "decision": "approve" }),
        json!({ "decision": "approve", "reason": "" }),
        json!({ "decision": "maybe", "reason": "x" }),
        json!({ "decision": "approve", "reason": "x".repeat(1001) }),
        json!({ "decision": "approve", "reason": "a\u{0}b" }),
        json!({ "decision": "approve", "reason": "x", "amount": "1" }),
    ] {
        let answer = world.post(&path, &admin(), &body).await;
        assert_eq!(code(&answer), (400, "invalid_request"), "{body}");
    }
    let unknown = "/api/admin/payouts/01900000-0000-7000-8000-000000000000/decision";
    let body = json!({ "decision": "approve", "reason": "x" });
    assert_eq!(code(&world.post(unknown, &admin(), &body).await), (404, "not_found"));
    assert_eq!(world.count("SELECT count(*) FROM decisions").await, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_review_queue(pool: Pool) {
    let world = World::new(pool).await;
    let mut waiting = vec![];
    for _ in 0..3 {
        waiting.push(world.under_review("100.00").await.to_string());
        world.clock.advance(chrono::TimeDelta::minutes(1));
    }
    let (first, _) = world.get("/api/admin/reviews?limit=2", &admin()).await;
    let next = first["next_cursor"].as_str().unwrap();
    let (second, _) = world.get(&format!("/api/admin/reviews?limit=2&cursor={next}"), &admin()).await;
    let ids: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| item["payout_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, waiting);
    insta::assert_json_snapshot!("review", tidy(&first["items"][0]));
    world.decide(waiting[0].parse().unwrap(), "reject").await;
    let (rest, _) = world.get("/api/admin/reviews", &admin()).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn refund_looks_again_first(pool: Pool) {
    let world = World::new(pool).await;
    let (id, reference) = needing_attention(&world).await;
    let path = format!("/api/admin/payouts/{id}/refund");
    let why = json!({ "reason": "the account is closed" });
    world.clock.advance(chrono::TimeDelta::hours(1));

    world.gateway.go_away();
    assert_eq!(code(&world.post(&path, &admin(), &why).await), (503, "gateway_unavailable"));
    *world.gateway.away.lock().unwrap() = false;

    // The gateway changes its mind: no money moves.
    world.gateway.answers(Observed::InFlight(sighting(&reference)));
    assert_eq!(code(&world.post(&path, &admin(), &why).await), (409, "not_proven_unpaid"));
    let (payout, _) = world.get(&format!("/api/admin/payouts/{id}"), &admin()).await;
    assert_eq!(payout["payout"]["status"], "FAILED");
    assert!(payout["payout"].get("refunded_at").is_none());

    let (other, reference) = needing_attention(&world).await;
    let path = format!("/api/admin/payouts/{other}/refund");
    world.gateway.answers(failed(&reference));
    let looks = world.gateway.looks.load(Ordering::SeqCst);
    let token = admin();
    let answers = join_all((0..3).map(|_| world.post(&path, &token, &why))).await;
    let done = answers.iter().filter(|answer| answer.1 == StatusCode::OK).count();
    let late = answers.iter().filter(|answer| code(answer) == (409, "payout_moved_on")).count();
    assert_eq!((done, late), (1, 2), "{answers:?}");
    assert!(world.gateway.looks.load(Ordering::SeqCst) > looks);
    assert_eq!(world.count("SELECT count(*) FROM postings WHERE kind = 'refunded'").await, 1);
    assert_eq!(store::books::verify(&world.pool).await.unwrap().findings, Vec::<String>::new());
}

#[sqlx::test(migrations = "../migrations")]
async fn retry_is_ordered_once(pool: Pool) {
    let world = World::new(pool).await;
    let (id, _) = needing_attention(&world).await;
    let path = format!("/api/admin/payouts/{id}/retry");
    assert_eq!(code(&world.post(&path, &admin(), &json!({})).await), (400, "invalid_request"));
    let why = json!({ "reason": "the bank is back" });
    let (ordered, status) = world.post(&path, &admin(), &why).await;
    assert_eq!((status, &ordered["needs_attention"]), (StatusCode::OK, &json!(false)));
    assert_eq!(code(&world.post(&path, &admin(), &why).await), (409, "payout_moved_on"));
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE signal = 'manual_action'").await, 1);
    let refund = format!("/api/admin/payouts/{id}/refund");
    assert_eq!(code(&world.post(&refund, &admin(), &why).await), (409, "payout_moved_on"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_payout_with_everything(pool: Pool) {
    let world = World::new(pool).await;
    let (id, _) = needing_attention(&world).await;
    let (detail, status) = world.get(&format!("/api/admin/payouts/{id}"), &admin()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        detail["workflow_url"],
        json!(format!("http://temporal.test:8233/namespaces/default/workflows/payout-{id}"))
    );
    assert!(!detail.to_string().contains("0690000032"), "{detail}");
    insta::assert_json_snapshot!("everything", tidy(&detail));
}

#[sqlx::test(migrations = "../migrations")]
async fn batches(pool: Pool) {
    let world = World::new(pool).await;
    let (batch, status) = world.post("/api/admin/batches/run", &admin(), &json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    insta::assert_json_snapshot!("batch", tidy(&batch));
    let path = format!("/api/admin/batches/{}", batch["id"].as_str().unwrap());
    let (mut record, _) = world.get(&path, &admin()).await;
    // The record also says how its payouts stand and what was left; nothing yet.
    let record = record.as_object_mut().unwrap();
    assert_eq!((record.remove("standings"), record.remove("left")), (Some(json!([])), Some(json!([]))));
    assert_eq!(Value::Object(record.clone()), batch);
    let (list, _) = world.get("/api/admin/batches?limit=1", &admin()).await;
    assert_eq!((&list["items"][0], &list["next_window_at"]), (&batch, &json!("2026-11-22T11:00:00+00:00")));
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind = 'batch'").await, 1);

    let id = world.processing("1500.00").await;
    let (payout, _) = world.get(&format!("/api/admin/payouts/{id}"), &admin()).await;
    let took = payout["payout"]["batch_id"].as_str().unwrap();
    let (of_batch, _) = world.get(&format!("/api/admin/payouts?batch={took}"), &admin()).await;
    assert_eq!(of_batch["items"].as_array().unwrap().len(), 1);
    let (batch, _) = world.get(&format!("/api/admin/batches/{took}"), &admin()).await;
    assert_eq!((&batch["payouts"], &batch["sums"]), (&json!(1), &json!([naira("1500.00")])));
}

#[sqlx::test(migrations = "../migrations")]
async fn filters(pool: Pool) {
    let world = World::new(pool).await;
    let reviewed = world.under_review("10.00").await;
    let fresh = world.payout("20.00").await;
    let (attention, _) = needing_attention(&world).await;
    let ids = async |query: String| -> Vec<String> {
        let (list, status) = world.get(&format!("/api/admin/payouts?{query}"), &admin()).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        let items = list["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let text = |ids: &[domain::PayoutId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(ids(String::new()).await, text(&[attention, fresh, reviewed]));
    assert_eq!(ids("status=REQUESTED".to_owned()).await, text(&[fresh, reviewed]));
    assert_eq!(ids("risk=review".to_owned()).await, text(&[attention, reviewed]));
    assert_eq!(ids("needs_attention=true".to_owned()).await, text(&[attention]));
    assert_eq!(ids(format!("provider={}", world.provider)).await.len(), 3);
    assert_eq!(ids("provider=01900000-0000-7000-8000-000000000000".to_owned()).await.len(), 0);
}

/// The gateway says that the only attempt paid, and then that it failed.
pub(crate) async fn pay_then_call_failed(world: &World, id: domain::PayoutId) {
    let place = store::attempts::terms(&world.pool, id, domain::AttemptNumber::FIRST).await.unwrap().unwrap();
    let seen = || Sighting { amount: place.terms.amount, ..sighting(&place.terms.reference) };
    for seen in [Observed::Succeeded(seen()), Observed::Failed(seen(), Failure::observed("returned"))] {
        let now = world.clock.now();
        store::attempts::record_observation(&world.pool, id, &place, &seen, &retry_policy(), now)
            .await
            .unwrap();
    }
}
