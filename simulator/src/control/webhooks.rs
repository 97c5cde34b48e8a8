//! Webhooks sent by hand: again, forged, with a wrong hash or another status.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::agenda;
use crate::delivery::{self, Delivery};
use crate::status::Status;
use crate::webhook::{self, Claim};
use crate::world::World;

/// They are sent one after the other while the caller waits.
const MOST_COPIES: u8 = 100;

/// What to send. Without anything but a reference it is the webhook of the transfer as it stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookOrder {
    /// The transfer it is about; not needed with a `body`.
    pub reference: Option<String>,
    pub status: Option<Status>,
    pub complete_message: Option<String>,
    pub amount: Option<Decimal>,
    pub account_number: Option<String>,
    pub id: Option<u64>,
    /// Another `verif-hash` than the right one.
    pub hash: Option<String>,
    /// Sent as it is in place of a webhook of ours.
    pub body: Option<Box<RawValue>>,
    /// Another receiver than the setting's.
    pub url: Option<String>,
    /// How many, one after the other; one when absent.
    pub times: Option<u8>,
}

/// What the receiver said to each: an HTTP status, or why there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSent {
    pub body: String,
    pub answers: Vec<String>,
}

pub(super) async fn send(world: &World, order: WebhookOrder) -> Result<WebhookSent, String> {
    let settings = world.settings();
    let url = order.url.or_else(|| settings.webhook_url.clone());
    let url = url.ok_or("no `url` is given and the setting webhook_url is not set")?;
    delivery::check_url(&url)?;
    let body = match (order.body, order.reference) {
        (Some(body), _) => body.get().to_owned(),
        (None, None) => return Err("give a `reference` or a `body`".to_owned()),
        (None, Some(reference)) => {
            let found = world.books.read(|state| state.under(&reference).last().cloned()).await;
            let transfer = found.map_err(|_| "the books are broken")?;
            let transfer = transfer.ok_or_else(|| format!("there is no transfer {reference}"))?;
            let claim = Claim {
                status: order.status,
                message: order.complete_message,
                amount: order.amount,
                account_number: order.account_number,
                id: order.id,
            };
            webhook::body(&transfer, claim, &settings).map_err(|error| error.to_string())?
        }
    };
    let hash = order.hash.unwrap_or_else(|| settings.webhook_hash.clone());
    let mut answers = Vec::new();
    for _ in 0..order.times.unwrap_or(1).clamp(1, MOST_COPIES) {
        let delivery = Delivery { url: url.clone(), hash: hash.clone(), body: body.clone() };
        let answer = delivery.send(agenda::patience(world)).await;
        answers.push(answer.map_or_else(|error| error, |status| status.to_string()));
    }
    Ok(WebhookSent { body, answers })
}
