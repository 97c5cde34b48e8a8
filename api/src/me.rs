//! `GET /api/me`

use chrono::{DateTime, Utc};
use domain::Currency;
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use store::providers::ProviderStatus;
use uuid::Uuid;
use worker::settings::AppEnv;

use crate::{
    app::{App, TheApp},
    auth::{AsAnyone, Caller, Role},
    document::{self, Tag},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN},
};

/// What a token's bearer is.
///
/// `provider` (someone the marketplace owes money), `admin` (risk), `finance` (an admin who may also settle what is between the
/// marketplace, the gateway and the bank), `platform` (the marketplace itself).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", rename = "Role")]
enum RoleName {
    Provider,
    Admin,
    Finance,
    Escalation,
    Platform,
}

/// Who a token says its bearer is, and what the screens around them need to know.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Me {
    /// The token's `sub`. For staff it is the name in the audit trail, after `admin:`.
    subject: String,
    /// What they are here.
    role: RoleName,
    /// Which provider they are, where they are one.
    provider: Option<MyProvider>,
    /// The operations of this document that the token opens, by `operationId`. What stands in the way of one of them now, for
    /// one payout say, is in that payout's `actions`.
    operations: Vec<String>,
    /// When the token ends (UTC). Afterwards every request is answered 401.
    expires_at: DateTime<Utc>,
    /// When they last showed the issuer who they are (`auth_time`), where the token says so.
    signed_in_at: Option<DateTime<Utc>>,
    /// Where they are.
    installation: Installation,
}

/// The provider that a token speaks for.
#[derive(Debug, Object)]
struct MyProvider {
    /// Ours.
    id: Uuid,
    /// The marketplace's.
    external_id: String,
    /// What people call them.
    display_name: String,
    /// Whether their identity has been checked.
    verified: bool,
    /// Whether payouts to them are suspended.
    suspended: bool,
}

/// This installation.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Installation {
    /// What its references at the gateway begin with.
    name: String,
    /// `development` (nothing here is real money) or `production`.
    environment: String,
    /// The time zone in which windows and days are counted (IANA).
    time_zone: String,
    /// The currencies that amounts can have.
    currencies: Vec<CurrencyInUse>,
    /// Where a payout's history is shown in the workflow engine, for staff: append the payout's id. Absent where none is set up.
    workflow_url: Option<String>,
}

/// A currency.
#[derive(Debug, Object)]
struct CurrencyInUse {
    /// ISO 4217.
    code: String,
    /// How many decimals an amount to be paid may have.
    decimals: u32,
}

pub(crate) struct GetMe;

impl Refuses for GetMe {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN];
}

#[OpenApi(tag = "Tag::Account")]
impl GetMe {
    /// Who you are here, and what you may do
    ///
    /// For every kind of token. Tells what the token says of its bearer, which operations it opens, when it ends, and what a
    /// screen needs to know of this installation: its name, its time zone, its currencies.
    #[oai(path = "/api/me", method = "get", operation_id = "getMe")]
    async fn me(&self, app: TheApp<'_>, caller: AsAnyone) -> Result<Json<Me>, Refused<Self>> {
        Ok(Json(tell(&app, caller.0).await?))
    }
}

async fn tell(app: &App, caller: Caller) -> Result<Me, Problem> {
    let (role, schemes, staff): (RoleName, &[&str], bool) = match caller.role {
        Role::Provider(_) => (RoleName::Provider, &["anyone", "provider"], false),
        Role::Admin => (RoleName::Admin, &["anyone", "admin"], true),
        Role::Finance => (RoleName::Finance, &["anyone", "admin", "finance"], true),
        Role::Escalation => (RoleName::Escalation, &["anyone", "admin"], true),
        Role::Platform => (RoleName::Platform, &["anyone", "platform"], false),
    };
    let provider = match caller.role {
        Role::Provider(id) => {
            let found = store::providers::get(&app.pool, id).await?;
            let unknown = || Problem::new(Code::Forbidden, "This token's provider is not known here.");
            Some(MyProvider::from(found.ok_or_else(unknown)?))
        }
        Role::Admin | Role::Finance | Role::Escalation | Role::Platform => None,
    };
    let workflow_url = app.temporal_ui.as_ref().filter(|_| staff).map(crate::app::TemporalUi::payouts);
    Ok(Me {
        subject: caller.subject,
        role,
        provider,
        operations: document::operations_of(schemes),
        expires_at: caller.expires_at,
        signed_in_at: caller.signed_in_at,
        installation: Installation {
            name: app.prefix.as_str().to_owned(),
            environment: match app.environment {
                AppEnv::Development => "development".to_owned(),
                AppEnv::Production => "production".to_owned(),
            },
            time_zone: app.zone.name().to_owned(),
            currencies: Currency::ALL
                .into_iter()
                .map(|currency| CurrencyInUse {
                    code: currency.code().to_owned(),
                    decimals: currency.scale(),
                })
                .collect(),
            workflow_url,
        },
    })
}

impl From<store::providers::Provider> for MyProvider {
    fn from(provider: store::providers::Provider) -> Self {
        Self {
            id: provider.id.uuid(),
            external_id: provider.external_id,
            display_name: provider.display_name,
            verified: provider.verified,
            suspended: match provider.status {
                ProviderStatus::Active => false,
                ProviderStatus::Suspended => true,
            },
        }
    }
}
