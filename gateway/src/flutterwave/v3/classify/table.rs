//! One row per (HTTP status × body): what the answer to a send means.

use std::time::Duration;

use domain::{AccountName, AttemptNumber, NotSentClass, PayoutId, Reference};

use super::*;

/// Flutterwave's documented answer, with what was asked in it.
const QUEUED: &str = r#"{"status":"success","message":"Transfer Queued Successfully","data":{"id":396432,
    "account_number":"0690000040","bank_code":"044","full_name":"Alexis Sanchez","created_at":"2026-03-11T01:14:21.000Z",
    "currency":"NGN","debit_currency":"NGN","amount":5500,"fee":26.875,"status":"NEW","reference":"REFERENCE","meta":null,
    "narration":"payout","complete_message":"","requires_approval":0,"is_approved":1,"bank_name":"ACCESS BANK NIGERIA"}}"#;

fn terms() -> AttemptTerms {
    let payout: PayoutId = "0192f0c1-2a3b-7c4d-8e5f-001122334455".parse().unwrap();
    AttemptTerms {
        reference: Reference::new(&"pay".parse().unwrap(), payout, AttemptNumber::new(1).unwrap()),
        amount: "5500 NGN".parse().unwrap(),
        bank: "044".parse().unwrap(),
        account: "0690000040".parse().unwrap(),
        beneficiary: AccountName::new("Alexis Sanchez"),
        narration: "payout".to_owned(),
    }
}

/// The documented answer with one thing changed.
fn queued(this: &str, for_that: &str) -> String {
    assert!(QUEUED.contains(this), "{this} is not in the answer");
    QUEUED.replacen(this, for_that, 1).replace("REFERENCE", terms().reference.as_str())
}

fn as_asked() -> String {
    queued("NEW", "NEW")
}

fn error(message: &str) -> String {
    format!(r#"{{"status":"error","message":"{message}","data":null}}"#)
}

fn answer(status: u16, body: &str) -> Exchange {
    let body = Body::Whole(body.to_owned().into());
    Exchange::Answered(Answer { status, retry_after: Some(Duration::from_secs(2)), body })
}

/// The answer in few words.
fn meaning(exchange: &Exchange) -> String {
    let terms = terms();
    match submitted(&terms, &WireReference::new(&terms.reference, None), exchange) {
        Submitted::Accepted(accepted) => match accepted.fee {
            Some(fee) => format!("accepted {}, fee {fee}", accepted.gateway_id),
            None => format!("accepted {}", accepted.gateway_id),
        },
        Submitted::Declined(failure) => format!("declined: {}", failure.code.as_str()),
        Submitted::Duplicate => "duplicate".to_owned(),
        Submitted::NotSent(not_sent) => {
            let class = match not_sent.class {
                NotSentClass::Unreachable => "unreachable",
                NotSentClass::RateLimited => "rate limited",
                NotSentClass::Unauthorized => "unauthorized",
                NotSentClass::NotWhitelisted => "not whitelisted",
            };
            match not_sent.retry_after {
                Some(wait) => format!("not sent: {class}, wait {wait:?}"),
                None => format!("not sent: {class}"),
            }
        }
        Submitted::Unknown { .. } => "unknown".to_owned(),
    }
}

fn check(rows: &[(u16, String, &str)]) {
    for (status, body, expected) in rows {
        assert_eq!(meaning(&answer(*status, body)), *expected, "{status} {body}");
    }
}

#[test]
fn a_success_is_accepted_only_if_it_is_what_was_asked() {
    let accepted = "accepted 396432, fee 26.875 NGN";
    #[rustfmt::skip]
    check(&[
        (200, as_asked(),                                                       accepted),
        (201, as_asked(),                                                       accepted),
        (202, as_asked(),                                                       accepted),
        (200, queued("NEW", "PENDING"),                                         accepted),
        // Settled at once: still only accepted, an observation says how it ended.
        (200, queued("NEW", "SUCCESSFUL"),                                      accepted),
        (200, queued("NEW", "FAILED"),                                          accepted),
        // The same amount and id, written otherwise.
        (200, queued(":5500,", ":5500.00,"),                                    accepted),
        (200, queued(":5500,", ":\"5500.0\","),                                 accepted),
        (200, queued("396432", "\"396432\""),                                   accepted),
        (200, queued("\"fee\":26.875,", ""),                                    "accepted 396432"),
        (200, queued("26.875", "null"),                                         "accepted 396432"),
        (200, queued("\"meta\":null", "\"meta\":[{\"a\":1}]"),                  accepted),
        (200, queued("\"debit_currency\":\"NGN\",", ""),                        accepted),
        // A status word that nobody has documented.
        (200, queued("NEW", "new"),                                             "unknown"),
        (200, queued("NEW", "REVERSED"),                                        "unknown"),
        (200, queued("NEW", ""),                                                "unknown"),
        (200, queued("\"status\":\"NEW\",", ""),                                "unknown"),
        // Not what was asked.
        (200, queued("REFERENCE", "another"),                                   "unknown"),
        (200, queued("REFERENCE", "REFERENCE_RETRY_1"),                         "unknown"),
        (200, queued(":5500,", ":5500.01,"),                                    "unknown"),
        (200, queued(":5500,", ":55,"),                                         "unknown"),
        (200, queued("0690000040", "0690000041"),                               "unknown"),
        (200, queued("\"currency\":\"NGN\"", "\"currency\":\"KES\""),           "unknown"),
        // Not a whole record.
        (200, queued("\"id\":396432,", ""),                                     "unknown"),
        (200, queued("396432", "-1"),                                           "unknown"),
        (200, queued("396432", "39.5"),                                         "unknown"),
        (200, queued("\"amount\":5500,", ""),                                   "unknown"),
        (200, queued(":5500,", ":5.5e3,"),                                      "unknown"),
        (200, queued(":5500,", ":5500.00001,"),                                 "unknown"),
        (200, queued("26.875", "26.875000000000004"),                           "unknown"),
        (200, queued("\"account_number\":\"0690000040\",", ""),                 "unknown"),
        (200, queued("\"currency\":\"NGN\",", ""),                              "unknown"),
        (200, queued("\"currency\":\"NGN\"", "\"currency\":\"XYZ\""),           "unknown"),
    ]);
}

#[test]
fn a_success_of_another_shape_is_unknown() {
    let whole = as_asked();
    let half = whole[..whole.len() / 2].to_owned();
    #[rustfmt::skip]
    check(&[
        (200, String::new(),                                                    "unknown"),
        (204, String::new(),                                                    "unknown"),
        (200, half,                                                             "unknown"),
        (200, format!("{whole}{whole}"),                                        "unknown"),
        (200, "<html><body>Welcome</body></html>".to_owned(),                   "unknown"),
        (200, "null".to_owned(),                                                "unknown"),
        (200, "[]".to_owned(),                                                  "unknown"),
        (200, "{}".to_owned(),                                                  "unknown"),
        (200, r#"{"status":"success"}"#.to_owned(),                             "unknown"),
        (200, r#"{"status":"success","data":null}"#.to_owned(),                 "unknown"),
        (200, r#"{"status":"success","data":[]}"#.to_owned(),                   "unknown"),
        (200, queued("\"status\":\"success\"", "\"status\":\"pending\""),       "unknown"),
        (200, queued("\"status\":\"success\"", "\"status\":true"),              "unknown"),
        // A refusal in a success's clothes settles nothing, however well known its words.
        (200, error("Payout was made to a blacklisted account number"),         "unknown"),
        (200, error("Payout with this ref already exists"),                     "unknown"),
        (200, error("Please enable IP Whitelisting to access this service"),    "unknown"),
    ]);
}

#[test]
fn a_refusal_is_a_decline_only_if_it_is_known() {
    #[rustfmt::skip]
    check(&[
        (400, error("Payout was made to a blacklisted account number"),         "declined: account_blacklisted"),
        (400, error("Sorry, that account number is invalid, please check and try again"), "declined: account_invalid"),
        (400, error("Unknown Bank Code"),                                       "declined: bank_unknown"),
        (400, error("beneficiary_name is required"),                            "declined: beneficiary_name_missing"),
        (400, error("Insufficient funds in customer wallet"),                   "declined: wallet_empty"),
        (400, error("wallet currently restricted. please contact administrator"), "declined: merchant_restricted"),
        (400, error("You have exceeded your daily limit for this product"),     "declined: merchant_daily_limit"),
        (403, error("Payout was made to a blacklisted account number"),         "declined: account_blacklisted"),
        (422, error("Amount should be at least 100"),                           "declined: amount_too_small"),
        (400, error("Something nobody has seen"),                               "unknown"),
        (400, error(""),                                                        "unknown"),
        (403, error("Forbidden"),                                               "unknown"),
        (404, error("Not found"),                                               "unknown"),
        (409, error("Conflict"),                                                "unknown"),
        // Whoever answers 408 did not read the request to its end, whatever they write.
        (408, error("Payout was made to a blacklisted account number"),         "unknown"),
        // Known words in another frame.
        (400, "Unknown Bank Code".to_owned(),                                   "unknown"),
        (400, "<html>Unknown Bank Code</html>".to_owned(),                      "unknown"),
        (400, r#"{"message":"Unknown Bank Code"}"#.to_owned(),                  "unknown"),
        (400, r#"{"status":"failed","message":"Unknown Bank Code"}"#.to_owned(), "unknown"),
        (400, r#"{"status":"error","message":["Unknown Bank Code"]}"#.to_owned(), "unknown"),
        (400, r#"{"status":"error","data":null}"#.to_owned(),                   "unknown"),
        (400, as_asked(),                                                       "unknown"),
        (400, String::new(),                                                    "unknown"),
    ]);
}

#[test]
fn a_duplicate_is_neither_accepted_nor_declined() {
    #[rustfmt::skip]
    check(&[
        (400, error("Payout with this ref already exists"),                     "duplicate"),
        (409, error("Payout with this ref already exists"),                     "duplicate"),
        (400, error("PAYOUT WITH THIS REF ALREADY EXISTS."),                    "duplicate"),
        (422, error("Payout with this ref already exists"),                     "unknown"),
        (500, error("Payout with this ref already exists"),                     "unknown"),
        (400, "Payout with this ref already exists".to_owned(),                 "unknown"),
    ]);
}

#[test]
fn turned_away_at_the_door_is_not_sent() {
    #[rustfmt::skip]
    check(&[
        (401, error("Authorization required"),                                  "not sent: unauthorized"),
        (401, "<html>401</html>".to_owned(),                                    "not sent: unauthorized"),
        (401, String::new(),                                                    "not sent: unauthorized"),
        (429, error("Too many requests"),                                       "not sent: rate limited, wait 2s"),
        (429, "slow down".to_owned(),                                           "not sent: rate limited, wait 2s"),
        (400, error("Please enable IP Whitelisting to access this service"),    "not sent: not whitelisted"),
        (403, error("Please enable IP Whitelisting to access this service"),    "not sent: not whitelisted"),
        (500, error("Please enable IP Whitelisting to access this service"),    "unknown"),
        (400, "Please enable IP Whitelisting to access this service".to_owned(), "unknown"),
    ]);
}

#[test]
fn every_other_status_is_unknown() {
    for status in [100, 101, 300, 301, 302, 303, 304, 307, 308, 500, 501, 502, 503, 504, 520, 599, 600, 999] {
        for body in [
            as_asked(),
            error("An error occurred. Please contact support"),
            error("Unknown Bank Code"),
            "<html><center>nginx</center></html>".to_owned(),
            String::new(),
        ] {
            assert_eq!(meaning(&answer(status, &body)), "unknown", "{status} {body}");
        }
    }
}

#[test]
fn without_an_answer_only_a_failed_connect_is_not_sent() {
    let why = "it broke".to_owned();
    let cut = |status| {
        let body = Body::Cut { why: "end of file".to_owned() };
        Exchange::Answered(Answer { status, retry_after: None, body })
    };
    for (exchange, expected) in [
        (Exchange::NotConnected { why: why.clone() }, "not sent: unreachable"),
        (Exchange::Broken { why }, "unknown"),
        (cut(200), "unknown"),
        (cut(400), "unknown"),
        (cut(503), "unknown"),
        // These say all they have to say in the status line.
        (cut(401), "not sent: unauthorized"),
        (cut(429), "not sent: rate limited"),
    ] {
        assert_eq!(meaning(&exchange), expected);
    }
}

/// With a suffix, the reference on the wire is another one, and only that is ours.
#[test]
fn in_test_mode_the_suffix_belongs_to_the_reference() {
    let terms = terms();
    let reference = WireReference::new(&terms.reference, Some(&"_PMCKDU_1".parse().unwrap()));
    let suffixed = answer(200, &queued("REFERENCE", "REFERENCE_PMCKDU_1"));
    assert!(matches!(submitted(&terms, &reference, &suffixed), Submitted::Accepted(_)));
    let bare = answer(200, &as_asked());
    assert!(matches!(submitted(&terms, &reference, &bare), Submitted::Unknown { .. }));
}

#[test]
fn no_message_names_the_account_the_owner_or_the_key() {
    for (status, message) in [
        (400, "Unknown Bank Code for 0690000040 of Alexis SANCHEZ"),
        (400, "Alexis Sanchez (0690000040) is not allowed"),
        (401, "key FLWSECK_TEST-0123456789abcdef-X is wrong for 0690000040"),
        (429, "too many for 0690000040"),
    ] {
        let terms = terms();
        let reference = WireReference::new(&terms.reference, None);
        let said = match submitted(&terms, &reference, &answer(status, &error(message))) {
            Submitted::Declined(failure) => failure.message,
            Submitted::NotSent(not_sent) => not_sent.message,
            Submitted::Unknown { why } => why,
            Submitted::Accepted(_) | Submitted::Duplicate => String::new(),
        };
        assert!(!said.is_empty());
        for private in ["0690000040", "Alexis", "SANCHEZ", "Sanchez", "0123456789abcdef"] {
            assert!(!said.contains(private), "{said}");
        }
    }
}
