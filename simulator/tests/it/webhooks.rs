//! Webhooks: what they say, when they are sent again, and how they go wrong.

use std::time::Duration;

use simulator::{CallbackUrl, Settings, Span, Status, WebhookOrder, WebhookShape};

use crate::harness::{Bench, order};
use crate::receiver::Receiver;

async fn instant(receiver: &Receiver, change: impl FnOnce(&mut Settings)) -> Bench {
    paced(1, receiver, change).await
}

async fn paced(rate: u32, receiver: &Receiver, change: impl FnOnce(&mut Settings)) -> Bench {
    let url = receiver.url.clone();
    Bench::paced(rate, |settings| {
        settings.settle_after = Span::ZERO;
        settings.webhook_url = Some(url);
        settings.webhook_hash = "the-hash".into();
        change(settings);
    })
    .await
}

/// Enough for a webhook that must not come to have come.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn success_and_failure_are_one_event_with_the_captured_headers() {
    let receiver = Receiver::start(&[]).await;
    let bench = instant(&receiver, |_| {}).await;
    bench.client.transfer("paid").await;
    let got = receiver.wait_for(1).await.remove(0);
    for (name, value) in [
        ("verif-hash", "the-hash"),
        ("user-agent", "axios/0.19.2"),
        ("accept", "application/json, text/plain, */*"),
        ("content-type", "application/json;charset=utf-8"),
    ] {
        assert_eq!(got.headers.get(name).map(String::as_str), Some(value));
    }
    let json = got.json();
    assert_eq!(json["event"], "transfer.completed");
    assert_eq!(json["event.type"], "Transfer");
    assert_eq!(json["data"]["fullname"], "Alexis Sanchez");
    assert!(json["data"].get("full_name").is_none());
    assert_eq!(json["data"]["status"], "SUCCESSFUL");
    assert!(got.body.contains(r#""amount":5500,"fee":26.875"#), "{}", got.body);

    bench.plant(r#"{"fault":{"kind":"fail","message":"DISBURSE FAILED: no"}}"#);
    bench.client.transfer("failed").await;
    let got = receiver.wait_for(2).await.remove(1);
    assert_eq!(got.json()["event"], "transfer.completed");
    assert_eq!(
        (got.data("status"), got.data("complete_message")),
        ("FAILED".into(), "DISBURSE FAILED: no".into())
    );
    receiver.stays_at(2, A_WHILE).await;
    let tried = bench.until_view("failed", |view| !view.webhooks.is_empty()).await;
    assert_eq!(tried.webhooks[0].answer, "200");
}

#[tokio::test]
async fn only_200_acknowledges_and_three_retries_follow_30_minutes_apart() {
    // 30 minutes take 150 ms.
    let receiver = Receiver::start(&[204, 302, 500, 201]).await;
    let bench = paced(12_000, &receiver, |_| {}).await;
    bench.client.transfer("stubborn").await;
    let got = receiver.wait_for(4).await;
    for pair in got.windows(2) {
        let apart = pair[1].at.duration_since(pair[0].at);
        assert!(apart >= Duration::from_millis(145), "{apart:?}");
    }
    assert!(got.iter().all(|webhook| webhook.body == got[0].body));
    receiver.stays_at(4, A_WHILE).await;
    let view = bench.until_view("stubborn", |view| view.webhooks.len() == 4).await;
    let answers: Vec<_> = view.webhooks.iter().map(|webhook| webhook.answer.as_str()).collect();
    assert_eq!(answers, ["204", "302", "500", "201"]);
}

#[tokio::test]
async fn a_retry_that_is_acknowledged_is_the_last() {
    let receiver = Receiver::start(&[500]).await;
    let bench = paced(12_000, &receiver, |_| {}).await;
    bench.client.transfer("ref").await;
    receiver.wait_for(2).await;
    receiver.stays_at(2, A_WHILE).await;
}

#[tokio::test]
async fn retries_can_be_off_and_a_silent_receiver_times_out() {
    let receiver = Receiver::start(&[500, 0]).await;
    let bench = paced(12_000, &receiver, |settings| settings.webhook_retries = false).await;
    bench.client.transfer("ref").await;
    receiver.wait_for(1).await;
    receiver.stays_at(1, A_WHILE).await;
    bench.client.transfer("silence").await;
    let view = bench.until_view("silence", |view| !view.webhooks.is_empty()).await;
    assert_eq!(view.webhooks[0].answer, "timed out");
}

#[tokio::test]
async fn webhooks_get_lost_come_late_twice_or_out_of_order() {
    let receiver = Receiver::start(&[]).await;
    let bench = instant(&receiver, |_| {}).await;
    bench.plant(r#"{"match":{"reference":"lost"},"fault":{"kind":"webhook_lost"}}"#);
    bench.plant(r#"{"match":{"reference":"late"},"fault":{"kind":"webhook_late","by":"1h"}}"#);
    bench.plant(
        r#"{"match":{"reference":"twice"},"fault":{"kind":"webhook_duplicate","copies":2,"apart":"50ms"}}"#,
    );
    bench.plant(r#"{"match":{"reference":"first"},"fault":{"kind":"webhook_reordered","hold":"1h"}}"#);
    for reference in ["lost", "late"] {
        bench.client.transfer(reference).await;
    }
    receiver.stays_at(0, A_WHILE).await;
    bench.control.advance_clock(Span::from_secs(3600)).await.unwrap();
    assert_eq!(receiver.wait_for(1).await[0].data("reference"), "late");

    bench.client.transfer("twice").await;
    let got = receiver.wait_for(4).await;
    assert!(
        got[1..].iter().all(|webhook| webhook.data("reference") == "twice" && webhook.body == got[1].body)
    );

    bench.client.transfer("first").await;
    receiver.stays_at(4, A_WHILE).await;
    bench.client.transfer("second").await;
    let got = receiver.wait_for(6).await;
    assert_eq!([got[4].data("reference"), got[5].data("reference")], ["second", "first"]);
}

#[tokio::test]
async fn a_webhook_can_overtake_the_answer() {
    let receiver = Receiver::start(&[]).await;
    let bench = paced(1, &receiver, |settings| settings.settle_after = Span::from_secs(3600)).await;
    bench.plant(r#"{"fault":{"kind":"webhook_early"}}"#);
    let heard = bench.client.transfer("early").await;
    assert_eq!(receiver.got().len(), 1, "delivered before the POST was answered");
    assert_eq!(heard.json()["data"]["status"], "NEW");
}

#[tokio::test]
async fn a_flip_sends_a_second_event_and_a_reversal_none() {
    let receiver = Receiver::start(&[]).await;
    let bench = instant(&receiver, |_| {}).await;
    bench.set_wallet("100000").await;
    bench.plant(r#"{"fault":{"kind":"flip_after_success","after":"100ms"}}"#);
    bench.client.transfer("flipped").await;
    let got = receiver.wait_for(2).await;
    assert_eq!([got[0].data("status"), got[1].data("status")], ["SUCCESSFUL", "FAILED"]);

    bench.client.transfer("reversed").await;
    receiver.wait_for(3).await;
    let view = bench.control.reverse("reversed", None, None).await.unwrap();
    assert_eq!((view.status, view.times_paid, view.times_returned), (Status::Failed, 1, 1));
    assert_eq!(bench.wallet().await, "100000");
    receiver.stays_at(3, A_WHILE).await;
    assert!(bench.control.reverse("reversed", None, None).await.is_err(), "it is not paid any more");

    bench.client.transfer("loud").await;
    receiver.wait_for(4).await;
    bench.control.change_settings(|settings| settings.reversal_returns_fee = false).unwrap();
    bench.control.reverse("loud", Some("DISBURSE FAILED: returned"), Some(true)).await.unwrap();
    assert_eq!(receiver.wait_for(5).await[4].data("complete_message"), "DISBURSE FAILED: returned");
    assert_eq!(bench.wallet().await, "99973.125", "the fee stays away");
}

#[tokio::test]
async fn webhooks_by_hand_can_lie() {
    let receiver = Receiver::start(&[200, 401]).await;
    let bench = instant(&receiver, |_| {}).await;
    bench.client.transfer("ref").await;
    receiver.wait_for(1).await;
    let send = async |text: &str| {
        let order: WebhookOrder = serde_json::from_str(text).unwrap();
        bench.control.send_webhook(order).await
    };
    let wrong = send(r#"{"reference":"ref","hash":"wrong"}"#).await.unwrap();
    assert_eq!(wrong.answers, ["401"]);
    send(r#"{"reference":"ref","status":"FAILED","amount":"1.10","times":2}"#).await.unwrap();
    send(r#"{"body":{"event":"charge.completed","n":1.10}}"#).await.unwrap();
    let got = receiver.wait_for(5).await;
    assert_eq!(got[1].headers["verif-hash"], "wrong");
    assert_eq!(got[1].body, got[0].body);
    assert_eq!(got[2].data("status"), "FAILED");
    assert!(got[2].body.contains(r#""amount":1.1,"#));
    assert_eq!(got[3].body, got[2].body);
    assert_eq!(got[4].body, r#"{"event":"charge.completed","n":1.10}"#);
    assert!(send(r#"{"reference":"never"}"#).await.is_err());
    assert_eq!(bench.transfer("ref").await.status, Status::Successful, "the books are not touched");
}

#[tokio::test]
async fn shapes_and_callback_urls_follow_the_settings() {
    let receiver = Receiver::start(&[]).await;
    let own = Receiver::start(&[]).await;
    let bench = instant(&receiver, |settings| settings.event_type = false).await;
    let with_callback = async |reference: &str| {
        let mut body: serde_json::Value = serde_json::from_str(&order(reference, "100")).unwrap();
        body["callback_url"] = own.url.clone().into();
        body["meta"] = serde_json::json!([{"k": "v"}]);
        bench.client.post("/v3/transfers", &body.to_string()).await
    };
    with_callback("ignored").await;
    let got = receiver.wait_for(1).await.remove(0);
    assert!(got.json().get("event.type").is_none());
    assert_eq!(got.json()["data"]["meta"], serde_json::json!([{"k": "v"}]));

    bench.control.change_settings(|settings| settings.callback_url = CallbackUrl::Also).unwrap();
    with_callback("also").await;
    receiver.wait_for(2).await;
    own.wait_for(1).await;

    bench.control.change_settings(|settings| settings.callback_url = CallbackUrl::Instead).unwrap();
    bench.control.change_settings(|settings| settings.webhook_shape = WebhookShape::Legacy).unwrap();
    with_callback("instead").await;
    let legacy = own.wait_for(2).await.remove(1).json();
    assert_eq!(legacy["event.type"], "Transfer");
    assert!(legacy.get("event").is_none());
    assert_eq!(legacy["transfer"]["reference"], "instead");
    assert_eq!(legacy["transfer"]["proof"].as_str().unwrap().len(), 30);
    receiver.stays_at(2, A_WHILE).await;
}
