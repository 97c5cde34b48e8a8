//! Admin lists as files that a spreadsheet can open and must not calculate with.

use poem::http::StatusCode;
use serde_json::json;
use store::Pool;

use crate::world::{World, admin};

#[sqlx::test(migrations = "../migrations")]
async fn payouts_as_csv(pool: Pool) {
    let world = World::new(pool).await;
    let id = world.under_review("1500.00").await;
    let body = json!({ "decision": "reject", "reason": "=cmd|' /C calc'!A0, \"really\"" });
    world.post(&format!("/api/admin/payouts/{id}/decision"), &admin(), &body).await;
    world.payout("20.00").await;

    let by_parameter = world.client.get("/api/admin/payouts?format=csv");
    let by_header = world.client.get("/api/admin/payouts").header("accept", "text/csv");
    for request in [by_parameter, by_header] {
        let response = request.header("authorization", format!("Bearer {}", admin())).send().await;
        response.assert_status(StatusCode::OK);
        response.assert_header("content-disposition", "attachment; filename=\"payouts.csv\"");
        assert!(response.0.content_type().unwrap().starts_with("text/csv"));
        let text = response.0.into_body().into_string().await.unwrap();
        let lines: Vec<_> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 3, "{text}");
        let columns = lines[0].split(',').count();
        assert_eq!(lines[1].split(',').count(), columns, "{text}");
        assert!(lines[2].contains("REJECTED,1500.00,NGN,"), "{text}");
        assert!(lines[2].contains("\"'=cmd|' /C calc'!A0, \"\"really\"\"\""), "{text}");
    }
    let filtered = world.client.get("/api/admin/payouts?format=csv&status=COMPLETED");
    let response = filtered.header("authorization", format!("Bearer {}", admin())).send().await;
    assert_eq!(response.0.into_body().into_string().await.unwrap().lines().count(), 1);
}
