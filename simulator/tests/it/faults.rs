//! Each kind of fault: what the caller hears, and what the books say.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use simulator::{Fault, Mode, Plan, Random, Span, Status, Verdict};

use crate::harness::{Bench, order};

/// Whether the connection was reset, not merely closed.
fn is_reset(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::ConnectionReset) {
            return true;
        }
        source = error.source();
    }
    false
}

#[tokio::test]
async fn a_reset_comes_in_place_of_an_answer_before_or_after_the_money_moved() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"match":{"reference":"before"},"fault":{"kind":"reset_before"}}"#);
    bench.plant(r#"{"match":{"reference":"after"},"fault":{"kind":"reset_after"}}"#);
    let before = bench.client.try_transfer("before").await.unwrap_err();
    assert!(is_reset(&before), "{before:?}");
    assert!(bench.control.transfer("before").await.unwrap().is_none());
    assert!(bench.client.lookup("before").await.is_empty());
    let after = bench.client.try_transfer("after").await.unwrap_err();
    assert!(is_reset(&after), "{after:?}");
    assert_eq!(bench.transfer("after").await.times_paid, 1);

    // The same reference again: the lost one goes through, the paid one meets its own duplicate.
    assert_eq!(bench.client.transfer("before").await.status, 200);
    assert_eq!(bench.client.transfer("after").await.status, 400);
    assert_eq!(bench.transfer("after").await.times_paid, 1);
    let posts = bench.control.posts(None).await.unwrap();
    let verdicts: Vec<_> = posts.timeline.iter().map(|arrival| arrival.verdict).collect();
    let expected = [Verdict::NotCarriedOut, Verdict::Accepted, Verdict::Accepted, Verdict::Duplicate];
    assert_eq!(verdicts, expected);
    assert_eq!(posts.timeline[1].fault.as_deref(), Some("reset_after"));
}

#[tokio::test]
async fn a_stall_ends_in_503_and_the_money_moves_or_stays() {
    // 28 seconds take 280 ms.
    let bench = Bench::paced(100, |settings| settings.settle_after = Span::ZERO).await;
    for (reference, money, paid) in [("moves", "moves", 1), ("stays", "stays", 0)] {
        bench.plant(&format!(r#"{{"fault":{{"kind":"stall_then_503","money":"{money}"}}}}"#));
        let start = Instant::now();
        let heard = bench.client.transfer(reference).await;
        assert!(start.elapsed() >= Duration::from_millis(280));
        assert_eq!(heard.status, 503);
        assert_eq!(heard.message(), "An error occurred. Please contact support");
        let view = bench.control.transfer(reference).await.unwrap();
        assert_eq!(view.map_or(0, |view| view.times_paid), paid, "{reference}");
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_changes_nothing() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"fault":{"kind":"stall_then_503","money":"moves","stall":"60s"}}"#);
    let client = bench.client.clone();
    let caller = tokio::spawn(async move { client.try_transfer("gone").await });
    bench.until("gone", Status::Successful).await;
    caller.abort();
    assert_eq!(bench.transfer("gone").await.times_paid, 1);
}

#[tokio::test]
async fn a_late_request_is_carried_out_after_its_503() {
    // 28 seconds take 140 ms.
    let bench = Bench::paced(200, |settings| settings.settle_after = Span::ZERO).await;
    bench.plant(r#"{"fault":{"kind":"late_carry_out","stall":"28s","after":"5h"}}"#);
    assert_eq!(bench.client.transfer("late").await.status, 503);
    assert!(bench.client.lookup("late").await.is_empty(), "not yet");
    bench.control.advance_clock("5h".parse().unwrap()).await.unwrap();
    let view = bench.until("late", Status::Successful).await;
    assert_eq!((view.times_paid, view.posts), (1, 1));
    assert_eq!(bench.client.transfer("late").await.status, 400);

    // A second request that overtakes the late one leaves it nothing to do.
    bench.plant(r#"{"fault":{"kind":"late_carry_out","stall":"0s","after":"5h"}}"#);
    assert_eq!(bench.client.transfer("overtaken").await.status, 503);
    assert_eq!(bench.client.transfer("overtaken").await.status, 200);
    bench.control.advance_clock("5h".parse().unwrap()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let known = bench.control.reference("overtaken").await.unwrap().unwrap();
    assert_eq!((known.transfers.len(), known.transfers[0].times_paid), (1, 1));
}

#[tokio::test]
async fn a_timeout_says_nothing_and_pays_also_in_test_mode() {
    let bench = Bench::with(|settings| {
        settings.mode = Mode::Test;
        settings.settle_after = Span::ZERO;
    })
    .await;
    bench.plant(r#"{"fault":{"kind":"timeout_money_moves","stall":"200ms"}}"#);
    let start = Instant::now();
    let error = bench.client.try_transfer("silent").await.unwrap_err();
    assert!(is_reset(&error) && start.elapsed() >= Duration::from_millis(200));
    assert_eq!(bench.transfer("silent").await.times_paid, 1);
}

#[tokio::test]
async fn refusals_by_fault_take_no_reference() {
    let bench = Bench::instant().await;
    for (fault, status, message) in [
        (r#"{"kind":"rate_limited","retry_after_seconds":7}"#, 429, "Too many requests"),
        (r#"{"kind":"unauthorized"}"#, 401, "Authorization required"),
        (r#"{"kind":"ip_not_whitelisted"}"#, 400, "Please enable IP Whitelisting to access this service"),
        (r#"{"kind":"decline","message":"Account closed"}"#, 400, "Account closed"),
        (r#"{"kind":"decline","message":"Later","status":422}"#, 422, "Later"),
    ] {
        bench.plant(&format!(r#"{{"fault":{fault}}}"#));
        let heard = bench.client.transfer("ref").await;
        assert_eq!((heard.status, heard.message().as_str()), (status, message));
        assert_eq!(heard.retry_after.as_deref(), (status == 429).then_some("7"));
    }
    bench.plant(r#"{"fault":{"kind":"html_error"}}"#);
    let html = bench.client.transfer("ref").await;
    assert_eq!(html.status, 503);
    assert!(html.text.starts_with("<html>") && html.text.contains("nginx"));
    assert!(bench.control.transfer("ref").await.unwrap().is_none());
    assert_eq!(bench.client.transfer("ref").await.status, 200);
}

#[tokio::test]
async fn an_accepted_transfer_takes_the_course_of_its_fault() {
    let bench = Bench::instant().await;
    bench.set_wallet("100000").await;
    bench.plant(r#"{"match":{"amount":"5500"},"fault":{"kind":"fail","message":"DISBURSE FAILED: closed"}}"#);
    bench.client.transfer("failed").await;
    let failed = bench.until("failed", Status::Failed).await;
    assert_eq!(failed.complete_message, "DISBURSE FAILED: closed");
    assert_eq!(bench.wallet().await, "100000", "the money came back");

    bench.plant(r#"{"fault":{"kind":"pending_forever"}}"#);
    bench.client.transfer("pending").await;
    bench.until("pending", Status::Pending).await;
    bench.control.advance_clock("1000h".parse().unwrap()).await.unwrap();
    assert_eq!(bench.transfer("pending").await.status, Status::Pending);

    bench.plant(r#"{"fault":{"kind":"unknown_status","status":"ON_HOLD","then":"SUCCESSFUL","after":"1h"}}"#);
    bench.client.transfer("odd").await;
    assert_eq!(bench.client.lookup("odd").await[0]["status"], "ON_HOLD");
    assert_eq!(bench.transfer("odd").await.times_paid, 0);
    bench.control.advance_clock("1h".parse().unwrap()).await.unwrap();
    assert_eq!(bench.until("odd", Status::Successful).await.times_paid, 1);

    bench.plant(r#"{"fault":{"kind":"flip_after_success","after":"100ms"}}"#);
    bench.client.transfer("flipped").await;
    let flipped = bench.until("flipped", Status::Failed).await;
    assert_eq!((flipped.times_paid, flipped.times_returned), (1, 1));
}

#[tokio::test]
async fn look_ups_lag_or_fail() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"match":{"reference":"counted"},"fault":{"kind":"lookup_lag","lookups":2}}"#);
    bench.client.transfer("counted").await;
    let id = bench.transfer("counted").await.id;
    assert!(bench.client.lookup("counted").await.is_empty());
    assert_eq!(bench.client.get(&format!("/v3/transfers/{id}")).await.status, 404);
    assert_eq!(bench.client.lookup("counted").await.len(), 1);

    bench.client.transfer("timed").await;
    bench.plant(r#"{"match":{"reference":"timed"},"fault":{"kind":"lookup_lag","for":"20s"}}"#);
    assert!(bench.client.lookup("timed").await.is_empty(), "a lag can be planted afterwards");
    bench.control.advance_clock(Span::from_secs(20)).await.unwrap();
    assert_eq!(bench.client.lookup("timed").await.len(), 1);

    bench.plant(
        r#"{"match":{"reference":"timed"},"fault":{"kind":"lookup_error","status":502,"html":false}}"#,
    );
    assert_eq!(bench.client.get("/v3/transfers?reference=counted").await.status, 200);
    assert_eq!(bench.client.get("/v3/transfers?reference=timed").await.status, 502);
    assert_eq!(bench.client.get("/v3/transfers?reference=timed").await.status, 200);
}

#[tokio::test]
async fn faults_of_the_answer_can_be_aimed_at_other_endpoints() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"match":{"endpoint":"resolve","account_number":"0690000040"},"fault":{"kind":"decline","message":"no"}}"#);
    bench.plant(r#"{"match":{"endpoint":"lookup"},"fault":{"kind":"reset_before"}}"#);
    bench.plant(r#"{"match":{"endpoint":"balances"},"fault":{"kind":"html_error"}}"#);
    assert_eq!(bench.client.transfer("ref").await.status, 200);
    let resolve = r#"{"account_number":"0690000040","account_bank":"044"}"#;
    assert_eq!(bench.client.post("/v3/accounts/resolve", resolve).await.message(), "no");
    assert_eq!(bench.client.post("/v3/accounts/resolve", resolve).await.status, 200);
    assert!(bench.client.call("GET", "/v3/transfers?reference=ref", None).await.is_err());
    assert_eq!(bench.client.lookup("ref").await.len(), 1);
    assert_eq!(bench.client.get("/v3/balances/NGN").await.status, 503);
}

#[tokio::test]
async fn chance_strikes_the_same_references_for_the_same_seed() {
    let struck = async |seed| {
        let rates = [("decline".to_owned(), "0.3".parse().unwrap())].into();
        let bench = Bench::with(|settings| {
            settings.settle_after = Span::ZERO;
            settings.random = Random { seed, rates };
        })
        .await;
        let mut refused = Vec::new();
        for n in 0..60 {
            if bench.client.transfer(&format!("ref-{n}")).await.status != 200 {
                refused.push(n);
            }
        }
        refused
    };
    let first = struck(1).await;
    assert!((8..30).contains(&first.len()), "{first:?}");
    assert_eq!(first, struck(1).await);
    assert_ne!(first, struck(2).await);
}

#[tokio::test]
async fn a_fault_strikes_as_often_as_told_under_concurrency() {
    let bench = Bench::instant().await;
    bench.control.plant(Plan { times: 10, ..Plan::next(Fault::ResetBefore {}) }).unwrap();
    let callers: Vec<_> = (0..40)
        .map(|n| {
            let client = bench.client.clone();
            tokio::spawn(async move { client.try_transfer(&format!("ref-{n}")).await.is_err() })
        })
        .collect();
    let mut resets = 0;
    for caller in callers {
        resets += u32::from(caller.await.unwrap());
    }
    assert_eq!((resets, bench.control.faults()[0].struck), (10, 10));
    let heard = bench.client.post("/v3/transfers", &order("after", "1")).await;
    assert_eq!(heard.status, 200);
}
