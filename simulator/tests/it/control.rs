//! The control API and the page.

use serde_json::json;

use crate::harness::Bench;

#[tokio::test]
async fn the_books_are_paged_and_unknown_references_are_404() {
    let bench = Bench::instant().await;
    for n in 0..5 {
        bench.client.transfer(&format!("ref/{n}")).await;
    }
    let client = bench.client.with_key("");
    let first = client.get("/_sim/transfers?limit=3").await.json();
    assert_eq!((first["total"].as_u64(), first["transfers"].as_array().unwrap().len()), (Some(5), 3));
    assert_eq!(first["transfers"][0]["amount"], "5500");
    let rest = client.get(&format!("/_sim/transfers?limit=3&after={}", first["next"])).await.json();
    assert_eq!(rest["transfers"].as_array().unwrap().len(), 2);
    assert!(rest["next"].is_null());
    let newest = client.get("/_sim/transfers?order=newest&limit=1").await.json();
    assert_eq!(newest["transfers"][0]["reference"], "ref/4");
    assert_eq!(client.get("/_sim/transfers/ref%2F1").await.json()["posts"], 1);
    assert_eq!(client.get("/_sim/transfers/never").await.status, 404);
}

#[tokio::test]
async fn every_control_works_over_http() {
    let bench = Bench::instant().await;
    let client = bench.client.with_key("");
    let wallet = client.post("/_sim/wallet", r#"{"balance":"1000.00"}"#).await.json();
    assert_eq!(wallet, json!({"balance": "1000.00", "in_flight": "0"}));
    let planted =
        client.post("/_sim/faults", r#"{"match":{"reference":"x"},"fault":{"kind":"decline"}}"#).await;
    assert_eq!(planted.status, 201);
    let id = planted.json()["id"].as_u64().unwrap();
    assert_eq!(client.get("/_sim/faults").await.json()["faults"][0]["times"], 1);
    let path = format!("/_sim/faults/{id}");
    assert_eq!(client.call("DELETE", &path, None).await.unwrap().status, 200);
    assert_eq!(client.call("DELETE", &path, None).await.unwrap().status, 404);
    assert_eq!(client.call("DELETE", "/_sim/faults", None).await.unwrap().json(), json!({"faults": []}));

    let settings = client.post("/_sim/settings", r#"{"settle_after":"1500ms","mode":"test"}"#).await.json();
    assert_eq!((&settings["settle_after"], &settings["mode"]), (&json!("1500ms"), &json!("test")));
    assert_eq!(client.get("/_sim/settings").await.json(), settings);
    assert_eq!(client.post("/_sim/settings", &settings.to_string()).await.json(), settings);

    bench.client.transfer("ref").await;
    let posts = client.get("/_sim/posts").await.json();
    assert_eq!(posts["verdicts"], json!({"accepted": 1}));
    assert_eq!(posts["timeline"][0]["reference"], "ref");
    assert_eq!(client.get("/_sim/posts?since=9999-01-01T00:00:00Z").await.json()["timeline"], json!([]));
    assert_eq!(client.post("/_sim/reverse/ref", "").await.status, 400, "it is not paid");
    assert_eq!(client.post("/_sim/reverse/never", "").await.status, 404);
    assert_eq!(client.post("/_sim/clock", r#"{"advance":"1h"}"#).await.json()["rate"], 1);
    assert_eq!(client.get("/_sim/health").await.status, 200);

    let page = client.get("/").await;
    assert!(page.status == 200 && page.text.contains("Flutterwave simulator"));
    assert!(!page.text.contains("https://"), "the page asks no other host");
}

#[tokio::test]
async fn nonsense_is_refused_with_a_reason_and_changes_nothing() {
    let bench = Bench::instant().await;
    let before = bench.control.settings();
    for (path, body) in [
        ("wallet", r#"{"balance":1000}"#),
        ("wallet", r#"{"balance":"lots"}"#),
        ("wallet", "nonsense"),
        ("faults", r#"{"fault":{"kind":"no_such_kind"}}"#),
        ("faults", r#"{"fault":{"kind":"decline","status":200}}"#),
        ("faults", r#"{"fault":{"kind":"unknown_status","status":"FAILED"}}"#),
        ("settings", r#"{"no_such_setting":1}"#),
        ("settings", r#"{"settle_after":"-1s"}"#),
        ("webhooks", "{}"),
        ("webhooks", r#"{"reference":"x","url":"https://example.org/"}"#),
        ("clock", r#"{"advance":"1e9"}"#),
    ] {
        let heard = bench.client.post(&format!("/_sim/{path}"), body).await;
        assert_eq!(heard.status, 400, "{path} {body}: {}", heard.text);
        assert!(heard.json()["error"].is_string());
    }
    assert_eq!(bench.client.get("/_sim/nothing").await.status, 404);
    assert_eq!(bench.client.get("/nothing").await.status, 404);
    assert_eq!(bench.control.settings(), before);
    assert!(bench.control.faults().is_empty());
}

#[tokio::test]
async fn there_is_a_limit_to_faults_but_used_up_ones_make_room() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"match":{"reference":"used"},"fault":{"kind":"fail"}}"#);
    for _ in 1..simulator::MOST_FAULTS {
        bench.plant(r#"{"match":{"reference":"never"},"fault":{"kind":"fail"}}"#);
    }
    let full = serde_json::from_str(r#"{"fault":{"kind":"fail"}}"#).unwrap();
    assert!(bench.control.plant(full).is_err());
    bench.client.transfer("used").await;
    bench.plant(r#"{"fault":{"kind":"fail"}}"#);
}

#[tokio::test]
async fn the_statement_has_every_movement_of_the_wallet() {
    let bench = Bench::instant().await;
    let client = bench.client.with_key("");
    bench.client.transfer("paid").await;
    client
        .post(
            "/_sim/faults",
            r#"{"match":{"reference":"failed"},"fault":{"kind":"fail","message":"closed"}}"#,
        )
        .await;
    bench.client.transfer("failed").await;
    client.post("/_sim/reverse/paid", "").await;
    let retry = client.post("/_sim/retry/failed", "").await.json();
    assert_eq!(retry["reference"], "failed_RETRY_1");
    assert_eq!(client.post("/_sim/retry/paid_not", "").await.status, 404);
    let statement = client.get("/_sim/statement").await;
    let mut lines: Vec<&str> = statement.text.lines().map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!(lines.remove(0), "Type,Amount,Fee,Currency,Reference,Remarks");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"credit,5526.875,0,NGN,"failed",Failed transfer"#,
            r#"credit,5526.875,0,NGN,"paid",Reversed transfer"#,
            r#"debit,5500,26.875,NGN,"failed",Transfer"#,
            r#"debit,5500,26.875,NGN,"failed_RETRY_1",Transfer"#,
            r#"debit,5500,26.875,NGN,"paid",Transfer"#,
        ]
    );
}
