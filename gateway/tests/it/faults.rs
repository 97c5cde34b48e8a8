//! The whole client against the simulator, with faults.

use std::time::Duration;

use domain::{AttemptTerms, FailureCode, NotSentClass, Observed, Submitted};
use gateway::{LookUpClass, PayoutGateway as _};
use simulator::{Fault, Money, Plan, Span};

use crate::terms::{Stage, impatient, terms};

/// Longer than an impatient client waits.
const STALL: Span = Span::from_secs(10);

/// Submits one transfer that meets this fault.
async fn submit_under(stage: &Stage, fault: Fault) -> (AttemptTerms, Submitted) {
    let terms = terms("1500 NGN");
    stage.control.plant(Plan::once(terms.reference.as_str(), fault)).unwrap();
    let submitted = stage.client.submit(&terms).await;
    (terms, submitted)
}

/// The same, by a client that does not wait for the end of it.
async fn submit_impatiently_under(stage: &Stage, fault: Fault) -> (AttemptTerms, Submitted) {
    let terms = terms("1500 NGN");
    stage.control.plant(Plan::once(terms.reference.as_str(), fault)).unwrap();
    let submitted = impatient(&stage.base_url()).submit(&terms).await;
    (terms, submitted)
}

#[tokio::test]
async fn a_timeout_is_unknown_and_the_money_moves() {
    let stage = Stage::start().await;
    let fault = Fault::TimeoutMoneyMoves { stall: STALL };
    let (terms, submitted) = submit_impatiently_under(&stage, fault).await;
    assert!(matches!(submitted, Submitted::Unknown { .. }), "{submitted:?}");
    let Observed::Succeeded(sighting) = stage.settled(&terms, None).await else { panic!("not succeeded") };
    assert_eq!(sighting.disagreement(&terms), None);
    assert_eq!(stage.client.submit(&terms).await, Submitted::Duplicate);
    assert_eq!(stage.times_paid(&terms).await, 1);
}

#[tokio::test]
async fn a_reset_or_a_503_is_unknown_whether_the_money_moves_or_not() {
    let stage = Stage::start().await;
    for (fault, moves) in [
        (Fault::ResetAfter {}, true),
        (Fault::ResetBefore {}, false),
        (Fault::HtmlError { money: Money::Moves }, true),
        (Fault::HtmlError { money: Money::Stays }, false),
        (Fault::StallThen503 { money: Money::Moves, stall: Span::from_millis(50) }, true),
        (Fault::StallThen503 { money: Money::Stays, stall: STALL }, false),
    ] {
        let kind = fault.kind();
        let (terms, submitted) = submit_impatiently_under(&stage, fault).await;
        assert!(matches!(submitted, Submitted::Unknown { .. }), "{kind}: {submitted:?}");
        let observed = stage.settled(&terms, None).await;
        if moves {
            assert!(matches!(observed, Observed::Succeeded(_)), "{kind}: {observed:?}");
        } else {
            assert_eq!(observed, Observed::NotFound, "{kind}");
        }
        // The one request there was is the one this client made.
        let posts = stage.control.posts(None).await.unwrap();
        let mine = posts
            .timeline
            .iter()
            .filter(|arrival| arrival.reference.as_deref() == Some(terms.reference.as_str()));
        assert_eq!(mine.count(), 1, "{kind}");
        // Sending the same attempt again pays once, whichever it was.
        let again = stage.client.submit(&terms).await;
        assert_eq!(matches!(again, Submitted::Duplicate), moves, "{kind}: {again:?}");
        assert!(matches!(stage.settled(&terms, None).await, Observed::Succeeded(_)), "{kind}");
        assert_eq!(stage.times_paid(&terms).await, 1, "{kind}");
    }
}

#[tokio::test]
async fn turned_away_is_not_sent() {
    let stage = Stage::start().await;
    for (fault, class, wait) in [
        (
            Fault::RateLimited { retry_after_seconds: 7 },
            NotSentClass::RateLimited,
            Some(Duration::from_secs(7)),
        ),
        (Fault::Unauthorized {}, NotSentClass::Unauthorized, None),
        (Fault::IpNotWhitelisted {}, NotSentClass::NotWhitelisted, None),
    ] {
        let (terms, submitted) = submit_under(&stage, fault).await;
        let Submitted::NotSent(not_sent) = submitted else { panic!("{submitted:?}") };
        assert_eq!((not_sent.class, not_sent.retry_after), (class, wait));
        assert_eq!(stage.client.observe(&terms.reference, None).await, Ok(Observed::NotFound));
        // The same attempt, under the same reference, can go out later.
        assert!(matches!(stage.client.submit(&terms).await, Submitted::Accepted(_)));
    }
}

#[tokio::test]
async fn an_unknown_refusal_proves_nothing() {
    let stage = Stage::start().await;
    let message = "A message of tomorrow".to_owned();
    let (_, submitted) = submit_under(&stage, Fault::Decline { message, status: 400 }).await;
    assert!(matches!(submitted, Submitted::Unknown { .. }), "{submitted:?}");
}

#[tokio::test]
async fn a_failure_is_told_with_its_reason() {
    let stage = Stage::start().await;
    let message = "DISBURSE FAILED: You have exceeded your daily limit for this product".to_owned();
    let (terms, submitted) = submit_under(&stage, Fault::Fail { message, after: None }).await;
    assert!(matches!(submitted, Submitted::Accepted(_)), "{submitted:?}");
    let Observed::Failed(sighting, failure) = stage.settled(&terms, None).await else { panic!("not failed") };
    assert_eq!(failure.code, FailureCode::MerchantDailyLimit);
    assert_eq!(sighting.disagreement(&terms), None);
}

#[tokio::test]
async fn a_look_up_that_lags_is_not_found_and_then_found() {
    let stage = Stage::start().await;
    let (terms, submitted) = submit_under(&stage, Fault::LookupLag { duration: None, lookups: 2 }).await;
    assert!(matches!(submitted, Submitted::Accepted(_)));
    for _ in 0..2 {
        assert_eq!(stage.client.observe(&terms.reference, None).await, Ok(Observed::NotFound));
    }
    let observed = stage.client.observe(&terms.reference, None).await.unwrap();
    assert!(!matches!(observed, Observed::NotFound), "{observed:?}");
}

#[tokio::test]
async fn a_status_nobody_documented_is_unrecognised() {
    let stage = Stage::start().await;
    let word = || Fault::UnknownStatus { status: "PROCESSING".to_owned(), then: None, after: STALL };
    let (terms, _) = submit_under(&stage, word()).await;
    let observed = stage.settled(&terms, None).await;
    assert_eq!(observed, Observed::Unrecognised { said: "PROCESSING".to_owned() });
}

#[tokio::test]
async fn a_look_up_that_fails_says_nothing() {
    let stage = Stage::start().await;
    let (terms, submitted) = submit_under(&stage, Fault::LookupError { status: 500, html: false }).await;
    let Submitted::Accepted(accepted) = submitted else { panic!("{submitted:?}") };
    let failed = stage.client.observe(&terms.reference, Some(&accepted.gateway_id)).await.unwrap_err();
    assert_eq!(failed.class, LookUpClass::Unavailable);
    stage
        .control
        .plant(Plan::once(terms.reference.as_str(), Fault::LookupError { status: 500, html: true }))
        .unwrap();
    let failed = stage.client.observe(&terms.reference, None).await.unwrap_err();
    assert_eq!(failed.class, LookUpClass::Unavailable);
    assert!(stage.client.observe(&terms.reference, None).await.is_ok());
}

/// A v3 reversal has no status of its own: what was SUCCESSFUL is FAILED now, and saying which it was is for those who
/// remember.
#[tokio::test]
async fn a_reversal_looks_like_a_failure() {
    let stage = Stage::start().await;
    let terms = terms("1500 NGN");
    assert!(matches!(stage.client.submit(&terms).await, Submitted::Accepted(_)));
    assert!(matches!(stage.settled(&terms, None).await, Observed::Succeeded(_)));
    stage.control.reverse(terms.reference.as_str(), None, None).await.unwrap();
    assert!(matches!(stage.client.observe(&terms.reference, None).await, Ok(Observed::Failed(..))));
}
