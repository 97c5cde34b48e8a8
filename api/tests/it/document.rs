//! The committed document is the one the code makes.

#[test]
fn the_committed_document_is_fresh() {
    let committed = include_str!("../../../openapi/openapi.json");
    assert!(
        committed == api::document::committed(),
        "openapi/openapi.json is stale: cargo run -p api --bin openapi > openapi/openapi.json"
    );
}
