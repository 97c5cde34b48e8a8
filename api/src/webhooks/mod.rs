//! What gateways tell us, unasked.

mod flutterwave;

pub(crate) type WebhookApi = flutterwave::FlutterwaveWebhook;

pub(crate) fn api() -> WebhookApi {
    flutterwave::FlutterwaveWebhook
}
