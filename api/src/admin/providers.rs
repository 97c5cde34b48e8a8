//! `GET /api/admin/providers` and `GET /api/admin/providers/{id}`

use chrono::{DateTime, Utc};
use domain::ProviderId;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
    types::Any,
};
use store::{
    payouts::Sought,
    provider_lists::{Around, Filter, Page},
    providers::{Provider, ProviderStatus},
};
use uuid::Uuid;

use super::{suspend_provider::ProviderSuspension, view::AdminPayout};
use crate::{
    app::{App, TheApp},
    auth::AsAdmin,
    banks::BankNames,
    document::Tag,
    money::Amount,
    paging::{self, Turn, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
    shapes::BankAccount,
};

/// Payouts, corrections and lines of the trail that are shown beside a provider; the lists have the rest.
const SHOWN: i64 = 20;

/// A provider as staff sees them.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AdminProvider {
    /// Ours.
    id: Uuid,
    /// The marketplace's.
    external_id: String,
    /// What people call them.
    display_name: String,
    /// Where they are written to.
    email: Option<String>,
    /// Whether their identity has been checked.
    verified: bool,
    /// Whether payouts to them are suspended, by the marketplace or by staff.
    suspended: bool,
    /// Whether somebody, or a case, has paused payouts to them.
    paused: bool,
    /// What they have, by currency.
    balances: Vec<ProviderBalance>,
    /// Payouts that have not ended.
    open_payouts: i64,
    /// Of those: failed ones that somebody has to retry or refund.
    needing_attention: i64,
    /// When they were pushed first (UTC).
    created_at: DateTime<Utc>,
    /// When the marketplace last changed them.
    updated_at: DateTime<Utc>,
}

/// What a provider has in one currency.
#[derive(Debug, Object)]
struct ProviderBalance {
    /// ISO 4217.
    currency: String,
    /// What can be asked for now.
    available: Amount,
    /// Set aside for payouts that have not ended.
    reserved: Amount,
    /// What has been paid.
    paid_out: Amount,
    /// What is owed back.
    debt: Amount,
}

/// Providers, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Providers {
    /// This page.
    items: Vec<AdminProvider>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
    /// Ask with this `cursor` for the page before. Absent on the first one.
    previous_cursor: Option<String>,
}

/// A correction of an earning.
#[derive(Debug, Object)]
struct ProviderAdjustment {
    /// The marketplace's id of it.
    external_id: String,
    /// The earning that it corrects.
    earning_id: Uuid,
    /// Above zero: more is owed. Below: less.
    amount: Amount,
    /// Why.
    reason: String,
    /// Who pushed it.
    adjusted_by: String,
    /// When (UTC).
    adjusted_at: DateTime<Utc>,
}

/// A pause that concerns the provider.
#[derive(Debug, Object)]
struct ProviderPause {
    /// `provider` or `bank_account`.
    scope: String,
    /// The provider's or the account's id.
    subject: String,
    /// Why.
    reason: String,
    /// Who: `admin:<name>`, or `case:<id>`.
    paused_by: String,
    /// Since when (UTC).
    paused_at: DateTime<Utc>,
}

/// One line of the audit trail.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct ProviderAudit {
    /// When (UTC).
    at: DateTime<Utc>,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// Why.
    reason: Option<String>,
    /// Its particulars.
    detail: Any<serde_json::Value>,
}

/// Everything about one provider.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct AdminProviderDetail {
    /// The provider.
    provider: AdminProvider,
    /// What staff has said, while it stands. Absent with `suspended`: it is the marketplace's word alone.
    suspension: Option<ProviderSuspension>,
    /// Their bank accounts in use.
    bank_accounts: Vec<BankAccount>,
    /// Their latest 20 payouts (`GET /api/admin/payouts?provider=` has all).
    payouts: Vec<AdminPayout>,
    /// The latest 20 corrections of what they had earned.
    adjustments: Vec<ProviderAdjustment>,
    /// What is paused about them now.
    pauses: Vec<ProviderPause>,
    /// The latest 20 things done to them or their accounts.
    audit: Vec<ProviderAudit>,
}

pub(crate) struct ListProviders;

impl Refuses for ListProviders {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListProviders {
    /// Providers
    ///
    /// Newest first, a page at a time, each with balances, pauses and open payouts.
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the document")]
    #[oai(path = "/api/admin/providers", method = "get", operation_id = "listProviders")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// A provider's id, or the beginning of their name or external id (the first 50 that begin so).
        #[oai(validator(min_length = 1, max_length = 100))]
        q: Query<Option<String>>,
        /// Only those who are suspended (`true`), or are not.
        suspended: Query<Option<bool>>,
        /// Only those who owe something (`true`), or do not.
        in_debt: Query<Option<bool>>,
        /// Only those who are paused (`true`), or are not.
        paused: Query<Option<bool>>,
        /// `next_cursor` or `previous_cursor` of another page.
        cursor: Query<Option<Turn>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Providers>, Refused<Self>> {
        let among = match q.0.as_deref() {
            None => None,
            Some(text) => Some(match store::payouts::seek(&app.pool, text).await? {
                Sought::Providers(ids) => ids,
                // A payout names its provider too.
                Sought::Payout(id) => store::payouts::get(&app.pool, id)
                    .await?
                    .map(|payout| payout.provider)
                    .into_iter()
                    .collect(),
            }),
        };
        let filter = Filter { among, suspended: suspended.0, in_debt: in_debt.0, paused: paused.0 };
        let from = cursor.0;
        let page = Page {
            from: from.map(|from| ProviderId::from_uuid(from.id)),
            back: from.is_some_and(|from| from.back),
            limit: paging::fetch(limit.0),
        };
        let rows = store::provider_lists::list(&app.pool, &filter, page).await?;
        let sheet = paging::sheet(rows, limit.0, from, |row| row.id.uuid());
        let ids: Vec<_> = sheet.items.iter().map(|row| row.id).collect();
        let mut around = store::provider_lists::around(&app.pool, &ids).await?;
        let items = sheet.items.into_iter().map(|row| {
            let around = around.remove(&row.id).unwrap_or_default();
            tell(row, around)
        });
        Ok(Json(Providers {
            items: items.collect(),
            next_cursor: sheet.next_cursor,
            previous_cursor: sheet.previous_cursor,
        }))
    }
}

pub(crate) struct GetAnyProvider;

impl Refuses for GetAnyProvider {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetAnyProvider {
    /// Everything about one provider
    ///
    /// Balances, bank accounts, latest payouts, corrections of earnings, pauses, and who did what to them.
    #[oai(path = "/api/admin/providers/:id", method = "get", operation_id = "getAnyProvider")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The provider.
        id: Path<Uuid>,
    ) -> Result<Json<AdminProviderDetail>, Refused<Self>> {
        Ok(Json(detail(&app, ProviderId::from_uuid(id.0)).await?))
    }
}

async fn detail(app: &App, id: ProviderId) -> Result<AdminProviderDetail, Problem> {
    let pool = &app.pool;
    let provider = store::providers::get(pool, id).await?.ok_or_else(Problem::not_found)?;
    let around = store::provider_lists::around(pool, &[id]).await?.remove(&id).unwrap_or_default();
    let accounts = store::bank_accounts::list(pool, id).await?;
    let filter = store::payouts::Filter { provider: Some(id), ..store::payouts::Filter::default() };
    let payouts = store::payouts::list(pool, &filter, store::payouts::Page::newest(None, SHOWN)).await?;
    let adjustments = store::provider_lists::corrections(pool, id, SHOWN).await?;
    let subjects: Vec<String> =
        accounts.iter().map(|account| account.id.to_string()).chain([id.to_string()]).collect();
    let pauses =
        store::pauses::list(pool).await?.into_iter().filter(|pause| subjects.contains(&pause.what.subject()));
    let audit = store::provider_lists::trail(pool, id, SHOWN).await?;
    let banks = BankNames::get(app).await;
    let suspension = store::suspensions::get(pool, id).await?;
    Ok(AdminProviderDetail {
        provider: tell(provider, around),
        suspension: suspension.map(ProviderSuspension::from),
        bank_accounts: accounts.iter().map(|account| BankAccount::told(account, &banks)).collect(),
        payouts: payouts.iter().map(AdminPayout::from).collect(),
        adjustments: adjustments
            .into_iter()
            .map(|one| ProviderAdjustment {
                external_id: one.external_id,
                earning_id: one.earning,
                amount: Amount(one.amount),
                reason: one.reason,
                adjusted_by: one.by,
                adjusted_at: one.at,
            })
            .collect(),
        pauses: pauses
            .map(|pause| ProviderPause {
                scope: pause.what.scope().to_owned(),
                subject: pause.what.subject(),
                reason: pause.reason,
                paused_by: pause.by,
                paused_at: pause.at,
            })
            .collect(),
        audit: audit
            .into_iter()
            .map(|line| ProviderAudit {
                at: line.at,
                actor: line.actor,
                action: line.action,
                reason: line.reason,
                detail: Any(line.detail),
            })
            .collect(),
    })
}

fn tell(provider: Provider, around: Around) -> AdminProvider {
    AdminProvider {
        id: provider.id.uuid(),
        external_id: provider.external_id,
        display_name: provider.display_name,
        email: provider.email,
        verified: provider.verified,
        suspended: match provider.status {
            ProviderStatus::Active => false,
            ProviderStatus::Suspended => true,
        },
        paused: around.paused,
        balances: around
            .balances
            .into_iter()
            .map(|balance| ProviderBalance {
                currency: balance.currency.code().to_owned(),
                available: Amount(balance.available),
                reserved: Amount(balance.reserved),
                paid_out: Amount(balance.paid_out),
                debt: Amount(balance.debt),
            })
            .collect(),
        open_payouts: around.open,
        needing_attention: around.attention,
        created_at: provider.created_at,
        updated_at: provider.updated_at,
    }
}
