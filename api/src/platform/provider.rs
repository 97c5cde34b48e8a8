//! `PUT /api/platform/providers/{external_id}`

use chrono::{DateTime, Utc};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json};
use store::providers::{NewProvider, ProviderStatus};
use uuid::Uuid;

use super::external_id::ExternalId;
use crate::{
    app::TheApp,
    auth::AsPlatform,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY, WITH_QUERY},
};

/// The columns hold these many.
const MAX_NAME_CHARS: usize = 200;
const MAX_EMAIL_CHARS: usize = 254;

/// What the marketplace knows about a provider. What is left out is set to its default, not kept.
#[derive(Debug, Object)]
struct ProviderContent {
    /// What people call the provider; 1 to 200 characters.
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
    /// Where notifications go; at most 254 characters.
    #[oai(validator(max_length = 254))]
    email: Option<String>,
    /// Whether the provider's identity has been checked. Default: false. Payouts to others are always reviewed.
    verified: Option<bool>,
    /// Stops new payouts of this provider, and those not yet checked; what is approved waits. Default: false, which does not lift a
    /// suspension that staff ordered.
    suspended: Option<bool>,
}

struct Given {
    display_name: String,
    email: Option<String>,
    verified: bool,
    suspended: bool,
}

impl FromFields for ProviderContent {
    type Checked = Given;

    fn from_fields(fields: &mut Fields) -> Option<Given> {
        let display_name = fields.text("display_name", MAX_NAME_CHARS);
        let email = fields.optional_text("email", MAX_EMAIL_CHARS);
        // Whether mail arrives there only mail can tell; this catches a name in the wrong field.
        if email.as_ref().is_some_and(|email| !email.contains('@') || email.contains(char::is_whitespace)) {
            fields.refuse("email", FieldCode::InvalidValue, "must be an e-mail address");
        }
        let verified = fields.bool_or("verified", false);
        let suspended = fields.bool_or("suspended", false);
        Some(Given { display_name: display_name?, email, verified: verified?, suspended: suspended? })
    }
}

/// A provider.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Provider {
    /// Ours. It is the `provider_id` in the tokens of this provider.
    id: Uuid,
    /// The marketplace's.
    external_id: String,
    /// What people call the provider.
    display_name: String,
    /// Where notifications go.
    email: Option<String>,
    /// Whether the provider's identity has been checked.
    verified: bool,
    /// Whether payouts are stopped.
    suspended: bool,
    /// When it was first pushed (UTC).
    created_at: DateTime<Utc>,
    /// When it was last pushed (UTC).
    updated_at: DateTime<Utc>,
}

impl From<store::providers::Provider> for Provider {
    fn from(provider: store::providers::Provider) -> Self {
        Self {
            id: provider.id.uuid(),
            external_id: provider.external_id,
            display_name: provider.display_name,
            email: provider.email,
            verified: provider.verified,
            suspended: match provider.status {
                ProviderStatus::Active => false,
                ProviderStatus::Suspended => true,
            },
            created_at: provider.created_at,
            updated_at: provider.updated_at,
        }
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// The provider is new.
    #[oai(status = 201)]
    New(Json<Provider>),
    /// The provider was known and is now as pushed.
    #[oai(status = 200)]
    Known(Json<Provider>),
}

pub(crate) struct PushProvider;

impl Refuses for PushProvider {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Platform")]
impl PushProvider {
    /// Push a provider
    ///
    /// Makes the provider of this external id, or changes it to what is sent. Safe to repeat.
    #[oai(path = "/api/platform/providers/:external_id", method = "put", operation_id = "pushProvider")]
    async fn push(
        &self,
        app: TheApp<'_>,
        caller: AsPlatform,
        /// The marketplace's id of the provider.
        external_id: Path<ExternalId>,
        body: Body<ProviderContent>,
    ) -> Result<Answer, Refused<Self>> {
        let Given { display_name, email, verified, suspended } = body.0;
        let new =
            NewProvider { external_id: external_id.0.checked()?, display_name, email, verified, suspended };
        let (provider, is_new) = store::providers::upsert(&app.pool, &new, &caller.0, app.now()).await?;
        let provider = Json(Provider::from(provider));
        Ok(if is_new { Answer::New(provider) } else { Answer::Known(provider) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::assert_reads_what_is_documented;

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<ProviderContent>();
    }
}
