//! `GET /api/admin/risk-policies`

use domain::{Currency, RiskPolicyId};
use poem_openapi::{Enum, Object, OpenApi, param::Query, payload::Json};

use super::policy::{RiskPolicy, RiskPolicyStatus};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    paging::{self, Cursor, default_limit},
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
};

/// A currency that payouts can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "UPPERCASE", remote = "domain::Currency")]
enum PolicyCurrency {
    Ngn,
    Ghs,
    Kes,
}

/// Risk policies, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct RiskPolicies {
    /// This page.
    items: Vec<RiskPolicy>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

pub(crate) struct ListRiskPolicies;

impl Refuses for ListRiskPolicies {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListRiskPolicies {
    /// Risk policies
    ///
    /// For `admin` and `finance`. Every version that was ever proposed, newest first. At most one per currency is `ACTIVE`; in a
    /// currency without one every payout goes to people.
    #[oai(path = "/api/admin/risk-policies", method = "get", operation_id = "listRiskPolicies")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// Only those for this currency.
        currency: Query<Option<PolicyCurrency>>,
        /// Only those that stand there.
        status: Query<Option<RiskPolicyStatus>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<RiskPolicies>, Refused<Self>> {
        let rows = store::risk_policies::list(
            &app.pool,
            currency.0.map(Currency::from),
            status.0.map(Into::into),
            cursor.0.map(|cursor| RiskPolicyId::from_uuid(cursor.0)),
            paging::fetch(limit.0),
        )
        .await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        Ok(Json(RiskPolicies { items: rows.iter().map(RiskPolicy::from).collect(), next_cursor }))
    }
}
