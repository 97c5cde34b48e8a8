//! `GET /v3/transfers/:id` and `GET /v3/transfers?…`.

use simulator::{NotFoundById, NotFoundByReference, ReferenceFilter};

use crate::harness::Bench;

#[tokio::test]
async fn a_reference_is_found_exactly_also_through_the_sdks_odd_paths() {
    let bench = Bench::instant().await;
    bench.client.transfer("ref-1").await;
    bench.client.transfer("ref-11").await;
    let id = bench.transfer("ref-1").await.id;
    for path in [
        "/v3/transfers?reference=ref-1",
        "//v3/transfers?&reference=ref-1",
        "/v3//transfers/?reference=ref-1&&page=",
    ] {
        let json = bench.client.get(path).await.json();
        assert_eq!(json["message"], "Transfers fetched");
        assert_eq!(json["meta"]["page_info"]["total"], 1, "{path}");
        assert_eq!(json["data"][0]["id"], id);
    }
    assert_eq!(bench.client.get(&format!("//v3/transfers/{id}")).await.json()["data"]["reference"], "ref-1");
}

#[tokio::test]
async fn pages_hold_ten_newest_first() {
    let bench = Bench::instant().await;
    for n in 0..23 {
        bench.client.transfer(&format!("ref-{n}")).await;
    }
    let page = async |n: u32| bench.client.get(&format!("/v3/transfers?page={n}")).await.json();
    let first = page(1).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 10);
    assert_eq!(first["data"][0]["reference"], "ref-22");
    assert_eq!(
        first["meta"]["page_info"],
        serde_json::json!({"total": 23, "current_page": 1, "total_pages": 3})
    );
    assert_eq!(page(3).await["data"].as_array().unwrap().len(), 3);
    assert!(page(4).await["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn lists_are_narrowed_by_status_and_day() {
    let bench = Bench::instant().await;
    bench.plant(r#"{"match":{"reference":"b"},"fault":{"kind":"fail"}}"#);
    bench.client.transfer("a").await;
    bench.client.transfer("b").await;
    let total = async |query: &str| {
        let json = bench.client.get(&format!("/v3/transfers?{query}")).await.json();
        json["meta"]["page_info"]["total"].as_u64().unwrap()
    };
    assert_eq!(total("status=FAILED").await, 1);
    assert_eq!(total("status=successful").await, 1);
    assert_eq!(total("currency=USD").await, 0);
    let lagos = chrono::FixedOffset::east_opt(3600).unwrap();
    let today = bench.control.clock().now.with_timezone(&lagos).date_naive();
    assert_eq!(total(&format!("from={today}&to={today}")).await, 2);
    assert_eq!(total("to=2020-01-01").await, 0);
    assert_eq!(bench.client.get("/v3/transfers?from=yesterday").await.status, 400);
}

#[tokio::test]
async fn what_is_not_there_is_told_as_the_settings_say() {
    let bench = Bench::instant().await;
    bench.client.transfer("other").await;
    let by_id = async || bench.client.get("/v3/transfers/1").await;
    let by_reference = async || bench.client.get("/v3/transfers?reference=none").await;

    assert_eq!(by_id().await.status, 404);
    let empty = by_reference().await;
    assert_eq!((empty.status, empty.json()["data"].as_array().map(Vec::len)), (200, Some(0)));

    let control = &bench.control;
    control.change_settings(|settings| settings.not_found_by_id = NotFoundById::Http400).unwrap();
    control
        .change_settings(|settings| settings.not_found_by_reference = NotFoundByReference::Http404)
        .unwrap();
    assert_eq!(by_id().await.status, 400);
    assert_eq!(by_reference().await.status, 404);

    control.change_settings(|settings| settings.not_found_by_id = NotFoundById::Null).unwrap();
    control
        .change_settings(|settings| settings.not_found_by_reference = NotFoundByReference::Http400)
        .unwrap();
    let null = by_id().await;
    assert_eq!((null.status, null.json()["data"].is_null()), (200, true));
    assert_eq!(by_reference().await.status, 400);

    control.change_settings(|settings| settings.reference_filter = ReferenceFilter::Ignored).unwrap();
    let ignored = by_reference().await.json();
    assert_eq!(ignored["data"][0]["reference"], "other", "the filter was told to be ignored");
    assert_eq!(bench.client.get("/v3/transfers/not-a-number").await.status, 200);
}
