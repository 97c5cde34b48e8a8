//! `POST /v3/transfers` and what else moves or quotes money.

use simulator::{AfterFailed, DuplicateStatus, InsufficientFunds, Mode, MovementKind, Span, Status, Verdict};

use crate::harness::{Bench, order};

#[tokio::test]
async fn a_transfer_is_queued_then_paid_and_costs_amount_and_fee_exactly() {
    let bench = Bench::with(|settings| settings.settle_after = Span::from_millis(200)).await;
    bench.set_wallet("10000.10").await;
    let heard = bench.client.transfer("ref-1").await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    let json = heard.json();
    assert_eq!(json["status"], "success");
    assert_eq!(json["message"], "Transfer Queued Successfully");
    assert!(json["data"]["id"].is_u64());
    for (field, value) in [
        ("status", "NEW"),
        ("reference", "ref-1"),
        ("bank_code", "044"),
        ("full_name", "Alexis Sanchez"),
        ("bank_name", "ACCESS BANK NIGERIA"),
        ("complete_message", ""),
        ("narration", "test"),
    ] {
        assert_eq!(json["data"][field], value, "{field}");
    }
    assert!(json["data"].get("approver").is_none());
    assert!(heard.text.contains(r#""amount":5500,"fee":26.875"#), "{}", heard.text);

    let paid = bench.until("ref-1", Status::Successful).await;
    assert_eq!(paid.complete_message, "Transaction was successful");
    assert_eq!((paid.times_paid, paid.times_returned), (1, 0));
    assert_eq!(bench.wallet().await, "4473.225");
    let kinds: Vec<_> = paid.movements.iter().map(|movement| movement.kind).collect();
    assert_eq!(kinds, [MovementKind::Debited, MovementKind::Paid]);
    let fetched = bench.client.get(&format!("/v3/transfers/{}", paid.id)).await.json();
    assert_eq!(fetched["message"], "Transfer fetched");
    assert_eq!(fetched["data"]["status"], "SUCCESSFUL");
    assert!(fetched["data"]["approver"].is_null() && fetched["data"].get("approver").is_some());
}

#[tokio::test]
async fn the_ledger_balance_holds_what_is_under_way() {
    let bench = Bench::with(|settings| settings.mode = Mode::Test).await;
    bench.set_wallet("6000").await;
    bench.client.transfer("ref").await;
    let heard = bench.client.get("/v3/balances/NGN").await;
    let expected = r#""data":{"currency":"NGN","available_balance":473.125,"ledger_balance":6000}"#;
    assert!(heard.text.contains(expected), "{}", heard.text);
    let all = bench.client.get("/v3/balances").await.json();
    assert_eq!(all["data"][0]["currency"], "NGN");
    assert_eq!(bench.client.get("/v3/balances/XXX").await.status, 400);
}

#[tokio::test]
async fn amounts_survive_to_the_last_digit() {
    let bench = Bench::instant().await;
    bench.set_wallet("99999999999.99").await;
    for (reference, sent, shown) in
        [("a", "0.10", "0.1"), ("b", "1234567890.12", "1234567890.12"), ("c", "5.5e3", "5500")]
    {
        let heard = bench.client.post("/v3/transfers", &order(reference, sent)).await;
        assert!(heard.text.contains(&format!(r#""amount":{shown},"#)), "{}", heard.text);
    }
    // 99999999999.99 - 0.1 - 10.75 - 1234567890.12 - 53.75 - 5500 - 26.875
    assert_eq!(bench.wallet().await, "98765426518.395");
}

#[tokio::test]
async fn a_reference_is_taken_once_however_many_requests_race_for_it() {
    let bench = Bench::instant().await;
    bench.set_wallet("100000").await;
    let racers: Vec<_> = (0..64)
        .map(|_| {
            let client = bench.client.clone();
            tokio::spawn(async move { client.transfer("raced").await.status })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            200 => won += 1,
            status => assert_eq!(status, 400),
        }
    }
    assert_eq!(won, 1);
    let view = bench.transfer("raced").await;
    assert_eq!((view.posts, view.duplicates, view.times_paid), (64, 63, 1));
    assert_eq!(bench.wallet().await, "94473.125");
    let posts = bench.control.posts(None).await.unwrap();
    assert_eq!((posts.total, posts.timeline.len()), (64, 64));
    assert_eq!(posts.verdicts[&Verdict::Duplicate], 63);
}

#[tokio::test]
async fn duplicates_are_treated_as_the_settings_say() {
    let bench = Bench::instant().await;
    bench.client.transfer("ref").await;
    let heard = bench.client.transfer("ref").await;
    assert_eq!((heard.status, heard.message().as_str()), (400, "Payout with this ref already exists"));
    assert!(heard.json()["data"].is_null());
    bench.control.change_settings(|settings| settings.duplicate_status = DuplicateStatus::Conflict).unwrap();
    assert_eq!(bench.client.transfer("ref").await.status, 409);

    bench.plant(r#"{"fault":{"kind":"fail","message":"DISBURSE FAILED: no"}}"#);
    bench.client.transfer("failed").await;
    bench.until("failed", Status::Failed).await;
    assert_eq!(bench.client.transfer("failed").await.status, 409);
    let reusable =
        |settings: &mut simulator::Settings| settings.duplicate_after_failed = AfterFailed::Reusable;
    bench.control.change_settings(reusable).unwrap();
    assert_eq!(bench.client.transfer("failed").await.status, 200);
    let known = bench.control.reference("failed").await.unwrap().unwrap();
    assert_eq!((known.transfers.len(), known.posts), (2, 3));
    assert_eq!(bench.client.transfer("failed").await.status, 409, "the second one is paid");

    let blind = |settings: &mut simulator::Settings| settings.duplicate_blind_for = Span::from_secs(3600);
    bench.control.change_settings(blind).unwrap();
    assert_eq!(bench.client.transfer("ref").await.status, 200, "the check was told to be blind");
}

#[tokio::test]
async fn an_empty_wallet_shows_later_or_at_once() {
    let bench = Bench::instant().await;
    bench.set_wallet("5526.874").await;
    let heard = bench.client.transfer("later").await;
    assert_eq!((heard.status, heard.json()["data"]["status"].as_str()), (200, Some("NEW")));
    let failed = bench.until("later", Status::Failed).await;
    assert_eq!(failed.complete_message, "DISBURSE FAILED: Insufficient funds in customer wallet");
    assert!(failed.movements.is_empty());
    assert_eq!(bench.wallet().await, "5526.874");

    let at_once =
        |settings: &mut simulator::Settings| settings.insufficient_funds = InsufficientFunds::AtOnce;
    bench.control.change_settings(at_once).unwrap();
    assert_eq!(bench.client.transfer("at-once").await.status, 400);
    assert!(bench.control.transfer("at-once").await.unwrap().is_none());
    bench.set_wallet("5526.875").await;
    assert_eq!(bench.client.transfer("at-once").await.status, 200, "the reference stayed free");
    assert_eq!(bench.wallet().await, "0");
}

#[tokio::test]
async fn bad_requests_get_the_error_envelope_and_take_no_reference() {
    let bench = Bench::instant().await;
    let wrong = |field: &str, value: &str| {
        let mut body: serde_json::Value = serde_json::from_str(&order("bad", "5500")).unwrap();
        body[field] = serde_json::from_str(value).unwrap();
        body.to_string()
    };
    let long = format!("\"{}\"", "x".repeat(101));
    for (body, message) in [
        (wrong("account_number", r#""0690000036""#), "Payout was made to a blacklisted account number"),
        (wrong("account_number", "null"), "account_number is required"),
        (wrong("account_number", r#""069""#), "Sorry, that account number is invalid"),
        (wrong("account_bank", r#""999""#), "Unknown Bank Code"),
        (wrong("account_bank", "null"), "account_bank is required"),
        (order("bad", "5500").replace("account_bank", "bank_code"), "account_bank is required"),
        (wrong("amount", "null"), "amount is required"),
        (wrong("amount", r#""5500""#), "amount must be a number"),
        (wrong("amount", "0"), "amount must be greater than 0"),
        (wrong("amount", "-5"), "amount must be greater than 0"),
        (wrong("amount", "1.001"), "amount must have at most 2 decimal places"),
        (wrong("amount", "1e300"), "amount must be a number"),
        (wrong("currency", "null"), "currency is required"),
        (wrong("currency", r#""USD""#), "currency USD is not supported"),
        (wrong("reference", &long), "reference must not be longer"),
        (wrong("beneficiary", "12"), "beneficiary not found"),
        (String::new(), "The request is not valid"),
        ("[]".to_owned(), "The request is not valid"),
        ("{".repeat(100_000), "The request is not valid"),
    ] {
        let heard = bench.client.post("/v3/transfers", &body).await;
        assert_eq!(heard.status, 400, "{}", heard.text);
        assert!(heard.message().starts_with(message), "{} instead of {message}", heard.message());
        assert_eq!(heard.json()["status"], "error");
    }
    let too_large = bench.client.post("/v3/transfers", &"x".repeat(2 * 1024 * 1024)).await;
    assert_eq!(too_large.status, 413);
    assert!(bench.control.transfers().await.unwrap().is_empty());
    assert_eq!(bench.client.transfer("bad").await.status, 200);
}

#[tokio::test]
async fn a_missing_reference_is_made_up() {
    let bench = Bench::instant().await;
    let body = r#"{"account_bank":"058","account_number":"0123456789","amount":100,"currency":"NGN"}"#;
    let heard = bench.client.post("/v3/transfers", body).await;
    assert!(heard.json()["data"]["reference"].as_str().unwrap().starts_with("FLW-"));
}

#[tokio::test]
async fn keys_are_checked_everywhere_and_addresses_only_for_transfers() {
    let bench = Bench::instant().await;
    let paths = ["/v3/transfers", "/v3/transfers/1", "/v3/banks/NG", "/v3/balances", "/v3/nothing"];
    for path in paths {
        let without = bench.client.with_key("").get(path).await;
        assert_eq!((without.status, without.message().as_str()), (401, "Authorization required"));
        let wrong = bench.client.with_key("FLWSECK-wrong").get(path).await;
        assert_eq!((wrong.status, wrong.message().as_str()), (401, "merchant secret key required"));
    }
    assert_eq!(bench.client.with_key("").transfer("door").await.status, 401);
    let known = bench.control.reference("door").await.unwrap().unwrap();
    assert_eq!((known.posts, known.transfers.len()), (1, 0));

    bench.control.change_settings(|settings| settings.ip_whitelisted = false).unwrap();
    let heard = bench.client.transfer("door").await;
    let message = "Please enable IP Whitelisting to access this service";
    assert_eq!((heard.status, heard.message().as_str()), (400, message));
    assert_eq!(bench.client.get("/v3/transfers?reference=door").await.status, 200);
}

#[tokio::test]
async fn test_mode_follows_the_suffixes_on_the_compressed_clock() {
    // A minute takes 100 ms.
    let bench = Bench::paced(600, |settings| settings.mode = Mode::Test).await;
    for reference in ["plain", "a_PMCKDU_2", "a_PMCK_ST_FDU_2", "a_PMCK", "a_PMCK_ST_F"] {
        assert_eq!(bench.client.transfer(reference).await.status, 200);
    }
    let paid = bench.until("a_PMCKDU_2", Status::Successful).await;
    let minutes = |view: &simulator::TransferView| {
        let end = view.movements.last().unwrap().at;
        end.signed_duration_since(view.created_at).num_minutes()
    };
    assert!(minutes(&paid) >= 2);
    let failed = bench.until("a_PMCK_ST_FDU_2", Status::Failed).await;
    assert_eq!(failed.complete_message, "DISBURSE FAILED: Transfer failed. Please contact support");
    assert_eq!(failed.times_returned, 1);
    assert!(minutes(&bench.until("a_PMCK", Status::Successful).await) >= 10);
    assert!(minutes(&bench.until("a_PMCK_ST_F", Status::Failed).await) >= 10);
    bench.control.advance_clock("8000h".parse().unwrap()).await.unwrap();
    assert_eq!(bench.transfer("plain").await.status, Status::Pending);
}

#[tokio::test]
async fn a_retry_is_a_new_transfer() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"times":2,"fault":{"kind":"fail"}}"#);
    bench.client.transfer("ref").await;
    let id = bench.until("ref", Status::Failed).await.id;
    let first = bench.client.post(&format!("/v3/transfers/{id}/retries"), "").await.json();
    assert_eq!(first["message"], "Transfer retry attempt queued.");
    assert_eq!(first["data"]["reference"], "ref_RETRY_1");
    let failed_retry = bench.until("ref_RETRY_1", Status::Failed).await.id;
    let second = bench.client.post(&format!("/v3/transfers/{failed_retry}/retries"), "").await.json();
    assert_eq!(second["data"]["reference"], "ref_RETRY_2");
    bench.until("ref_RETRY_2", Status::Successful).await;
    let listed = bench.client.get(&format!("/v3/transfers/{id}/retries")).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let paid = bench.transfer("ref_RETRY_2").await.id;
    for id in [paid, 1] {
        assert_eq!(bench.client.post(&format!("/v3/transfers/{id}/retries"), "").await.status, 400);
    }
    bench.set_wallet("0").await;
    bench.client.transfer("poor").await;
    let poor = bench.until("poor", Status::Failed).await.id;
    assert_eq!(bench.client.post(&format!("/v3/transfers/{poor}/retries"), "").await.status, 400);
}

#[tokio::test]
async fn a_bulk_transfer_shows_its_rejects_in_the_look_up() {
    let bench = Bench::instant().await;
    bench.client.transfer("taken").await;
    let item = |reference: &str| {
        format!(
            r#"{{"bank_code":"044","account_number":"0690000031","amount":100,"currency":"NGN","reference":"{reference}"}}"#
        )
    };
    let body = format!(r#"{{"title":"Staff","bulk_data":[{},{}]}}"#, item("taken"), item("fresh"));
    let heard = bench.client.post("/v3/bulk-transfers", &body).await.json();
    assert_eq!(heard["message"], "Bulk transfer queued");
    let batch = heard["data"]["id"].as_u64().unwrap();
    let listed = bench.client.get(&format!("/v3/transfers?batch_id={batch}")).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed["data"][0]["reference"], "fresh");
    let error = &listed["meta"]["errors"][0];
    assert_eq!(error["reference"], "taken");
    assert_eq!(error["item"], 1);
    assert_eq!(error["message"], "Payout with this ref already exists");
    assert_eq!(bench.client.post("/v3/bulk-transfers", "{}").await.status, 400);
}

#[tokio::test]
async fn fees_are_quoted_with_three_decimals() {
    let bench = Bench::instant().await;
    for (amount, fee) in [("5000", "10.75"), ("12500", "26.875"), ("50000.01", "53.75")] {
        let heard = bench.client.get(&format!("/v3/transfers/fee?amount={amount}&currency=NGN")).await;
        let data = format!(r#""data":[{{"currency":"NGN","fee_type":"value","fee":{fee}}}]"#);
        assert!(heard.text.contains(&data), "{}", heard.text);
    }
    for query in ["", "amount=x", "amount=5&currency=USD"] {
        assert_eq!(bench.client.get(&format!("/v3/transfers/fee?{query}")).await.status, 400);
    }
}

#[tokio::test]
async fn accounts_resolve_to_stable_names_or_the_known_refusals() {
    let bench = Bench::instant().await;
    let resolve = async |number: &str, bank: &str| {
        let body = format!(r#"{{"account_number":"{number}","account_bank":"{bank}"}}"#);
        bench.client.post("/v3/accounts/resolve", &body).await
    };
    let known = resolve("0690000032", "044").await.json();
    assert_eq!(known["message"], "Account details fetched");
    assert_eq!(known["data"]["account_name"], "Pastor Bright");
    let invented = resolve("8012345678", "100004").await.json();
    assert!(invented["data"]["account_name"].as_str().unwrap().contains(' '));
    assert_eq!(invented, resolve("8012345678", "100004").await.json());
    for (number, bank, message) in [
        ("069", "044", "Sorry, that account number is invalid, please check and try again"),
        ("0690000032", "999", "Unknown Bank Code"),
        ("0690000032", "000014", "Unknown Bank Code"),
    ] {
        let heard = resolve(number, bank).await;
        assert_eq!((heard.status, heard.message().as_str()), (400, message));
    }
    let banks = bench.client.get("/v3/banks/NG").await.json();
    let banks = banks["data"].as_array().unwrap();
    assert!(banks.iter().any(|bank| bank["code"] == "100004" && bank["name"] == "OPay"));
}

#[tokio::test]
async fn beneficiaries_are_kept_and_can_be_paid() {
    let bench = Bench::instant().await;
    let body = r#"{"account_bank":"058","account_number":"0123456789","beneficiary_name":"Ada Obi"}"#;
    let added = bench.client.post("/v3/beneficiaries", body).await.json();
    let id = added["data"]["id"].as_u64().unwrap();
    let listed = bench.client.get("/v3/beneficiaries").await.json();
    assert_eq!(listed["data"][0]["full_name"], "Ada Obi");
    let order = format!(r#"{{"beneficiary":{id},"amount":100,"currency":"NGN","reference":"to-ada"}}"#);
    assert_eq!(bench.client.post("/v3/transfers", &order).await.status, 200);
    assert_eq!(bench.transfer("to-ada").await.account_number, "0123456789");
    let path = format!("/v3/beneficiaries/{id}");
    assert_eq!(bench.client.get(&path).await.status, 200);
    assert_eq!(bench.client.call("DELETE", &path, None).await.unwrap().status, 200);
    assert_eq!(bench.client.get(&path).await.status, 404);
}
