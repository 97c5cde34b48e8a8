//! The dashboard beside the API: what is whose, what browsers may keep, and what its pages may load.

use std::{fs, path::PathBuf};

use api::dashboard::{Dashboard, NoDashboard};
use poem::{
    Endpoint, Response,
    endpoint::make_sync,
    http::{StatusCode, header},
    test::{TestClient, TestResponse},
};

const PAGE: &str = "<!doctype html>the page";
const SCRIPT: &str = "/assets/index-abc.js";

/// A folder of its own for each test, below cargo's own for tests.
fn build(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dashboard").join(test);
    let _from_an_earlier_run = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("assets")).unwrap();
    fs::create_dir_all(folder.join(".vite")).unwrap();
    let file = |path: &str, text: &str| fs::write(folder.join(path), text).unwrap();
    file("index.html", PAGE);
    file("index.html.gz", "page, as gzip");
    file("theme.js", "theme");
    file("assets/index-abc.js", "script");
    file("assets/index-abc.js.br", "script, as brotli");
    file("assets/index-abc.js.gz", "script, as gzip");
    file(".vite/manifest.json", "not for browsers");
    folder
}

fn client(test: &str) -> TestClient<impl Endpoint> {
    let api = make_sync(|_| Response::builder().status(StatusCode::IM_A_TEAPOT).body("the API"));
    TestClient::new(Dashboard::read(&build(test)).unwrap().beside(api))
}

async fn open(client: &TestClient<impl Endpoint>, path: &str) -> TestResponse {
    client.get(path).header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9").send().await
}

#[tokio::test]
async fn every_address_of_a_browser_is_the_page() {
    let client = client("pages");
    for path in ["/", "/index.html", "/sign-in", "/provider/payouts/1?status=COMPLETED", "/nowhere/at/all"] {
        let page = open(&client, path).await;
        page.assert_status_is_ok();
        page.assert_content_type("text/html; charset=utf-8");
        page.assert_header(header::CACHE_CONTROL, "no-cache");
        page.assert_text(PAGE).await;
    }
}

#[tokio::test]
async fn what_is_the_apis_stays_the_apis() {
    let client = client("api");
    let paths = [
        "/api/admin/payouts",
        "/api",
        "/bank-account-stops/0a",
        "/docs",
        "/errors",
        "/openapi.json",
        "/healthz",
        "/readyz",
    ];
    for path in paths {
        open(&client, path).await.assert_status(StatusCode::IM_A_TEAPOT);
    }
    // Changing something is never a page, nor is what a program asks for.
    client.post("/sign-in").send().await.assert_status(StatusCode::IM_A_TEAPOT);
    client.get("/sign-in").send().await.assert_status(StatusCode::IM_A_TEAPOT);
    // A script that is not there is not answered with a page.
    open(&client, "/assets/index-old.js").await.assert_status(StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn nothing_outside_the_build_is_reached() {
    let client = client("outside");
    for path in ["/.vite/manifest.json", "/assets/../../Cargo.toml", "/assets/%2e%2e/index.html", "/assets"] {
        client.get(path).send().await.assert_status(StatusCode::IM_A_TEAPOT);
    }
}

#[tokio::test]
async fn hashed_files_are_kept_and_the_others_asked_for_again() {
    let client = client("cache");
    let script = client.get(SCRIPT).send().await;
    script.assert_header(header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    script.assert_content_type("text/javascript; charset=utf-8");
    let theme = client.get("/theme.js").send().await;
    theme.assert_header(header::CACHE_CONTROL, "no-cache");
    let tag = theme.0.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("\"another\", W/{tag}")] {
        let again = client.get("/theme.js").header(header::IF_NONE_MATCH, known).send().await;
        again.assert_status(StatusCode::NOT_MODIFIED);
        again.assert_header(header::ETAG, &tag);
        again.assert_text("").await;
    }
    let other = client.get("/theme.js").header(header::IF_NONE_MATCH, "\"another\"").send().await;
    other.assert_status_is_ok();
}

#[tokio::test]
async fn browsers_get_the_smallest_form_that_they_take() {
    let client = client("encodings");
    let asked = [
        (SCRIPT, "gzip, deflate, br, zstd", Some("br"), "script, as brotli"),
        (SCRIPT, "br;q=0, gzip;q=0.5", Some("gzip"), "script, as gzip"),
        (SCRIPT, "identity", None, "script"),
        ("/index.html", "br, gzip", Some("gzip"), "page, as gzip"),
        ("/theme.js", "br, gzip", None, "theme"),
    ];
    for (path, accepted, encoding, body) in asked {
        let answer = client.get(path).header(header::ACCEPT_ENCODING, accepted).send().await;
        assert_eq!(answer.0.header("content-encoding"), encoding, "{path} as {accepted}");
        answer.assert_header(header::VARY, "accept-encoding");
        answer.assert_text(body).await;
    }
    // The twins are no addresses of their own.
    client.get("/assets/index-abc.js.br").send().await.assert_status(StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_run_no_inline_script() {
    let client = client("headers");
    for path in ["/", SCRIPT] {
        let answer = client.get(path).send().await;
        let policy = answer.0.header("content-security-policy").unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        for loose in ["unsafe", "http", "*", "blob:"] {
            assert!(!policy.contains(loose), "{policy}");
        }
        answer.assert_header(header::X_FRAME_OPTIONS, "DENY");
        answer.assert_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        answer.assert_header(header::REFERRER_POLICY, "no-referrer");
    }
}

#[test]
fn a_folder_without_a_build_is_refused_by_name() {
    let folder = build("not-built");
    fs::remove_file(folder.join("index.html")).unwrap();
    let error = Dashboard::read(&folder).unwrap_err();
    assert!(matches!(error, NoDashboard::NotBuilt { .. }));
    assert!(error.to_string().contains("not-built"));
    assert!(matches!(Dashboard::read(&folder.join("nowhere")), Err(NoDashboard::Unreadable { .. })));
}
