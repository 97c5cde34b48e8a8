//! What the marketplace tells us: who its providers are, and what they have earned. Everything is pushed under the marketplace's
//! own ids, so that pushing again after a lost answer is safe.

mod adjustment;
mod earning;
mod external_id;
mod get_earning;
mod get_provider;
mod provider;
mod webhook_endpoints;

pub(crate) type PlatformApi = (
    provider::PushProvider,
    get_provider::GetProvider,
    earning::PushEarning,
    get_earning::GetEarning,
    adjustment::AdjustEarning,
    webhook_endpoints::WebhookEndpointsApi,
);

pub(crate) fn api() -> PlatformApi {
    (
        provider::PushProvider,
        get_provider::GetProvider,
        earning::PushEarning,
        get_earning::GetEarning,
        adjustment::AdjustEarning,
        webhook_endpoints::WebhookEndpointsApi,
    )
}
