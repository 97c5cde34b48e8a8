//! The whole client against the simulator, where nothing goes wrong but money.

use domain::{Currency, FailureCode, Observed, Submitted};
use gateway::{PayoutGateway, ResolveFailed, flutterwave::v3::FlutterwaveV3};
use simulator::{
    DuplicateStatus, Endpoint, Fault, InsufficientFunds, Match, Mode, NotFoundById, Plan, ReferenceFilter,
    Settings,
};

use crate::terms::{Stage, config, terms};

#[tokio::test]
async fn accepted_then_succeeded_with_the_fee() {
    let stage = Stage::start().await;
    for (amount, fee) in
        [("5000 NGN", "10.75 NGN"), ("50000.50 NGN", "53.75 NGN"), ("5500.05 NGN", "26.875 NGN")]
    {
        let terms = terms(amount);
        let Submitted::Accepted(accepted) = stage.client.submit(&terms).await else { panic!("not accepted") };
        assert_eq!(accepted.fee.unwrap().to_string(), fee);
        let Observed::Succeeded(sighting) = stage.settled(&terms, Some(&accepted.gateway_id)).await else {
            panic!("not succeeded")
        };
        assert_eq!(sighting.disagreement(&terms), None);
        assert_eq!(sighting.gateway_id, accepted.gateway_id);
        assert_eq!(sighting.fee.unwrap().to_string(), fee);
        // The same by reference.
        assert_eq!(stage.settled(&terms, None).await, Observed::Succeeded(sighting));
        let in_the_books = stage.control.transfer(terms.reference.as_str()).await.unwrap().unwrap();
        assert_eq!((in_the_books.times_paid, in_the_books.posts), (1, 1));
        assert_eq!(in_the_books.amount, terms.amount.amount());
    }
}

#[tokio::test]
async fn a_second_send_of_an_attempt_meets_its_own_duplicate() {
    let stage = Stage::start().await;
    for status in [DuplicateStatus::BadRequest, DuplicateStatus::Conflict] {
        stage.control.change_settings(|settings| settings.duplicate_status = status).unwrap();
        let terms = terms("1500 NGN");
        assert!(matches!(stage.client.submit(&terms).await, Submitted::Accepted(_)));
        assert_eq!(stage.client.submit(&terms).await, Submitted::Duplicate);
        assert!(matches!(stage.settled(&terms, None).await, Observed::Succeeded(_)));
        assert_eq!(stage.times_paid(&terms).await, 1);
    }
}

#[tokio::test]
async fn a_short_wallet_shows_later_or_at_once() {
    let stage = Stage::start().await;
    stage.control.set_wallet("100".parse().unwrap()).await.unwrap();
    let late = terms("1500 NGN");
    assert!(matches!(stage.client.submit(&late).await, Submitted::Accepted(_)));
    let Observed::Failed(_, failure) = stage.settled(&late, None).await else { panic!("not failed") };
    assert_eq!(failure.code, FailureCode::WalletEmpty);

    stage
        .control
        .change_settings(|settings| settings.insufficient_funds = InsufficientFunds::AtOnce)
        .unwrap();
    let Submitted::Declined(failure) = stage.client.submit(&terms("1500 NGN")).await else {
        panic!("not declined")
    };
    assert_eq!(failure.code, FailureCode::WalletEmpty);
}

#[tokio::test]
async fn a_blacklisted_account_is_declined() {
    let stage = Stage::start().await;
    let mut terms = terms("1500 NGN");
    terms.account = "0690000036".parse().unwrap();
    let Submitted::Declined(failure) = stage.client.submit(&terms).await else { panic!("not declined") };
    assert_eq!(failure.code, FailureCode::AccountBlacklisted);
    assert_eq!(stage.client.observe(&terms.reference, None).await, Ok(Observed::NotFound));
}

#[tokio::test]
async fn names_are_resolved_or_it_is_said_why_not() {
    let stage = Stage::start().await;
    let resolve = async |bank: &str, account: &str| {
        stage.client.resolve_account(&bank.parse().unwrap(), &account.parse().unwrap()).await
    };
    assert_eq!(resolve("044", "0690000032").await.unwrap().expose(), "Pastor Bright");
    assert_eq!(resolve("999", "0690000032").await, Err(ResolveFailed::UnknownBank));
    // Listed, and still unknown: the old entries of the list do not resolve.
    assert_eq!(resolve("000014", "0690000032").await, Err(ResolveFailed::UnknownBank));
    let message = "Sorry, that account number is invalid, please check and try again".to_owned();
    let matches = Match { endpoint: Some(Endpoint::Resolve), ..Match::default() };
    let fault = Fault::Decline { message, status: 400 };
    stage.control.plant(Plan { matches, times: 1, fault }).unwrap();
    assert!(matches!(resolve("044", "0690000032").await, Err(ResolveFailed::NoSuchAccount { .. })));
}

#[tokio::test]
async fn the_banks_are_listed() {
    let banks = Stage::start().await.client.banks().await.unwrap();
    assert!(banks.len() > 30);
    assert!(banks.iter().any(|bank| bank.code.as_str() == "044" && bank.name == "Access Bank"));
    assert!(banks.iter().any(|bank| bank.code.as_str() == "100004" && bank.name == "OPay"));
}

#[tokio::test]
async fn the_balance_is_exact() {
    let stage = Stage::start().await;
    for balance in ["9007199254740993.01", "0", "2168880.125"] {
        let expected = balance.parse().unwrap();
        stage.control.set_wallet(expected).await.unwrap();
        let held = stage.client.balance(Currency::Ngn).await.unwrap();
        assert_eq!(held.available.amount(), expected);
    }
}

#[tokio::test]
async fn the_fee_is_quoted() {
    let stage = Stage::start().await;
    for (amount, fee) in
        [("5000 NGN", "10.75 NGN"), ("5000.01 NGN", "26.875 NGN"), ("96031 NGN", "53.75 NGN")]
    {
        assert_eq!(stage.client.fee_quote(amount.parse().unwrap()).await.unwrap().to_string(), fee);
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_found() {
    let stage = Stage::start().await;
    let reference = terms("1 NGN").reference;
    for shape in [NotFoundById::Http404, NotFoundById::Http400, NotFoundById::Null] {
        stage.control.change_settings(|settings| settings.not_found_by_id = shape).unwrap();
        assert_eq!(stage.client.observe(&reference, None).await, Ok(Observed::NotFound));
        assert_eq!(stage.client.observe(&reference, Some("999999999")).await, Ok(Observed::NotFound));
    }
}

/// Where the gateway ignores the filter, the reference is looked for on every page.
#[tokio::test]
async fn a_filter_that_does_nothing_changes_nothing() {
    let stage = Stage::start().await;
    stage.control.change_settings(|settings| settings.reference_filter = ReferenceFilter::Ignored).unwrap();
    let oldest = terms("1500 NGN");
    assert!(matches!(stage.client.submit(&oldest).await, Submitted::Accepted(_)));
    for _ in 0..25 {
        assert!(matches!(stage.client.submit(&terms("100 NGN")).await, Submitted::Accepted(_)));
    }
    let Observed::Succeeded(sighting) = stage.settled(&oldest, None).await else { panic!("not succeeded") };
    assert_eq!(sighting.disagreement(&oldest), None);
    assert_eq!(stage.client.observe(&terms("1 NGN").reference, None).await, Ok(Observed::NotFound));
}

/// The id of another transfer is no evidence about ours, and no evidence of absence either.
#[tokio::test]
async fn a_wrong_id_falls_back_to_the_reference() {
    let stage = Stage::start().await;
    let (ours, another) = (terms("1500 NGN"), terms("2500 NGN"));
    assert!(matches!(stage.client.submit(&ours).await, Submitted::Accepted(_)));
    let Submitted::Accepted(accepted) = stage.client.submit(&another).await else { panic!("not accepted") };
    let Observed::Succeeded(sighting) = stage.settled(&ours, Some(&accepted.gateway_id)).await else {
        panic!("not succeeded")
    };
    assert_eq!(sighting.disagreement(&ours), None);
    let never_sent = terms("1500 NGN").reference;
    let observed = stage.client.observe(&never_sent, Some(&accepted.gateway_id)).await;
    assert!(matches!(observed, Ok(Observed::Unrecognised { .. })), "{observed:?}");
}

/// In test mode a transfer ends as its suffix says, and nobody but the wire sees the suffix.
#[tokio::test]
async fn a_test_transfer_carries_its_suffix() {
    let stage = Stage::with(Settings { mode: Mode::Test, ..Settings::default() }).await;
    for (suffix, succeeds) in [("_PMCKDU_0", true), ("_PMCK_ST_FDU_0", false)] {
        let mut config = config(&stage.base_url());
        config.test_reference_suffix = Some(suffix.parse().unwrap());
        let client = FlutterwaveV3::new(config).unwrap();
        let terms = terms("1500 NGN");
        assert!(matches!(client.submit(&terms).await, Submitted::Accepted(_)));
        let observed = stage.settled_for(&client, &terms, None).await;
        let (Observed::Succeeded(sighting) | Observed::Failed(sighting, _)) = &observed else {
            panic!("{observed:?}")
        };
        assert_eq!(matches!(observed, Observed::Succeeded(_)), succeeds);
        assert_eq!(sighting.reference, terms.reference);
        let on_the_wire = format!("{}{suffix}", terms.reference);
        assert!(stage.control.transfer(&on_the_wire).await.unwrap().is_some());
    }
    let plain = terms("1500 NGN");
    assert!(matches!(stage.client.submit(&plain).await, Submitted::Accepted(_)));
    assert!(matches!(stage.client.observe(&plain.reference, None).await, Ok(Observed::InFlight(_))));
}

/// A dashboard's retry of a failed transfer may pay what the failure says was not paid.
#[tokio::test]
async fn a_failure_that_is_tried_again_at_the_gateway_is_no_failure() {
    let stage = Stage::start().await;
    let terms = terms("1500 NGN");
    let fails = Fault::Fail { message: "DISBURSE FAILED: closed account".to_owned(), after: None };
    stage.control.plant(Plan::once(terms.reference.as_str(), fails)).unwrap();
    let Submitted::Accepted(accepted) = stage.client.submit(&terms).await else { panic!("not accepted") };
    assert!(matches!(stage.settled(&terms, None).await, Observed::Failed(..)));
    stage.control.retry(terms.reference.as_str()).await.unwrap();
    for id in [None, Some(accepted.gateway_id.as_str())] {
        let observed = stage.client.observe(&terms.reference, id).await.unwrap();
        let Observed::Unrecognised { said } = observed else { panic!("{observed:?}") };
        assert!(said.contains("tried again"), "{said}");
    }
}

/// Everything is on some page, newest first, and says what it is.
#[tokio::test]
async fn all_transfers_are_listed() {
    let stage = Stage::start().await;
    let mut sent = vec![];
    for _ in 0..23 {
        let terms = terms("1500 NGN");
        assert!(matches!(stage.client.submit(&terms).await, Submitted::Accepted(_)));
        sent.insert(0, terms);
    }
    for terms in &sent {
        stage.settled(terms, None).await;
    }
    let today = stage.control.clock().now.date_naive();
    let (from, to) = (today.pred_opt().unwrap(), today.succ_opt().unwrap());
    let mut listed = vec![];
    for page in 1.. {
        let page = stage.client.transfers(from, to, page).await.unwrap();
        assert_eq!(page.unreadable, 0);
        listed.extend(page.transfers);
        if page.last {
            break;
        }
    }
    let references: Vec<_> = listed.iter().map(|listed| listed.reference.clone()).collect();
    assert_eq!(references, sent.iter().map(|terms| terms.reference.clone()).collect::<Vec<_>>());
    assert!(listed.iter().all(|listed| matches!(listed.observed, Observed::Succeeded(_))));
    let long_ago = from.checked_sub_days(chrono::Days::new(30)).unwrap();
    let page = stage.client.transfers(long_ago, long_ago, 1).await.unwrap();
    assert_eq!((page.transfers.len(), page.last), (0, true));
}

/// What the simulator's statement says is what the reader reads.
#[tokio::test]
async fn the_wallets_statement_is_read() {
    let stage = Stage::start().await;
    let terms = terms("1500.50 NGN");
    assert!(matches!(stage.client.submit(&terms).await, Submitted::Accepted(_)));
    stage.settled(&terms, None).await;
    let file = stage.control.statement().await.unwrap();
    let lines = gateway::statement::parse(file.as_bytes()).unwrap();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((line.reference.clone(), line.amount), (terms.reference.clone(), terms.amount));
    assert_eq!((line.fee.unwrap().to_string(), line.line), ("10.75".to_owned(), 2));
}
